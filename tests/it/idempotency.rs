//! Idempotency keys: a request that is sent again is executed once, and has the same response.

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::{rounds, run_concurrently};

async fn post(client: &Client, path: &str, key: &str, body: &Value) -> Response {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    client.send(Method::POST, path, &headers, body.to_string().into_bytes()).await
}

fn buy(symbol: &str, amount: &str) -> Value {
    json!({ "symbol": symbol, "side": "buy", "price": "10", "amount": amount })
}

async fn place(client: &Client, key: &str, amount: &str) -> Response {
    post(client, "/api/orders", key, &buy("BTC", amount)).await
}

fn is_replayed(response: &Response) -> bool {
    response.header("idempotency-replayed") == Some("true")
}

fn assert_repeated(response: &Response, first: &Response) {
    assert!(is_replayed(response) && !is_replayed(first), "{}", response.body);
    assert_eq!(response.header("content-type"), first.header("content-type"));
    assert_eq!((response.status, &response.body), (first.status, &first.body));
}

fn assert_refused(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{}", response.body);
    assert_eq!(response.json()["code"], code);
    assert!(!is_replayed(response));
}

fn order(symbol: &str) -> Call {
    ("/api/orders", buy(symbol, "0.01"))
}

fn deposit(currency: &str) -> Call {
    ("/api/faucet", json!({ "currency": currency, "amount": "0.1" }))
}

