//! The baseline: each order is a transaction of its own that holds the row lock of its market.
//! pgbench generates the load.

use std::path::Path;
use std::time::Duration;

use crate::database::Database;
use crate::pgbench;
use crate::sql;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/baseline");
const SCHEMA: &str = include_str!("../baseline/schema.sql");
const FUNCTION: &str = include_str!("../baseline/place.sql");

/// A fill of a hundredth of a percent more than half would be a rounding error, nothing more.
const SHARE_OF_TRADES: std::ops::RangeInclusive<f64> = 0.3..=0.51;

/// How an order is placed.
#[derive(Clone, Copy, Debug)]
pub enum Baseline {
    /// Several statements, the usual way.
    Statements,
    /// One call of a stored function.
    Function,
}

impl Baseline {
    pub const ALL: [Self; 2] = [Self::Statements, Self::Function];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Statements => "statements",
            Self::Function => "function",
        }
    }

    /// Orders per second in a new database: a long book would slow down a later measurement.
    pub fn measure(self, clients: usize, duration: Duration) -> f64 {
        let database = Database::postgres();
        database.execute(SCHEMA);
        database.execute(FUNCTION);
        database.execute("VACUUM ANALYZE");
        database.execute("CHECKPOINT");
        let script = Path::new(FOLDER).join(format!("{}.sql", self.name()));
        let rate = pgbench::transactions_per_second(&database.url, &script, clients, duration);
        check(&database);
        rate
    }
}

/// A figure is valid only if money was conserved and about half of the orders traded.
fn check(database: &Database) {
    for asset in [0, 1] {
        let total = sql::number(
            database,
            &format!("SELECT sum(available + locked) / 1e18 FROM accounts WHERE asset = {asset}"),
        );
        assert_eq!(total, 1001.0, "the baseline has created or lost money");
    }
    let trades = sql::number(database, "SELECT count(*) FROM trades");
    let orders = sql::number(database, "SELECT count(*) FROM orders");
    let share = trades / orders;
    assert!(SHARE_OF_TRADES.contains(&share) || orders < 100.0, "{share} of the orders traded");
}
