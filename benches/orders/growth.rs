//! Measures a database as it would be after a long time against a small one: orders per second, and
//! the time of reads that return as much in both.

use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::database::Database;
use crate::http;
use crate::options::{self, Options};
use crate::order_load::Keys;
use crate::read_load::Read;
use crate::recorder::Recorder;
use crate::server::Server;
use crate::setup;

const SEED: &str = include_str!("growth.sql");
const CONNECTIONS: usize = 256;
const READERS: usize = 16;
/// A user of whom both databases have as much: nothing but what was measured here.
const READER: i64 = 1;
const PATHS: [&str; 5] = [
    "/api/orders?symbol=BTC",
    "/api/profile",
    "/api/my-orders?limit=20",
    "/api/balance-history?currency=USD&limit=20",
    "/api/trades?symbol=BTC&limit=20",
];

/// How much is in a database.
struct Size {
    name: &'static str,
    users: u64,
    /// Trades of each user.
    rounds: u64,
    /// Open orders of each user.
    resting: u64,
}

impl Size {
    /// As many open orders as an answer with the book has, and no history.
    const SMALL: Self = Self { name: "small", users: 1_000, rounds: 0, resting: 4 };

    /// A million open orders of 100,000 users, and GROWTH orders of history.
    fn large(options: Options) -> Self {
        let history = options::number("GROWTH", options.size(1_000_000, 4_000));
        let users = options.size(100_000, 2_000);
        Self { name: "large", users, rounds: history.div_ceil(users), resting: 10 }
    }

    fn create(&self) -> Database {
        let database = Database::postgres();
        setup::prepare(&database);
        let number = |placeholder: &str, sql: String, value: u64| {
            sql.replace(placeholder, &value.to_string())
        };
        let sql = number("{users}", SEED.to_owned(), self.users);
        let sql = number("{rounds}", sql, self.rounds);
        let sql = number("{resting}", sql, self.resting);
        let mut connection = database.connect();
        // Millions of rows take longer than statements may.
        for statements in ["SET statement_timeout = 0", &sql, "VACUUM ANALYZE", "CHECKPOINT"] {
            connection.batch_execute(statements).expect("the database is seeded");
        }
        database
    }
}

pub fn measure(options: Options) {
    let mut recorder = Recorder::create("growth");
    let sizes = [Size::SMALL, Size::large(options)];
    let databases: Vec<(&Size, Database)> =
        sizes.iter().map(|size| (size, size.create())).collect();
    for (size, _) in &databases {
        for (table, rows) in [
            ("open_orders", size.users * size.resting),
            ("history_orders", size.users * size.rounds),
            ("history_entries", 3 * size.users * size.rounds),
            ("users", size.users),
        ] {
            let parameters = json!({ "size": size.name, "table": table });
            recorder.record("growth_rows", parameters, 1, rows as f64);
        }
    }
    for repetition in 1..=options.repetitions {
        for (size, database) in &databases {
            let duration = options.duration;
            let orders =
                http::measure_prepared(database, "null", Keys::Without, CONNECTIONS, duration);
            let parameters = json!({ "size": size.name, "connections": CONNECTIONS });
            recorder.record("http", parameters, repetition, orders.rate);
        }
        for path in PATHS {
            for (size, database) in &databases {
                let server = Server::start(database, &[("BROADCAST_CONNECTION", "null")]);
                let read = Read { path, user: READER, encoding: "", is_conditional: false };
                let reads = read.measure(&server.address, READERS, options.duration / 2);
                let parameters = json!({ "size": size.name, "path": path });
                // Each connection has one request at a time.
                let ms = READERS as f64 * 1e3 / reads.per_second;
                recorder.record("read_ms", parameters.clone(), repetition, ms);
                recorder.record("read_bytes", parameters, repetition, reads.bytes as f64);
            }
        }
    }
    for (_, database) in &databases {
        database.audit();
    }
}
