//! The ceiling: how many orders per second PostgreSQL could store if nothing but storing them took
//! time.
//!
//! One function call per transaction writes the rows of [`ORDERS`] orders inside the server:
//! nothing is matched, no book is read, and no row crosses a connection. The rows are copies of
//! those that the engine wrote in the same database a moment ago, and their number per order, in
//! each table, is what the statistics of the server counted meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::database::Database;
use crate::engine::{self, Committed};
use crate::pgbench;
use crate::setup;
use crate::sql;

/// Orders per transaction, and clients of the engine that is sampled.
pub const ORDERS: u32 = 256;
/// The statistics of a connection are complete a moment after it was closed.
const STATISTICS_DELAY: Duration = Duration::from_millis(1_500);
/// A table that is written less often than this, in rows per order, does not matter.
const NEGLIGIBLE: f64 = 0.02;
const FUNCTION: &str = include_str!("ceiling.sql");

/// Whether the tables keep their foreign keys.
#[derive(Clone, Copy, Debug)]
pub enum ForeignKeys {
    Kept,
    Dropped,
}

/// The rows that an operation changed, by `table.operation`.
type Counts = BTreeMap<String, f64>;

/// The result of a measurement.
pub struct Ceiling {
    pub orders_per_second: f64,
    /// Rows per order, by `table.operation`.
    pub rows_per_order: Counts,
}

/// Measures the ceiling in a new database.
pub async fn measure(foreign_keys: ForeignKeys, sampling: Duration, duration: Duration) -> Ceiling {
    let database = Database::postgres();
    let rows_per_order = sample(&database, sampling).await;
    if let ForeignKeys::Dropped = foreign_keys {
        for sql in sql::texts(
            &database,
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) \
             AS text FROM pg_constraint WHERE contype = 'f'",
        ) {
            database.execute(&sql);
        }
    }
    database.execute(&function(&database));
    database.execute("VACUUM ANALYZE");
    database.execute("CHECKPOINT");
    let rows = |key: &str| {
        let rows = rows_per_order.get(key).copied().unwrap_or(0.0) * f64::from(ORDERS);
        rows.round()
    };
    let call = format!(
        "SELECT ceiling_batch({ORDERS}, {}, {}, {}, {}, {});",
        rows("orders.updated"),
        rows("accounts.updated"),
        rows("trades.inserted"),
        rows("ledger_entries.inserted"),
        rows("outbox.inserted"),
    );
    let script = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(script.path(), call).expect("the disk has space");
    let transactions = pgbench::transactions_per_second(&database.url, script.path(), 1, duration);
    Ceiling { orders_per_second: transactions * f64::from(ORDERS), rows_per_order }
}

/// Runs the engine, and returns the rows per order that it changed.
async fn sample(database: &Database, duration: Duration) -> Counts {
    let (store, catalog) = setup::prepare(database);
    tokio::time::sleep(STATISTICS_DELAY).await;
    let before = counts(database);
    let clients = usize::try_from(ORDERS).expect("a small number");
    let Committed { orders, .. } = engine::run(store, catalog, clients, duration).await;
    database.audit();
    tokio::time::sleep(STATISTICS_DELAY).await;
    let mut per_order = counts(database);
    for (key, count) in &mut per_order {
        *count = (*count - before.get(key).copied().unwrap_or(0.0)) / orders as f64;
    }
    let inserted = per_order["orders.inserted"];
    assert!((0.98..1.02).contains(&inserted), "the statistics count {inserted} rows per order");
    let is_written = |key: &str| FUNCTION.contains(&format!("-- writes {key}\n"));
    for (key, rows) in &per_order {
        assert!(*rows < NEGLIGIBLE || is_written(key), "ceiling.sql writes no {key}: {rows}");
    }
    per_order
}

/// The rows that each table's transactions have inserted, updated and deleted so far.
fn counts(database: &Database) -> Counts {
    let rows = sql::texts(
        database,
        "SELECT concat_ws(' ', relname, n_tup_ins, n_tup_upd, n_tup_del) AS text \
         FROM pg_stat_user_tables",
    );
    let mut counts = Counts::new();
    for row in rows {
        let mut words = row.split(' ');
        let table = words.next().expect("a name");
        for (operation, count) in ["inserted", "updated", "deleted"].iter().zip(words) {
            let count = count.parse().expect("a number");
            counts.insert(format!("{table}.{operation}"), count);
        }
    }
    counts
}

/// The function, with the columns of the tables as they are in this database.
fn function(database: &Database) -> String {
    let columns = |table: &str, without: &str| {
        let rows = sql::texts(
            database,
            &format!(
                "SELECT column_name::text AS text FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{table}' \
                 AND column_name <> ALL ('{{{without}}}') ORDER BY ordinal_position"
            ),
        );
        rows.join(", ")
    };
    let overridden = "id,status,filled_amount,filled_value,commission,reserved";
    FUNCTION
        .replace("{order_columns}", &columns("orders", overridden))
        .replace("{trade_columns}", &columns("trades", "id,sequence"))
        .replace("{entry_columns}", &columns("ledger_entries", "id"))
        .replace("{event_columns}", &columns("outbox", "id"))
}