/// A path and the fields.
type Call = (&'static str, Value);

/// Sends the same calls with the same key many times at once, to each client in turn. The responses
/// to those that were executed or repeated.
async fn race(clients: &[Client], key: &str, calls: &[Call]) -> Vec<Response> {
    let requests = (0..32).map(|number| {
        let client = clients[number % clients.len()].clone();
        let (path, body) = calls[number / 2 % calls.len()].clone();
        let key = key.to_owned();
        async move { post(&client, path, &key, &body).await }
    });
    let mut responses = run_concurrently(requests).await;
    responses.retain(|response| match response.status {
        200 => true,
        409 => {
            assert_eq!(response.json()["code"], "idempotency_key_in_flight");
            false
        }
        status => {
            assert_eq!((status, &response.json()["code"]), (422, &json!("idempotency_key_reused")));
            assert!(calls.len() > 1);
            false
        }
    });
    responses
}

/// One of these was executed, and all have its response.
fn assert_executed_once(responses: &[Response]) {
    let executed: Vec<_> = responses.iter().filter(|response| !is_replayed(response)).collect();
    assert_eq!(executed.len(), 1, "{responses:?}");
    assert!(responses.iter().all(|response| response.body == executed[0].body), "{responses:?}");
}

on_both! {
    /// The rules have become stricter meanwhile: a repetition that would be refused now has been
    /// executed all the same.
    async fn a_repetition_that_would_be_refused_now_is_recognised(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let first = place(&alice, "a", "0.1").await;
        let mut named = buy("BTC", "0.1");
        named["client_order_id"] = json!("b");
        alice.post("/api/orders", &named.to_string()).await.data();
        app.stop();
        let strict = [("MATCHCAST__MARKET__MIN_VALUE", "1000")];
        let app = TestApp::start_with(&database, &strict).await;
        let alice = app.log_in("alice").await;
        for _ in 0..2 {
            // At first without a look-up before, then with one.
            assert_repeated(&place(&alice, "a", "0.1").await, &first);
            let again = alice.post("/api/orders", &named.to_string()).await;
            assert_refused(&again, 409, "client_order_id_taken");
            named["client_order_id"] = json!("c");
            let new = alice.post("/api/orders", &named.to_string()).await;
            assert_refused(&new, 422, "validation_failed");
            named["client_order_id"] = json!("b");
        }
        app.stop();
        // The name first.
        let app = TestApp::start_with(&database, &strict).await;
        let alice = app.log_in("alice").await;
        let batch = json!({ "orders": [buy("BTC", "1000"), named] });
        let batch = alice.post("/api/orders/batch", &batch.to_string()).await;
        let results = batch.json()["data"]["results"].clone();
        assert_eq!(results[1]["code"], "client_order_id_taken", "{}", batch.body);
        assert_eq!(database.order_ids(), [1, 2]);
        app.stop();
        database.audit();
    }

    async fn a_repeated_request_has_the_same_response(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        bob.place("BTC", "sell", "10", "0.2").await.data();
        let first = place(&alice, "key 1", "0.5").await;
        assert_eq!(first.data()["trades"][0]["amount"].to_string(), "0.2");
        assert_repeated(&place(&alice, "key 1", "0.5").await, &first);
        // The order has changed since; its response has not.
        bob.place("BTC", "sell", "10", "0.3").await.data();
        assert_repeated(&place(&alice, "key 1", "0.5").await, &first);
        // The same fields in another order, and as a form.
        let headers = [("idempotency-key", "key 1")];
        let form = b" amount=0.5&side=buy&symbol=BTC&price=10".to_vec();
        let form = alice.send(Method::POST, "/api/orders", &headers, form).await;
        assert_repeated(&form, &first);

        assert_refused(&place(&alice, "key 1", "0.6").await, 422, "idempotency_key_reused");
        let id = first.data()["order"]["id"].to_string();
        for path in [format!("/api/orders/{id}/cancel"), "/api/faucet".to_owned()] {
            let response = post(&alice, &path, "key 1", &json!({ "currency": "BTC" })).await;
            assert_refused(&response, 422, "idempotency_key_reused");
        }
        assert_eq!(database.order_ids().len(), 3);
        // Keys belong to a user.
        assert!(!is_replayed(&place(&bob, "key 1", "0.5").await));
        assert!(!is_replayed(&place(&alice, "key 2", "0.5").await));
        assert_eq!(database.order_ids().len(), 5);
        app.stop();
        database.audit();
    }

    async fn a_cancellation_and_a_deposit_can_be_repeated(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let order = place(&alice, "order", "1").await.data()["order"]["id"].clone();
        let path = format!("/api/orders/{order}/cancel");
        let cancelled = post(&alice, &path, "cancel", &Value::Null).await;
        assert_eq!(cancelled.status, 200);
        assert_repeated(&post(&alice, &path, "cancel", &Value::Null).await, &cancelled);
        assert_eq!(alice.cancel(order.as_i64().unwrap()).await.status, 400);

        let usd = json!({ "currency": "USD", "amount": 5 });
        let funded = post(&alice, "/api/faucet", "fund", &usd).await;
        assert_eq!(funded.data()["balance"].to_string(), "10005");
        assert_repeated(&post(&alice, "/api/faucet", "fund", &usd).await, &funded);
        assert_eq!(alice.available("USD").await, "10005");
        app.stop();
        database.audit();
    }

    async fn a_rejection_is_repeated_and_an_invalid_request_can_be_corrected(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let rejected = place(&alice, "key", "1000000").await;
        assert_eq!(rejected.json()["code"], "insufficient_funds");
        assert_repeated(&place(&alice, "key", "1000000").await, &rejected);

        // An invalid field, a violated rule of the market, and a value out of range.
        for amount in ["0", "0.00000000001", "1e-10", "90000000000"] {
            assert_eq!(place(&alice, "other", amount).await.status, 422, "{amount}");
        }
        assert_eq!(place(&alice, "other", "1").await.status, 200);
        assert_eq!(database.order_ids().len(), 1);
        let limited = json!({ "currency": "BTC", "amount": "0.01" });
        while post(&alice, "/api/faucet", "limit", &limited).await.status == 200 {
            post(&alice, "/api/faucet", &format!("{}", rand::random::<u64>()), &limited).await;
            database.execute("DELETE FROM idempotency_keys WHERE key = 'limit'");
        }
        let refused = post(&alice, "/api/faucet", "limit", &limited).await;
        assert_refused(&refused, 429, "faucet_limit");

        for key in ["", "é", "a\tb", &"x".repeat(256)] {
            let response = place(&alice, key, "1").await;
            assert_eq!(response.status, 422, "{key:?}: {}", response.body);
            assert!(response.json()["errors"]["Idempotency-Key"].is_array(), "{}", response.body);
        }
        assert_eq!(place(&alice, &"x".repeat(255), "1").await.status, 200);
        let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
        let body = buy("BTC", "1").to_string().into_bytes();
        assert_eq!(alice.send(Method::POST, "/api/orders", &twice, body).await.status, 422);
        assert_eq!(database.order_ids().len(), 2);
        app.stop();
        database.audit();
    }

    async fn the_same_key_many_times_at_once_is_one_order(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let clients = std::slice::from_ref(&alice);
        for round in 0..rounds(3) {
            let (same, other) = (format!("same {round}"), format!("other {round}"));
            let responses = race(clients, &same, &[order("BTC")]).await;
            assert_executed_once(&responses);
            assert_repeated(
                &place(&alice, &same, "0.01").await,
                responses.iter().find(|response| !is_replayed(response)).unwrap(),
            );
            // Two requests with the same key, in markets of two lanes.
            let calls = [order("BTC"), order("ETH")];
            assert_executed_once(&race(clients, &other, &calls).await);
        }
        assert_eq!(database.order_ids().len(), 2 * rounds(3));
        app.stop();
        database.audit();
    }
}

#[cfg(feature = "postgres-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_in_two_processes_is_one_request() {
    let database = Database::postgres();
    let variables =
        [("BROADCAST_CONNECTION", "null"), ("MATCHCAST__DEMO__FAUCET_CALLS_PER_DAY", "1000000")];
    let first = TestApp::start_with(&database, &variables).await;
    let second = TestApp::start_with(&database, &variables).await;
    let alice = first.log_in("alice").await;
    let clients = [alice.at(second.address), alice];
    for round in 0..rounds(5) {
        let calls = [
            [order("BTC"), order("BTC")],
            [order("BTC"), order("ETH")],
            [deposit("USD"), deposit("USD")],
            // These two have no lock in common: the second one to commit finds a duplicate.
            [deposit("ETH"), order("BTC")],
        ];
        for (number, calls) in calls.iter().enumerate() {
            assert_executed_once(&race(&clients, &format!("{round}.{number}"), calls).await);
        }
    }
    first.stop();
    second.stop();
    database.audit();
}
