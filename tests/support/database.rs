//! A database for one test, which is removed after it.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use matchcast::market::{CommissionRates, Fixed, Rules};
use matchcast::store::markets::{self, Conditions, Listings, SharedCatalog};
use matchcast::store::schema::{self, dead_letters, orders, outbox as outbox_rows, trades};
use matchcast::store::{self, AnyConnection, DatabaseUrl, Store, audit, outbox};

/// What PostgreSQL's relatives do differently, for a new database: each session caches values of
/// sequences, and transactions are serializable unless they say otherwise.
const RELATIVE: &str = "
    CREATE SCHEMA relative;
    CREATE FUNCTION relative.cache_sequences() RETURNS event_trigger LANGUAGE plpgsql AS $$
    DECLARE
        sequence regclass;
    BEGIN
        FOR sequence IN SELECT seqrelid FROM pg_sequence WHERE seqcache < 100 LOOP
            EXECUTE format('ALTER SEQUENCE %s CACHE 100', sequence);
        END LOOP;
    END
    $$;
    CREATE EVENT TRIGGER cache_sequences ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE SEQUENCE')
    EXECUTE FUNCTION relative.cache_sequences();
    DO $$
    BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable',
            current_database());
    END
    $$;";

/// A new, empty database.
pub struct Database {
    pub url: String,
    cleanup: Cleanup,
}

enum Cleanup {
    /// The folder of the SQLite file; dropping it removes the folder.
    Folder(#[allow(dead_code, reason = "dropped, not read")] tempfile::TempDir),
    Postgres {
        server: String,
        name: String,
    },
    /// The database ends with its server.
    None,
}

impl Database {
    pub fn sqlite() -> Self {
        Self::sqlite_in(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn sqlite_in(folder: tempfile::TempDir) -> Self {
        let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
        Self { url, cleanup: Cleanup::Folder(folder) }
    }

    /// # Panics
    /// If `TEST_DATABASE_URL` is not set: a test that was requested is never skipped.
    pub fn postgres() -> Self {
        let database = Self::plain_postgres();
        if std::env::var_os("TEST_POSTGRES_RELATIVE").is_some_and(|value| !value.is_empty()) {
            resemble_relative(&database.url);
        }
        database
    }

    /// A database that behaves like those of PostgreSQL's relatives, see [`RELATIVE`].
    pub fn relative() -> Self {
        let database = Self::plain_postgres();
        resemble_relative(&database.url);
        database
    }

    /// A database as PostgreSQL creates it, whatever `TEST_POSTGRES_RELATIVE` says.
    pub fn plain_postgres() -> Self {
        let server = std::env::var("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL names the PostgreSQL server for the tests");
        Self::on(&server)
    }

    /// A new database on the PostgreSQL server with this URL.
    pub fn on(server: &str) -> Self {
        let server = server.to_owned();
        let name = format!("matchcast_test_{:016x}", rand::random::<u64>());
        let mut connection = PgConnection::establish(&server).expect("the PostgreSQL server");
        connection
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .expect("the right to create databases");
        let (root, query) = server.split_once('?').unwrap_or((&server, ""));
        let root = match root.rfind('/').filter(|slash| !root[..*slash].ends_with('/')) {
            Some(slash) => &root[..slash],
            None => root,
        };
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let url = format!("{root}/{name}{query}");
        Self { url, cleanup: Cleanup::Postgres { server, name } }
    }

    /// For a test that names rows by the ids which they get: 1, 2, 3 and so on. Before the first
    /// migration.
    pub fn number_consecutively(&self) -> &Self {
        if self.is_postgres() {
            self.execute("DROP EVENT TRIGGER IF EXISTS cache_sequences");
        }
        self
    }

    /// An existing database of a server that ends with the test.
    pub fn existing(url: String) -> Self {
        Self { url, cleanup: Cleanup::None }
    }

    pub fn parsed(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.url).expect("a URL made above")
    }

    /// A store with the markets BTC and ETH, for tests that do not use HTTP.
    pub fn open_store(&self) -> (Store, SharedCatalog) {
        let url = self.parsed();
        store::migrate(&url).expect("migrations run");
        let store = Store::open(url, 4).expect("the store opens");
        let mut connection = store.connect().expect("a connection");
        let buyer = Fixed::parse("0.015").expect("a rate");
        let commission = CommissionRates::BySide { buyer, seller: Fixed::ZERO };
        let conditions = Conditions { commission, rules: Rules::NONE };
        let listings = Listings::of_symbols(&["BTC".to_owned(), "ETH".to_owned()], conditions);
        store.write(&mut connection, |c| markets::ensure(c, &listings.markets)).expect("markets");
        let catalog = SharedCatalog::read(&mut connection, listings).expect("a catalog");
        (store, catalog)
    }

    /// A new connection, outside the pool of any server.
    pub fn connect(&self) -> AnyConnection {
        AnyConnection::open(&self.parsed()).expect("a connection")
    }

    /// Runs SQL on a new connection.
    pub fn execute(&self, sql: &str) {
        self.connect().batch_execute(sql).expect(sql);
    }

    /// # Panics
    /// If the SQL condition is not true.
    pub fn assert(&self, condition: &str) {
        assert_true(&mut self.connect(), condition);
    }

    /// Prevents the engine from committing its next batch in `symbol` until the returned connection
    /// is dropped.
    pub fn lock_market(&self, symbol: &str) -> AnyConnection {
        self.lock_rows(&format!("SELECT id FROM markets WHERE symbol = '{symbol}' FOR UPDATE"))
    }

    /// Locks the rows that `select` reads, in SQLite the whole database, until the returned
    /// connection is dropped. It waits for a lock that somebody else has, whatever isolation level
    /// is the server's default: a stricter one would refuse a row that has changed since.
    pub fn lock_rows(&self, select: &str) -> AnyConnection {
        let mut connection = self.connect();
        let lock = match connection {
            AnyConnection::Postgres(_) => {
                format!("BEGIN ISOLATION LEVEL READ COMMITTED; {select}")
            }
            AnyConnection::Sqlite(_) => "BEGIN IMMEDIATE".to_owned(),
        };
        connection.batch_execute(&lock).expect("the lock becomes available");
        connection
    }

    pub fn is_postgres(&self) -> bool {
        !self.url.starts_with("sqlite:")
    }

    /// The ids of all orders, in ascending order.
    pub fn order_ids(&self) -> Vec<i64> {
        let ids = orders::table.select(orders::id).order(orders::id);
        ids.load(&mut self.connect()).expect("orders are read")
    }

    /// The version of a market's book.
    pub fn book_version(&self, symbol: &str) -> i64 {
        let market = schema::markets::table.filter(schema::markets::symbol.eq(symbol));
        let version = market.select(schema::markets::book_version);
        version.first(&mut self.connect()).expect("a market")
    }

    /// Id, buyer and seller of each trade, by ascending id.
    pub fn trades(&self) -> Vec<(i64, i64, i64)> {
        let columns = (trades::id, trades::buyer_id, trades::seller_id);
        let all = trades::table.select(columns).order(trades::id);
        all.load(&mut self.connect()).expect("trades are read")
    }

    /// Writes one event `order.matched` for each of these channels, in this order, as the engine
    /// would. They are numbered from `first`; the number is the trade id in the payload. These
    /// trades do not exist, so the audit would fail afterwards.
    pub fn write_events<'a>(&self, first: usize, channels: impl IntoIterator<Item = &'a str>) {
        let row = |(number, channel): (usize, &str)| {
            let shard = outbox::shard_of(channel);
            format!(
                r#"('{channel}', 'order.matched', '{{"event_id":"e-{number}","trade_id":{number}}}',
                '2026-01-01 00:00:00', {shard})"#
            )
        };
        let rows: Vec<String> = (first..).zip(channels).map(row).collect();
        let mut connection = self.connect();
        for rows in rows.chunks(500) {
            let sql = "INSERT INTO outbox (channel, name, data, created_at, shard) VALUES ";
            connection
                .batch_execute(&format!("{sql}{}", rows.join(",")))
                .expect("events are written");
        }
    }

