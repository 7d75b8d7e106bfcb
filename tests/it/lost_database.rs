//! Lost connections to PostgreSQL: acknowledged orders are kept, and nothing is executed twice.

use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use matchcast::store::{DatabaseUrl, Store, Timeouts};

use crate::support::app::{ONLY_ORDER_MATCHED, TestApp};
use crate::support::database::Database;
use crate::support::load::Load;
use crate::support::process::Process;
use crate::support::provider::{Action, ok};
use crate::support::proxy::Proxy;
use crate::support::wait_for;
use crate::support::{provider::Provider, rounds};

const TERMINATE_ALL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_orders_survive_repeated_loss_of_all_connections() {
    let database = Database::postgres();
    let provider = Provider::start().await;
    let variables = provider.variables();
    let app = TestApp::start_with(&database, &variables).await;
    let people = [app.log_in("alice").await, app.log_in("bob").await];
    let load = Load::start(&people, &["BTC", "ETH"]);
    let mut connection = database.connect();
    for _ in 0..rounds(4) {
        let so_far = load.count();
        connection.batch_execute(TERMINATE_ALL).expect("the right to terminate connections");
        load.wait_for_acknowledged(so_far + 20).await;
    }
    let outcome = load.stop().await;

    let stored = database.order_ids();
    assert!(outcome.all_orders().iter().all(|id| stored.binary_search(id).is_ok()));
    assert_eq!(outcome.without_response, 0);
    for response in &outcome.error_responses {
        let code = response.json()["code"].to_string();
        let expected = [r#""unavailable""#, r#""outcome_unknown""#].contains(&code.as_str());
        assert!(response.status == 503 && expected, "{} {}", response.status, response.body);
    }
    wait_for("an empty outbox", || async { (database.pending_count() == 0).then_some(()) }).await;
    app.stop();
    assert!(!database.trades().is_empty());
    database.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_lost_while_idle_fail_no_order() {
    let database = Database::postgres();
    let app = TestApp::start(&database).await;
    let alice = app.log_in("alice").await;
    alice.place("BTC", "sell", "100", "0.01").await.data();
    for _ in 0..rounds(3) {
        database.execute(TERMINATE_ALL);
        let placed = alice.place("BTC", "sell", "100", "0.01").await;
        assert_eq!(placed.status, 200, "{}", placed.body);
        assert_eq!(alice.get("/api/my-orders").await.status, 200);
    }
    app.stop();
    database.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_response_is_lost_is_not_executed_twice() {
    let database = Database::postgres();
    let proxy = Proxy::start(&database.url).await;
    let mut variables =
        vec![("DATABASE_URL", proxy.url.as_str()), ("BROADCAST_CONNECTION", "null")];
    // With these settings nothing else commits, because no order of this test is matched.
    variables.extend(ONLY_ORDER_MATCHED);
    let app = TestApp::start_with(&database, &variables).await;
    let alice = app.log_in("alice").await;
    alice.place("BTC", "sell", "100", "0.01").await.data();

    proxy.disconnect_at_next_commit();
    let unknown = alice.place("BTC", "sell", "100", "0.02").await;
    assert!(proxy.has_disconnected());
    assert_eq!(unknown.status, 503, "{}", unknown.body);
    assert_eq!(unknown.json()["code"], "outcome_unknown");
    let orders = alice.get("/api/my-orders").await.data();
    let amounts: Vec<String> = orders
        .as_array()
        .expect("a list")
        .iter()
        .map(|order| order["amount"].to_string())
        .collect();
    assert_eq!(amounts, ["0.02", "0.01"], "it was committed once");

    alice.place("BTC", "sell", "100", "0.03").await.data();
    app.stop();
    assert_eq!(database.order_ids().len(), 3);
    database.audit();
}

/// The error of a lost connection has many wordings. After any error of a commit its outcome is
/// unknown, so the batch is not executed again, neither as a whole nor in halves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_fails_with_an_unknown_error_is_not_retried() {
    let database = Database::postgres();
    database.number_consecutively();
    let app = TestApp::start_with(&database, &[("BROADCAST_CONNECTION", "null")]).await;
    let alice = app.log_in("alice").await;
    // A rollback does not reset a sequence, and the trigger fires during the commit.
    database.execute(
        "CREATE SEQUENCE commits; \
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM nextval('commits'); RAISE EXCEPTION 'something has happened'; END $$; \
         CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW WHEN (NEW.amount = 2000000) EXECUTE FUNCTION fail()",
    );
    let unknown = alice.place("BTC", "sell", "100", "0.02").await;
    assert_eq!(unknown.status, 503, "{}", unknown.body);
    assert_eq!(unknown.json()["code"], "outcome_unknown");
    database.execute("DO $$ BEGIN ASSERT (SELECT last_value FROM commits) = 1; END $$");

    alice.place("BTC", "sell", "100", "0.03").await.data();
    app.stop();
    assert_eq!(database.order_ids().len(), 1);
    database.audit();
}

/// The calls that record what was delivered are given up, and still wait for the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_recorded_after_the_database_was_frozen() {
    let database = Database::postgres();
    let proxy = Proxy::start(&database.url).await;
    let provider = Provider::start().await;
    provider.always(Action::RespondWhenReleased(ok()));
    let mut variables = provider.variables();
    variables.extend([
        ("DATABASE_URL", proxy.url.clone()),
        ("MATCHCAST__DATABASE__BATCH_TIMEOUT_MS", "500".to_owned()),
        ("MATCHCAST__LOG__LEVEL", "matchcast=debug".to_owned()),
    ]);
    let process = Process::start(&database, &variables).await;
    let (alice, bob) = (process.log_in("alice").await, process.log_in("bob").await);
    alice.place("BTC", "sell", "10", "0.001").await.data();
    bob.place("BTC", "buy", "10", "0.001").await.data();
    wait_for("two requests", || async { (provider.post_count() == 2).then_some(()) }).await;
    let frozen = proxy.freeze();
    provider.release();
    wait_for("a failure of the publisher", || async {
        let log = process.log();
        (log.contains("outage=\"publisher_database\"") || log.contains("panic")).then_some(())
    })
    .await;
    drop(frozen);
    wait_for("an empty outbox", || async { (database.pending_count() == 0).then_some(()) }).await;
    process.stop().await;
    database.audit();
}

/// A row for each connection that is ready and was not used yet.
const UNUSED_CONNECTIONS: &str = "SELECT FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid() \
    AND state = 'idle' AND query LIKE '%(''statement_timeout'', ''1000'')%'";

/// The first host freezes while all connections of the pool, as many as there may be, lead to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_succeed_on_another_host_while_the_first_is_frozen() {
    let database = Database::postgres();
    let (first, second) = (Proxy::start(&database.url).await, Proxy::start(&database.url).await);
    let host_of = |proxy: &Proxy| {
        let (_, rest) = proxy.url.split_once('@').expect("a URL with a user");
        rest.split_once('/').expect("a URL with a database").0.to_owned()
    };
    let (host, other) = (host_of(&first), host_of(&second));
    let url = first.url.replacen(&host, &format!("{host},{other}"), 1);
    let url = DatabaseUrl::parse(&url).expect("a URL");
    let limit = Duration::from_secs(1);
    let store =
        Store::open_with(url, 1, Timeouts { request: limit, batch: limit }).expect("a pool");
    // Calls that wait for a server that is gone let the pool grow to its limit, which is two.
    for proxy in [&first, &second] {
        proxy.interrupt();
    }
    wait_for("a call that fails", || async { store.ping().await.err() }).await;
    store.ping().await.expect_err("no host responds");
    for proxy in [&first, &second] {
        proxy.restore();
    }
    let is_full = || async {
        let unused = diesel::sql_query(UNUSED_CONNECTIONS).execute(&mut database.connect());
        (unused.expect("the activity is read") == 2).then_some(())
    };
    wait_for("a full pool", is_full).await;

    let frozen = first.freeze();
    wait_for("a call that succeeds", || async { store.ping().await.ok() }).await;
    drop(frozen);
}
