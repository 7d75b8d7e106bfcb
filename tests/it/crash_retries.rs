//! `kill -9` while clients send their orders until they have a response: nothing twice, nothing
//! missing, and every client learns what became of its orders.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;

use crate::on_both;
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::rounds;

/// Orders of each client.
const ORDERS: usize = 100;

/// Places orders with keys until `count` of them have a response, wherever the server is by then.
/// The ids of the orders.
async fn place_persistently(
    mut client: Client,
    mut address: watch::Receiver<SocketAddr>,
    count: usize,
) -> Vec<i64> {
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        let key = format!("{}-{number}", client.user_id);
        let side = ["buy", "sell"][number % 2];
        let order = json!({ "symbol": "BTC", "side": side, "price": "10", "amount": "0.001" });
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let id = loop {
            let current = *address.borrow_and_update();
            client = client.at(current);
            let body = order.to_string().into_bytes();
            match client.try_send(Method::POST, "/api/orders", &headers, body).await {
                Ok(response) if response.status == 200 => {
                    break response.data()["order"]["id"].clone();
                }
                // The process is ending, or still executes the order.
                Ok(response) => assert!([409, 503].contains(&response.status), "{}", response.body),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        ids.push(id.as_i64().expect("an id"));
    }
    ids
}

on_both! {
    async fn every_client_learns_the_fate_of_its_orders_across_crashes(database: Database) {
        let variables = [("BROADCAST_CONNECTION", "null".to_owned())];
        let mut process = Process::start(&database, &variables).await;
        let (sender, address) = watch::channel(process.address);
        let mut clients = Vec::new();
        for name in ["alice", "bob", "charlie"] {
            let client = process.log_in(name).await;
            clients.push(tokio::spawn(place_persistently(client, address.clone(), rounds(ORDERS))));
        }
        for _ in 0..rounds(3) {
            tokio::time::sleep(Duration::from_millis(rand::random_range(50..400))).await;
            process.kill();
            process = Process::start(&database, &variables).await;
            sender.send_replace(process.address);
        }
        let mut known = Vec::new();
        for client in clients {
            known.extend(client.await.expect("every order has a response"));
        }
        known.sort_unstable();
        // Each order was executed once, and its client knows it.
        assert_eq!(known, database.order_ids());
        assert_eq!(known.len(), 3 * rounds(ORDERS));
        process.stop().await;
        database.audit();
    }
}
