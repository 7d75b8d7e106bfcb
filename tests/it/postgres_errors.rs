//! Errors of PostgreSQL are told apart, whatever language the server speaks.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use matchcast::store::{AnyConnection, StoreError};

use crate::support::database::Database;
use crate::support::postgres_server::PostgresServer;

const LOCK_TIMEOUT: Duration = Duration::from_millis(300);

/// A server that speaks German, if this machine can have one.
fn start() -> (Database, Option<(PostgresServer, tempfile::TempDir)>) {
    match PostgresServer::start_german() {
        Some(german) => (Database::existing(german.0.url()), Some(german)),
        None => (Database::postgres(), None),
    }
}

fn execute(connection: &mut AnyConnection, sql: &str) -> Result<(), StoreError> {
    Ok(connection.batch_execute(sql)?)
}

fn lock(connection: &mut AnyConnection, symbol: &str) -> Result<(), StoreError> {
    let lock = format!("SELECT id FROM markets WHERE symbol = '{symbol}' FOR UPDATE");
    execute(connection, &lock)
}

#[test]
fn a_deadlock_is_a_conflict() {
    let (database, _server) = start();
    let (store, _) = database.open_store();
    let [mut first, mut second] = [store.connect().unwrap(), store.connect().unwrap()];
    for (connection, symbol) in [(&mut first, "BTC"), (&mut second, "ETH")] {
        execute(connection, "BEGIN").unwrap();
        lock(connection, symbol).unwrap();
    }
    let (of_first, of_second) = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| lock(&mut second, "BTC"));
        let of_first = lock(&mut first, "ETH");
        // Lets the other one go on if it was not chosen as the victim.
        execute(&mut first, "ROLLBACK").unwrap();
        (of_first, waiting.join().unwrap())
    });
    let victim = of_first.and(of_second).expect_err("one of them is the victim");
    assert!(matches!(victim, StoreError::Conflict(_)), "{victim:?}");
}

#[test]
fn a_lock_that_is_not_available_in_time_is_a_conflict() {
    let (database, _server) = start();
    let (store, _) = database.open_store();
    let _holder = database.lock_market("ETH");
    let mut connection = store.connect_with(LOCK_TIMEOUT).unwrap();
    let error = store.write(&mut connection, |c| lock(c, "ETH")).unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error:?}");
}

#[test]
fn a_statement_that_takes_too_long_is_a_conflict() {
    let (database, _server) = start();
    let (store, _) = database.open_store();
    let mut connection = store.connect_with(LOCK_TIMEOUT).unwrap();
    let slow = "SET LOCAL statement_timeout = 400; SELECT pg_sleep(60)";
    let error = store.write(&mut connection, |c| execute(c, slow)).unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error:?}");
}

#[test]
fn a_terminated_connection_is_unavailable() {
    let (database, _server) = start();
    let (store, _) = database.open_store();
    let mut connection = store.connect().unwrap();
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE pid <> pg_backend_pid() AND datname = current_database()",
    );
    let error = store.write(&mut connection, |c| lock(c, "ETH")).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[test]
fn other_errors_are_none_of_these() {
    let (database, _server) = start();
    let (store, _) = database.open_store();
    let mut connection = store.connect().unwrap();
    for sql in ["SELECT 1 / 0", "SELECT nothing", "UPDATE markets SET id = NULL"] {
        let error = store.write(&mut connection, |c| execute(c, sql)).unwrap_err();
        assert!(matches!(error, StoreError::Other(_)), "{error:?}");
    }
}
