//! What a read costs: one round trip to PostgreSQL, counted on the wire.
//!
//! Other tasks of the process use the database as well, so each read is repeated, and the smallest
//! count is the one without them.

use reqwest::Method;

use crate::support::app::{ONLY_ORDER_MATCHED, TestApp};
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::relay::Relay;
use crate::support::wait_for;

const PATHS: [&str; 18] = [
    "/api/orders?symbol=BTC",
    "/api/orders?symbol=ETH",
    "/api/profile",
    "/api/user",
    "/api/balances",
    "/api/my-orders",
    "/api/my-orders?status=1&limit=5",
    "/api/my-orders?symbol=BTC&side=sell",
    "/api/my-trades",
    "/api/my-trades?symbol=BTC",
    "/api/my-trades?side=sell&limit=1",
    "/api/balance-history",
    "/api/balance-history?currency=all",
    "/api/balance-history?currency=BTC&limit=2",
    "/api/trades?symbol=BTC",
    "/api/trades?symbol=BTC&side=buy",
    "/api/orderbook/BTC",
    "/api/orderbook/BTC?depth=1",
];
const ATTEMPTS: usize = 30;

/// Waits until nothing else has used the database for as long as a query takes.
async fn until_quiet(database: &Database, relay: &Relay) {
    wait_for("a quiet database", || async {
        let before = relay.round_trips();
        let is_quiet = database.pending_count() == 0 && relay.round_trips() == before;
        is_quiet.then_some(())
    })
    .await;
}

/// The fewest round trips of a request, after `before` each time.
async fn cost(
    (database, relay): (&Database, &Relay),
    client: &Client,
    path: &str,
    tag: &str,
    status: u16,
    before: impl AsyncFn(),
) -> (usize, Response) {
    let mut least = None;
    for _ in 0..ATTEMPTS {
        before().await;
        until_quiet(database, relay).await;
        let headers: &[_] = if tag.is_empty() { &[] } else { &[("if-none-match", tag)] };
        let start = relay.round_trips();
        let response = client.send(Method::GET, path, headers, Vec::new()).await;
        let count = relay.round_trips() - start;
        assert_eq!(response.status, status, "{path}: {}", response.body);
        if least.as_ref().is_none_or(|(least, _)| count < *least) {
            least = Some((count, response));
        }
    }
    least.expect("attempts")
}

async fn start(database: &Database) -> (Relay, TestApp) {
    let relay = Relay::start(&database.url).await;
    let mut variables = vec![
        ("DATABASE_URL", relay.url.as_str()),
        ("BROADCAST_CONNECTION", "null"),
        ("MATCHCAST__PUBLISHER__POLL_MS", "60000"),
    ];
    // After a trade nothing else is written.
    variables.extend(ONLY_ORDER_MATCHED);
    let app = TestApp::start_with(database, &variables).await;
    (relay, app)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_is_one_round_trip_whether_or_not_the_client_has_the_answer() {
    let database = Database::postgres();
    let (relay, app) = start(&database).await;
    let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
    for price in ["100", "101", "102"] {
        alice.place("BTC", "sell", price, "0.01").await.data();
    }
    bob.place("BTC", "buy", "101", "0.015").await.data();
    for client in [&alice, &bob] {
        for path in PATHS {
            let (count, response) =
                cost((&database, &relay), client, path, "", 200, async || {}).await;
            assert_eq!(count, 1, "{path}");
            let tag = response.header("etag").expect("a tag").to_owned();
            let (count, _) = cost((&database, &relay), client, path, &tag, 304, async || {}).await;
            assert_eq!(count, 1, "{path} of a client that has it");
        }
    }
    app.stop();
    database.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_of_what_has_changed_is_at_most_two_round_trips() {
    let database = Database::postgres();
    let (relay, app) = start(&database).await;
    let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
    let trade = async || {
        alice.place("BTC", "sell", "100", "0.0001").await.data();
        bob.place("BTC", "buy", "100", "0.0001").await.data();
    };
    for path in PATHS.into_iter().filter(|path| !path.contains("ETH") && *path != "/api/user") {
        trade().await;
        let old = alice.get(path).await.header("etag").expect("a tag").to_owned();
        let (count, _) = cost((&database, &relay), &alice, path, &old, 200, trade).await;
        assert!((1..=2).contains(&count), "{path}: {count}");
        let (count, _) = cost((&database, &relay), &alice, path, "", 200, trade).await;
        assert_eq!(count, 1, "{path} without a tag");
    }
    app.stop();
    database.audit();
}

/// Although requests note when a log-in is used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lists_of_sessions_and_tokens_are_one_round_trip() {
    let database = Database::postgres();
    let (relay, app) = start(&database).await;
    let alice = app.log_in("alice").await;
    for path in ["/api/sessions", "/api/sessions?limit=1", "/api/tokens"] {
        let (count, _) = cost((&database, &relay), &alice, path, "", 200, async || {}).await;
        assert_eq!(count, 1, "{path}");
    }
    app.stop();
}

/// A book is read by its readers together, and rendered for the first of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_reader_of_a_book_in_a_process_who_has_it_pays_for_the_version_only() {
    let database = Database::postgres();
    let (_relay, app) = start(&database).await;
    let alice = app.log_in("alice").await;
    alice.place("BTC", "sell", "100", "0.01").await.data();
    let path = "/api/orders?symbol=BTC";
    let tag = alice.get(path).await.header("etag").expect("a tag").to_owned();
    let (relay, other) = start(&database).await;
    let reader = alice.at(other.address);
    let (count, _) = cost((&database, &relay), &reader, path, &tag, 304, async || {}).await;
    assert_eq!(count, 1);
    app.stop();
    other.stop();
}
