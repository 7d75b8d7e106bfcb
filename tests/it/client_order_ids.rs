//! Client order ids: an order whose response was lost can be repeated, and is executed once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::{rounds, run_concurrently};

async fn place(client: &Client, symbol: &str, price: &str, id: &Value) -> Response {
    let order = json!({
        "symbol": symbol, "side": "buy", "price": price, "amount": "0.01", "client_order_id": id,
    });
    client.post("/api/orders", &order.to_string()).await
}

async fn get(client: &Client, id: &str) -> Response {
    client.get(&format!("/api/orders/by-client-id/{id}")).await
}

/// Places the same order many times at once and returns the ids of those that were placed.
async fn race(clients: &[Client], symbols: &[&str], id: &str) -> Vec<i64> {
    let requests = (0..32).map(|number| {
        let (client, id) = (clients[number % clients.len()].clone(), json!(id));
        let symbol = symbols[number / 2 % symbols.len()].to_owned();
        async move { place(&client, &symbol, "10", &id).await }
    });
    let mut placed = Vec::new();
    for response in run_concurrently(requests).await {
        match response.status {
            200 => placed.extend(response.data()["order"]["id"].as_i64()),
            409 => assert_eq!(response.json()["code"], "client_order_id_taken"),
            status => panic!("{status}: {}", response.body),
        }
    }
    placed
}

on_both! {
    async fn an_order_is_known_by_the_name_that_its_user_gave_it(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let placed = place(&alice, "BTC", "10", &json!("bot-1/%7")).await.data()["order"].clone();
        assert_eq!(placed["client_order_id"], "bot-1/%7");
        assert_eq!(get(&alice, "bot-1%2F%257").await.data()["order"], placed);
        assert_eq!(alice.get("/api/orders/1").await.data()["order"], placed);
        assert_eq!(alice.get("/api/my-orders").await.data()[0]["client_order_id"], "bot-1/%7");

        let repeated = place(&alice, "BTC", "10", &json!("bot-1/%7")).await;
        assert_eq!((repeated.status, repeated.json()["code"].clone()),
            (409, json!("client_order_id_taken")));
        for (client, path) in [
            (&bob, "/api/orders/1"),
            (&bob, "/api/orders/by-client-id/bot-1%2F%257"),
            (&alice, "/api/orders/2"),
            (&alice, "/api/orders/x"),
            (&alice, "/api/orders/by-client-id/x"),
            (&alice, "/api/orders/by-client-id/%00"),
        ] {
            let response = client.get(path).await;
            assert_eq!((response.status, response.json()["code"].clone()),
                (404, json!("order_not_found")), "{path}");
        }
        let cancel = "/api/orders/by-client-id/bot-1%2F%257/cancel";
        assert_eq!(bob.post(cancel, "").await.status, 404);
        assert_eq!(alice.post(cancel, "").await.status, 200);
        assert_eq!(alice.post(cancel, "").await.json()["code"], "order_not_open");
        let cancelled = alice.get("/api/orders/1").await.data()["order"].clone();
        assert_eq!((&cancelled["status"], &cancelled["cancel_reason"]),
            (&json!(3), &json!("user")));
        assert_eq!(cancelled["created_at"], placed["created_at"]);
        assert!(cancelled["cancelled_at"].is_string());
        let without_token = app.visitor().send(Method::GET, "/api/orders/1", &[], Vec::new()).await;
        assert_eq!(without_token.status, 401);
        app.stop();
        database.audit();
    }

    async fn an_invalid_name_is_an_error_that_names_the_field(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        for id in [json!("a b"), json!("é"), json!("x".repeat(65)), json!(" "), json!(7)] {
            let response = place(&alice, "BTC", "10", &id).await;
            assert_eq!(response.status, 422, "{id}");
            assert!(response.json()["errors"]["client_order_id"].is_array(), "{}", response.body);
        }
        for none in [Value::Null, json!("")] {
            let order = place(&alice, "BTC", "10", &none).await.data()["order"].clone();
            assert_eq!(order["client_order_id"], Value::Null);
        }
        assert_eq!(place(&alice, "BTC", "10", &json!("x".repeat(64))).await.status, 200);
        app.stop();
        database.audit();
    }

    async fn the_same_name_many_times_at_once_is_one_order(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        for round in 0..rounds(3) {
            let id = format!("round-{round}");
            let placed = race(std::slice::from_ref(&alice), &["BTC", "ETH"], &id).await;
            let found = get(&alice, &id).await.data()["order"]["id"].clone();
            assert_eq!(placed.iter().map(|id| json!(id)).collect::<Vec<_>>(), [found]);
        }
        assert_eq!(database.order_ids().len(), rounds(3));
        app.stop();
        database.audit();
    }
}

#[cfg(feature = "postgres-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_name_in_two_processes_is_one_order() {
    let database = Database::postgres();
    let variables = [("BROADCAST_CONNECTION", "null")];
    let first = TestApp::start_with(&database, &variables).await;
    let second = TestApp::start_with(&database, &variables).await;
    let alice = first.log_in("alice").await;
    let clients = [alice.at(second.address), alice];
    for round in 0..rounds(5) {
        let placed = race(&clients, &["BTC", "ETH"], &format!("round-{round}")).await;
        assert_eq!(placed.len(), 1);
    }
    assert_eq!(database.order_ids().len(), rounds(5));
    first.stop();
    second.stop();
    database.audit();
}
