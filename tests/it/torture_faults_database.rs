//! Faults of the way to PostgreSQL and of its settings.

use diesel::connection::SimpleConnection;

use crate::support::database::Database;
use crate::support::fault_injection::Seed;
use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::torture_faults::{endure, observe, settings};

/// Makes the database read-only for new connections, as an address does that leads to a standby.
fn set_read_only(database: &Database, read_only: bool) {
    let (_, name) = database.url.rsplit_once('/').expect("a URL with a database");
    let value = if read_only { "on" } else { "off" };
    let statement = format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
    let mut connection = database.connect();
    connection
        .batch_execute(&format!("SET transaction_read_only = off; {statement}"))
        .expect("the database is altered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_after_the_database_was_read_only() {
    let (database, seed) = (Database::postgres(), Seed::new());
    let relay = Relay::start(&database.url).await;
    let mut variables = settings();
    variables.push(("DATABASE_URL", relay.url.clone()));
    let process = Process::start(&database, &variables).await;
    let observation = observe(&process, &seed).await;
    set_read_only(&database, true);
    relay.restore();
    endure().await;
    set_read_only(&database, false);
    relay.restore();
    let recovered = observation.wait_for_success().await;
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!("; first order after {} ms", recovered.as_millis());
    figures.report("read-only database", &database);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_after_packets_were_lost() {
    let (database, seed) = (Database::postgres(), Seed::new());
    let relay = Relay::start(&database.url).await;
    let mut variables = settings();
    variables.push(("DATABASE_URL", relay.url.clone()));
    let process = Process::start(&database, &variables).await;
    let observation = observe(&process, &seed).await;
    relay.lose_packets();
    endure().await;
    relay.restore();
    let recovered = observation.wait_for_success().await;
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!("; first order after {} ms", recovered.as_millis());
    figures.report("dropped packets", &database);
}

/// The market's lock is held by another session for longer than any request waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_market_is_refused_in_time() {
    let (database, seed) = (Database::postgres(), Seed::new());
    let process = Process::start(&database, &settings()).await;
    let observation = observe(&process, &seed).await;
    let held = database.lock_market("ETH");
    endure().await;
    drop(held);
    let figures = observation.stop(&process).await;
    process.stop().await;
    figures.report("locked market", &database);
}