    /// Channel and id of each pending event.
    pub fn pending_keys(&self) -> BTreeSet<(String, String)> {
        let all = outbox_rows::table.select((outbox_rows::channel, outbox_rows::data));
        let all: Vec<(String, String)> = all.load(&mut self.connect()).expect("events are read");
        let key = |(channel, data): (String, String)| {
            let data: serde_json::Value = serde_json::from_str(&data).expect("the payload is JSON");
            (channel, data["event_id"].as_str().expect("an id").to_owned())
        };
        all.into_iter().map(key).collect()
    }

    /// The number of pending events.
    pub fn pending_count(&self) -> i64 {
        outbox::counts(&mut self.connect()).expect("events are counted").0
    }

    /// Channel and error of each dead letter, by ascending id.
    pub fn dead_letters(&self) -> Vec<(String, String)> {
        let columns = (dead_letters::channel, dead_letters::error);
        let all = dead_letters::table.select(columns).order(dead_letters::id);
        all.load(&mut self.connect()).expect("events are read")
    }

    /// # Panics
    /// If the audit finds anything.
    pub fn audit(&self) {
        let findings = self.findings();
        assert!(findings.is_empty(), "the audit found: {findings:#?}");
    }

    pub fn findings(&self) -> Vec<String> {
        let mut connection = AnyConnection::open(&self.parsed()).expect("a connection");
        let findings = audit::run(&mut connection).expect("the audit runs");
        findings.iter().map(ToString::to_string).collect()
    }
}

/// Changes a new database, see [`RELATIVE`].
fn resemble_relative(url: &str) {
    let mut connection = PgConnection::establish(url).expect("the new database");
    connection.batch_execute(RELATIVE).expect("the rights of a superuser");
}

/// # Panics
/// If the SQL condition is not true.
pub fn assert_true(connection: &mut AnyConnection, condition: &str) {
    let is_true: bool =
        diesel::select(sql::<Bool>(condition)).get_result(connection).expect(condition);
    assert!(is_true, "{condition}");
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Cleanup::Postgres { server, name } = &self.cleanup {
            let dropped = PgConnection::establish(server).map(|mut connection| {
                connection.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
            });
            if !std::thread::panicking() {
                dropped.expect("the server is running").expect("the right to drop the database");
            }
        }
    }
}
