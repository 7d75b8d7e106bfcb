//! Amendments and batches over the API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::outbox::{OutboxRow, start_with_events};

async fn amend(client: &Client, id: i64, changes: Value) -> Response {
    let headers = [("content-type", "application/json")];
    let body = changes.to_string().into_bytes();
    client.send(Method::PATCH, &format!("/api/orders/{id}"), &headers, body).await
}

fn order(side: &str, price: &str, amount: &str) -> Value {
    json!({ "symbol": "BTC", "side": side, "price": price, "amount": amount })
}

async fn batch(client: &Client, orders: &[Value], is_atomic: bool) -> Response {
    let body = json!({ "orders": orders, "atomic": is_atomic });
    client.post("/api/orders/batch", &body.to_string()).await
}

fn codes(response: &Response) -> Vec<String> {
    let body = response.json();
    let results = body["data"]["results"].as_array().expect("results").clone();
    let code = |result: &Value| match result["code"].as_str() {
        Some(code) => code.to_owned(),
        None => format!("order {}", result["data"]["order"]["id"]),
    };
    results.iter().map(code).collect()
}

on_both! {
    async fn an_amended_order_keeps_its_id_and_matches_like_a_new_one(database: Database) {
        let (app, _provider) = start_with_events(&database, &["order.updated"], &[]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        alice.place("BTC", "buy", "90", "0.2").await.data();
        bob.place("BTC", "buy", "90", "0.1").await.data();
        let placed = alice.get("/api/orders/1").await.data()["order"].clone();

        let smaller = amend(&alice, 1, json!({ "amount": "0.1" })).await.data();
        assert_eq!(smaller["order"]["amount"].to_string(), "0.1");
        assert_eq!(smaller["order"]["created_at"], placed["created_at"]);
        assert_eq!(alice.available("USD").await, "9990.865");
        bob.place("BTC", "sell", "90", "0.05").await.data();
        assert_eq!(alice.get("/api/orders/1").await.data()["order"]["filled_amount"].to_string(),
            "0.05", "it has kept its priority");

        bob.place("BTC", "sell", "95", "0.02").await.data();
        let dearer = amend(&alice, 1, json!({ "price": 95 })).await.data();
        assert_eq!(dearer["trade_count"], 1);
        assert_eq!(dearer["order"]["filled_amount"].to_string(), "0.07");
        assert_eq!(dearer["order"]["id"], 1);
        // Its id is smaller than that of the order which rested.
        let trades = alice.get("/api/trades?symbol=BTC").await.data();
        assert_eq!(trades[0]["price"].to_string(), "95");

        // Saying the same again changes nothing.
        let events = database.events().len();
        amend(&alice, 1, json!({ "price": "95" })).await.data();
        assert_eq!(database.events().len(), events);
        let events = database.events_named("order.updated");
        let mut ids: Vec<String> = events.iter().map(OutboxRow::event_id).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "each change has an id of its own");

        for (client, changes, status, code) in [
            (&alice, json!({ "amount": "0.07" }), 422, "validation_failed"),
            (&alice, json!({}), 422, "validation_failed"),
            (&alice, json!({ "price": "-1" }), 422, "validation_failed"),
            (&alice, json!({ "price": "94", "side": "sell" }), 422, "validation_failed"),
            (&alice, json!({ "price": "94", "stop_price": 1 }), 422, "validation_failed"),
            (&alice, json!({ "amount": "1000" }), 400, "insufficient_funds"),
            (&bob, json!({ "amount": "1" }), 404, "order_not_found"),
        ] {
            let refused = amend(client, 1, changes.clone()).await;
            assert_eq!((refused.status, refused.json()["code"].as_str()), (status, Some(code)),
                "{changes}: {}", refused.body);
        }
        // Its trades are beyond its price now.
        amend(&alice, 1, json!({ "price": "80" })).await.data();
        database.audit();
        alice.cancel(1).await;
        let closed = amend(&alice, 1, json!({ "price": "96" })).await;
        assert_eq!((closed.status, closed.json()["code"].clone()),
            (400, json!("order_not_open")));
        app.stop();
        database.audit();
    }

    async fn an_amendment_with_a_key_is_executed_once(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        alice.place("BTC", "buy", "90", "0.2").await.data();
        let send = || async {
            let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
            let body = json!({ "price": "95" }).to_string().into_bytes();
            alice.send(Method::PATCH, "/api/orders/1", &headers, body).await
        };
        let first = send().await;
        bob.place("BTC", "sell", "95", "0.2").await.data();
        let again = send().await;
        assert_eq!((first.status, &first.body), (again.status, &again.body));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        app.stop();
        database.audit();
    }

    async fn each_order_of_a_batch_has_its_own_outcome(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        bob.place("BTC", "sell", "100", "0.1").await.data();
        let eth = json!({ "symbol": "ETH", "side": "sell", "price": "10", "amount": "1" });
        let orders =
            [order("buy", "100", "0.1"), order("buy", "1000", "1000"),
                order("sell", "110", "0.1"), eth];
        let placed = batch(&alice, &orders, false).await;
        assert_eq!(placed.status, 200, "{}", placed.body);
        assert_eq!(codes(&placed), ["order 2", "insufficient_funds", "order 4", "order 5"]);
        assert_eq!(placed.data()["results"][0]["data"]["trade_count"], 1);
        let single = alice.get("/api/orders/4").await.data()["order"].clone();
        assert_eq!(placed.data()["results"][2]["data"]["order"], single, "as of a single order");

        let before = alice.available("USD").await;
        let refused = batch(&alice, &[order("buy", "10", "1"), orders[1].clone()], true).await;
        assert_eq!((refused.status, refused.json()["code"].clone()),
            (400, json!("batch_rejected")));
        assert_eq!(codes(&refused), ["batch_rejected", "insufficient_funds"]);
        assert_eq!(alice.available("USD").await, before, "nothing is reserved");
        let all = batch(&alice, &[order("buy", "10", "1"), order("buy", "11", "1")], true).await;
        assert_eq!((all.status, codes(&all).len()), (200, 2));
        app.stop();
        database.audit();
    }

    async fn a_batch_with_an_invalid_order_changes_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let orders = [order("buy", "10", "1"), order("up", "x", "1")];
        let invalid = batch(&alice, &orders, false).await;
        assert_eq!(invalid.status, 422, "{}", invalid.body);
        let errors = invalid.json()["errors"].clone();
        let fields: Vec<String> = errors.as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["orders.1.price", "orders.1.side"]);
        let many: Vec<Value> = (0..51).map(|_| order("buy", "10", "0.1")).collect();
        for body in [
            json!({ "orders": many }), json!({ "orders": [] }), json!({ "orders": "x" }),
            json!({ "orders": [1] }), json!({}),
        ] {
            let refused = alice.post("/api/orders/batch", &body.to_string()).await;
            assert_eq!(refused.status, 422);
            assert!(refused.json()["errors"]["orders"].is_array(), "{}", refused.body);
        }
        assert!(database.order_ids().is_empty());
        assert_eq!(codes(&batch(&alice, &many[..50], false).await).len(), 50);
        app.stop();
        database.audit();
    }

    async fn a_batch_with_a_key_is_executed_once(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let body = json!({ "orders": [order("buy", "10", "1"), order("buy", "11", "1")] });
        let send = || async {
            let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
            let body = body.to_string().into_bytes();
            alice.send(Method::POST, "/api/orders/batch", &headers, body).await
        };
        let (first, again) = (send().await, send().await);
        assert_eq!((first.status, &first.body), (200, &again.body));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(database.order_ids(), [1, 2]);
        app.stop();
        database.audit();
    }
}
