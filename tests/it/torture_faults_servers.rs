//! Faults of a PostgreSQL server, each on a server of the test's own.

use crate::support::database::Database;
use crate::support::fault_injection::Seed;
use crate::support::postgres_server::PostgresServer;
use crate::support::process::Process;
use crate::support::proxy::Proxy;
use crate::support::relay::Relay;
use crate::support::wait_for;
use crate::torture_faults::{endure, observe, say_impossible, settings};

const NO_PROGRAMS: &str = "the programs of a PostgreSQL server are missing";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_after_the_server_was_frozen() {
    let seed = Seed::new();
    let server = PostgresServer::start(&[]);
    let database = match &server {
        Some(server) => Database::existing(server.url()),
        None => Database::postgres(),
    };
    let proxy = Proxy::start(&database.url).await;
    let mut variables = settings();
    if server.is_none() {
        variables.push(("DATABASE_URL", proxy.url.clone()));
    }
    let process = Process::start(&database, &variables).await;
    let observation = observe(&process, &seed).await;
    match &server {
        Some(server) => {
            let frozen = server.freeze();
            endure().await;
            drop(frozen);
        }
        None => {
            let frozen = proxy.freeze();
            endure().await;
            drop(frozen);
        }
    }
    let recovered = observation.wait_for_success().await;
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!("; first order after {} ms", recovered.as_millis());
    figures.report("frozen database", &database);
}

/// The server freezes, its standby is promoted, and the address leads to the standby.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_on_a_promoted_standby() {
    let seed = Seed::new();
    let Some(server) = PostgresServer::start(&[]) else {
        return say_impossible("promotion", NO_PROGRAMS);
    };
    let standby = server.start_standby();
    // An acknowledged order is on both servers.
    server
        .execute(&["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"]);
    let database = Database::existing(server.url());
    let relay = Relay::start(&database.url).await;
    let mut variables = settings();
    variables.push(("DATABASE_URL", relay.url.clone()));
    let process = Process::start(&database, &variables).await;
    let observation = observe(&process, &seed).await;
    let frozen = server.freeze();
    endure().await;
    standby.execute(&["SELECT pg_promote()"]);
    relay.lead_to(&standby.url());
    let recovered = observation.wait_for_success().await;
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!("; first order {} ms after the promotion", recovered.as_millis());
    figures.report("frozen server and promotion", &Database::existing(standby.url()));
    drop(frozen);
}

/// Every commit waits for a standby that does not exist.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_after_a_synchronous_standby_was_lost() {
    let seed = Seed::new();
    let Some(server) = PostgresServer::start(&[]) else {
        return say_impossible("lost standby", NO_PROGRAMS);
    };
    let database = Database::existing(server.url());
    let process = Process::start(&database, &settings()).await;
    let observation = observe(&process, &seed).await;
    let set = |names: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
        server.execute(&[&set, "SELECT pg_reload_conf()"]);
    };
    set("nobody");
    endure().await;
    set("");
    let recovered = observation.wait_for_success().await;
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!("; first order after {} ms", recovered.as_millis());
    figures.report("lost synchronous standby", &database);
}

/// Locks, deadlocks and lost connections are recognized in any language of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_writes_german_is_understood() {
    const FAULT: &str = "messages in German";
    let seed = Seed::new();
    let Some((server, _locales)) = PostgresServer::start_german() else {
        return say_impossible(FAULT, "localedef or the programs of a PostgreSQL server fail");
    };
    let database = Database::existing(server.url());
    let process = Process::start(&database, &settings()).await;
    let observation = observe(&process, &seed).await;
    let held = database.lock_market("ETH");
    endure().await;
    drop(held);
    server.execute(&["SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"]);
    let recovered = observation.wait_for_success().await;
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!("; first order after {} ms", recovered.as_millis());
    let language = wait_for("a message of the server", || async { server.message() }).await;
    figures.more += &format!("; the server writes {language:?}");
    figures.report(FAULT, &database);
}
