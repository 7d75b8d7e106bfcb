//! Measures reads of the binary while nothing changes: whole answers, and those that only confirm
//! what the client has.

use serde_json::json;

use crate::database::Database;
use crate::options::Options;
use crate::order_load::{self, Keys};
use crate::read_load::Read;
use crate::recorder::Recorder;
use crate::server::Server;
use crate::setup;

/// Open orders of each side.
const BOOK: u32 = 10_000;
/// The user who reads, with this many orders and ledger entries of the currency USD.
const READER: i64 = 1;
const ORDERS: u32 = 600;
const ENTRIES: u32 = 1_600;
const READERS: usize = 64;
/// Half of them trade, so that the market has trades to read.
const TRADED_ORDERS: u64 = 1_000;
const ENCODINGS: [&str; 4] = ["", "zstd", "br", "gzip"];
const BOOK_PATH: &str = "/api/orders?symbol=BTC";
const CONDITIONAL: [&str; 6] = [
    BOOK_PATH,
    "/api/profile",
    "/api/my-orders",
    "/api/balance-history?currency=USD",
    "/api/trades?symbol=BTC",
    "/api/orderbook/BTC",
];

pub fn measure(options: Options) {
    let mut recorder = Recorder::create("reads");
    let database = Database::postgres();
    setup::prepare(&database);
    fill(&database);
    database.audit();
    let variables = [("BROADCAST_CONNECTION", "null"), ("MATCHCAST__HTTP__LIST_CAP", "10000")];
    let server = Server::start(&database, &variables);
    let has_more = |count| count < TRADED_ORDERS;
    order_load::run(&server.address, Keys::Without, READERS, has_more);
    let duration = options.duration / 2;
    for repetition in 1..=options.repetitions {
        for encoding in ENCODINGS {
            let read = Read { path: BOOK_PATH, user: READER, encoding, is_conditional: false };
            let reads = read.measure(&server.address, READERS, duration);
            let encoding = if encoding.is_empty() { "none" } else { encoding };
            let parameters =
                json!({ "path": BOOK_PATH, "encoding": encoding, "conditional": false });
            recorder.record("reads", parameters.clone(), repetition, reads.per_second);
            recorder.record("read_bytes", parameters, repetition, reads.bytes as f64);
        }
        for path in CONDITIONAL {
            let read = Read { path, user: READER, encoding: "", is_conditional: true };
            let reads = read.measure(&server.address, READERS, duration);
            let parameters = json!({ "path": path, "conditional": true });
            recorder.record("reads", parameters, repetition, reads.per_second);
        }
        let body = format!(r#"{{"socket_id":"1234.5678","channel_name":"private-user.{READER}"}}"#);
        let request = setup::post("/api/broadcasting/auth", READER, "", &body);
        let rate = order_load::repeat(&server.address, READERS, request, duration).per_second();
        recorder.record("authorizations", json!({}), repetition, rate);
    }
    drop(server);
    database.audit();
}

/// Open orders of other users, far from each other, and a history of the reader: deposits, and
/// orders that were cancelled. Each of these has two entries.
fn fill(database: &Database) {
    let deposits = ENTRIES - ORDERS * 2 - 1;
    let sql = FILL
        .replace("{book}", &BOOK.to_string())
        .replace("{orders}", &ORDERS.to_string())
        .replace("{deposits}", &deposits.to_string())
        .replace("{reader}", &READER.to_string());
    database.execute(&sql);
    database.execute("VACUUM ANALYZE");
}

const FILL: &str = include_str!("reads.sql");
