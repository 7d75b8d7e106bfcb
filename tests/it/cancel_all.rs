//! `DELETE /orders`: a user's open orders are cancelled together.

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::outbox::{OutboxRow, start_with_events};

async fn cancel_all(client: &Client, query: &str) -> Response {
    client.send(Method::DELETE, &format!("/api/orders{query}"), &[], Vec::new()).await
}

async fn ids(client: &Client, query: &str) -> Value {
    cancel_all(client, query).await.data()["order_ids"].clone()
}

on_both! {
    async fn open_orders_are_cancelled_by_market_and_side(database: Database) {
        database.number_consecutively();
        let (app, _provider) = start_with_events(&database, &["order.updated"], &[]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        for (symbol, side, price) in [
            ("BTC", "buy", "10"), ("BTC", "sell", "20"), ("ETH", "buy", "10"),
            ("ETH", "sell", "20"), ("BTC", "buy", "9"),
        ] {
            alice.place(symbol, side, price, "0.1").await.data();
        }
        bob.place("BTC", "buy", "10", "0.1").await.data();
        bob.place("BTC", "sell", "9", "0.05").await.data();

        assert_eq!(ids(&alice, "?symbol=BTC&side=sell").await, json!([2]));
        assert_eq!(ids(&alice, "?side=sell").await, json!([4]));
        assert_eq!(ids(&alice, "?symbol=BTC&side=").await, json!([1, 5]));
        assert_eq!(ids(&alice, "").await, json!([3]));
        assert_eq!(ids(&alice, "").await, json!([]));
        assert_eq!(bob.get("/api/orders/6").await.data()["order"]["status"], 1);

        let partly = alice.get("/api/orders/1").await.data()["order"].clone();
        assert_eq!((&partly["status"], &partly["cancel_reason"]), (&json!(3), &json!("user")));
        assert_eq!(partly["filled_amount"].to_string(), "0.05");
        assert_eq!(alice.get("/api/profile").await.data()["locked_balance"], 0);
        let events = database.events_named("order.updated");
        let cancelled = events.iter().map(OutboxRow::json).filter(|data| data["status"] == 3);
        let mut cancelled: Vec<i64> =
            cancelled.map(|data| data["order_id"].as_i64().unwrap()).collect();
        cancelled.sort_unstable();
        assert_eq!(cancelled, [1, 2, 3, 4, 5]);
        app.stop();
        database.audit();
    }

    async fn unknown_words_are_errors_and_a_key_makes_it_one_request(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        alice.place("BTC", "buy", "10", "0.1").await.data();
        for (query, field) in [
            ("?symbol=XYZ", "symbol"), ("?symbol=btc", "symbol"), ("?side=both", "side"),
            ("?Symbol=BTC", "query"), ("?symbol=BTC&sides=buy", "query"),
        ] {
            let response = cancel_all(&alice, query).await;
            assert_eq!(response.status, 422, "{query}");
            assert!(response.json()["errors"][field].is_array(), "{}", response.body);
        }
        let body = br#"{"symbol":"ETH"}"#.to_vec();
        let response = alice.send(Method::DELETE, "/api/orders", &[], body).await;
        assert!(response.json()["errors"]["body"].is_array(), "{}", response.body);
        let keyed = async |query: &str| {
            let headers = [("idempotency-key", "all")];
            let path = format!("/api/orders{query}");
            alice.send(Method::DELETE, &path, &headers, Vec::new()).await
        };
        let first = keyed("").await;
        assert_eq!(first.data()["order_ids"], json!([1]));
        alice.place("BTC", "buy", "10", "0.1").await.data();
        let repeated = keyed("").await;
        assert_eq!((repeated.header("idempotency-replayed"), &repeated.body),
            (Some("true"), &first.body));
        assert_eq!(keyed("?side=buy").await.json()["code"], "idempotency_key_reused");
        assert_eq!(alice.get("/api/orders/2").await.data()["order"]["status"], 1);
        app.stop();
        database.audit();
    }
}

/// Only the lanes of PostgreSQL execute markets at the same time.
#[cfg(feature = "postgres-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_market_delays_no_other_while_all_orders_are_cancelled() {
    let database = crate::support::database::Database::postgres();
    database.number_consecutively();
    let app = TestApp::start_with(&database, &[("MATCHCAST__ENGINE__MAX_WAIT_MS", "60000")]).await;
    let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
    alice.place("BTC", "buy", "10", "0.1").await.data();
    alice.place("ETH", "buy", "10", "0.1").await.data();
    let lock = database.lock_market("ETH");
    let cancelling = {
        let alice = alice.clone();
        tokio::spawn(async move { ids(&alice, "").await })
    };
    // The order in BTC is cancelled while ETH is still locked, and others trade there.
    crate::support::wait_for("the cancellation in BTC", || async {
        let order = alice.get("/api/orders/1").await.data()["order"].clone();
        (order["status"] == 3).then_some(())
    })
    .await;
    bob.place("BTC", "buy", "10", "0.1").await.data();
    bob.post("/api/faucet", r#"{"currency":"USD","amount":1}"#).await.data();
    assert!(!cancelling.is_finished());
    drop(lock);
    assert_eq!(cancelling.await.unwrap(), json!([1, 2]));
    app.stop();
    database.audit();
}
