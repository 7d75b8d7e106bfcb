//! Load: a wall of the smallest possible orders in one market, and a long run.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use crate::support::database::Database;
use crate::support::fault_injection::Seed;
use crate::support::figures::Observation;
use crate::support::process::Process;
use crate::support::rounds;
use crate::torture_faults::{choose, observe, settings};

/// Writes `count` asks of 0.00000001 ETH at 1 USD by Bob, as the engine would have.
fn write_wall(database: &Database, count: usize) {
    let bob = "(SELECT id FROM users WHERE email = 'bob@example.com')";
    let eth = "(SELECT id FROM assets WHERE symbol = 'ETH')";
    let account = format!("user_id = {bob} AND asset_id = {eth}");
    let numbers = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    );
    let mut connection = database.connect();
    connection
        .batch_execute(&format!(
            "BEGIN;
            {numbers} INSERT INTO orders (user_id, market_id, side, price, amount, filled_amount,
                filled_value, commission, taker_rate, reserved, status, arrival, created_at,
                updated_at)
            SELECT {bob}, (SELECT id FROM markets WHERE symbol = 'ETH'), 2, 100000000, 1, 0, 0, 0,
                0, 1, 1, i, '2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM n;
            UPDATE markets SET arrival_sequence = {count} WHERE symbol = 'ETH';
            {numbers} INSERT INTO ledger_entries (account_id, action, available_change,
                locked_change, available_after, created_at)
            SELECT id, 2, -1, 1, available - i, '2026-01-01 00:00:00'
                FROM accounts, n WHERE {account} ORDER BY i;
            UPDATE accounts SET available = available - {count}, locked = locked + {count},
                open_orders = open_orders + {count} WHERE {account};
            COMMIT; ANALYZE"
        ))
        .expect("the wall is written");
}

/// Each sweep matches as many orders as one transaction may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_of_dust_does_not_stop_another_market() {
    let (database, seed) = (Database::postgres(), Seed::new());
    let process = Process::start(&database, &settings()).await;
    let alice = process.log_in("alice").await;
    let orders = choose(100_000, 300_000);
    write_wall(&database, orders);
    database.audit();
    // Nobody but Alice trades ETH: she takes the wall.
    let observation = Observation::start(&seed, &[], &process.log_in("charlie").await);
    observation.wait_for_success().await;
    let (started, mut fills, mut longest) = (Instant::now(), 0, Duration::ZERO);
    for _ in 0..rounds(15) {
        let sent_at = Instant::now();
        let swept = alice.place("ETH", "buy", "1", "0.1").await;
        longest = longest.max(sent_at.elapsed());
        // On a busy machine a sweep may take longer than these settings allow. Nothing happened.
        if swept.status != 503 || swept.json()["code"] != "unavailable" {
            fills += swept.data()["trade_count"].as_u64().expect("a number");
        }
    }
    let elapsed = started.elapsed();
    assert!(fills > 0, "no sweep took any of the wall");
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!(
        "; {fills} of {orders} orders taken in {} ms, longest sweep {} ms",
        elapsed.as_millis(),
        longest.as_millis()
    );
    figures.report("dust wall", &database);
}

/// Metrics are recorded, and nobody reads them: nothing piles up. On PostgreSQL, because SQLite's
/// caches grow with the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_flat_while_metrics_are_recorded() {
    const MAX_GROWTH_MB: u64 = 4;
    let (database, seed) = (Database::postgres(), Seed::new());
    let mut variables = settings();
    variables.push(("MATCHCAST__HTTP__METRICS", "true".to_owned()));
    let process = Process::start(&database, &variables).await;
    let observation = observe(&process, &seed).await;
    // Until then pools and caches grow to their size.
    tokio::time::sleep(Duration::from_secs(choose(3, 60))).await;
    let before = process.resident_mb();
    tokio::time::sleep(Duration::from_secs(choose(4, 240))).await;
    let after = process.resident_mb();
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!("; {before} MB before, {after} MB after");
    figures.report("metrics that nobody reads", &database);
    assert!(after <= before + MAX_GROWTH_MB, "{before} MB grew to {after} MB");
}
