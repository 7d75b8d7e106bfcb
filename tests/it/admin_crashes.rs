//! `kill -9` while users and administrators move money and send each request until it has an
//! answer: everything happens once, and every withdrawal has one end.

use std::net::SocketAddr;
use std::time::Duration;

use matchcast::store::admin_tokens::AdminAbility::{Funds, Read};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::on_both;
use crate::support::client::{Client, Response};
use crate::support::process::Process;
use crate::support::{admin, rounds};

/// What each client does.
const REQUESTS: usize = 40;

/// A client that follows the server to its next address.
#[derive(Clone)]
struct Persistent {
    client: Client,
    address: watch::Receiver<SocketAddr>,
    name: &'static str,
}

impl Persistent {
    /// Sends a request with a key until it has an answer other than that the server is busy.
    async fn post(&mut self, path: &str, body: &Value, number: usize) -> Response {
        let key = format!("{}-{number}", self.name);
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        loop {
            let address = *self.address.borrow_and_update();
            let client = self.client.at(address);
            let body = body.to_string().into_bytes();
            let sent = client.try_send(Method::POST, path, &headers, body).await;
            let is_in_flight = |response: &Response| {
                response.status == 503 || response.json()["code"] == "idempotency_key_in_flight"
            };
            if let Some(response) = sent.ok().filter(|response| !is_in_flight(response)) {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Deposits and takes as much away again; returns what was deposited less what was taken.
    async fn deposit_and_adjust(mut self) -> i64 {
        let mut sum = 0;
        for number in 0..rounds(REQUESTS) {
            let reference = format!("payment {number}");
            let deposit = json!({
                "user_id": 2, "asset": "BTC", "amount": "0.003", "reference": reference,
            });
            let made = self.post("/api/admin/deposits", &deposit, 2 * number).await;
            assert!([200, 201].contains(&made.status), "{}", made.body);
            let adjustment = json!({
                "user_id": 2, "asset": "BTC", "amount": "-0.001", "reason": "a mistake",
            });
            let taken = self.post("/api/admin/adjustments", &adjustment, 2 * number + 1).await;
            assert_eq!(taken.status, 201, "{}", taken.body);
            sum += 2;
        }
        sum
    }

    /// Requests withdrawals of 0.001 and cancels each third; returns their ids.
    async fn withdraw(mut self) -> Vec<i64> {
        let mut ids = Vec::new();
        for number in 0..rounds(REQUESTS) {
            let body = json!({ "asset": "BTC", "amount": "0.001", "destination": "a bank" });
            let requested = self.post("/api/withdrawals", &body, 2 * number).await;
            assert_eq!(requested.status, 201, "{}", requested.body);
            let id = requested.data()["id"].as_i64().unwrap();
            if number % 3 == 0 {
                let path = format!("/api/withdrawals/{id}/cancel");
                let cancelled = self.post(&path, &json!({}), 2 * number + 1).await;
                assert!([200, 409].contains(&cancelled.status), "{}", cancelled.body);
            }
            ids.push(id);
        }
        ids
    }

    /// Ends pending withdrawals while they are requested, until all have ended.
    async fn end(mut self, how: &'static str, are_requested: watch::Receiver<bool>) {
        let mut number = 0;
        loop {
            let is_last = *are_requested.borrow();
            let pending = self.pending().await;
            if is_last && pending.is_empty() {
                return;
            }
            for id in pending {
                let path = format!("/api/admin/withdrawals/{id}/{how}");
                let ended = self.post(&path, &json!({}), number).await;
                assert!([200, 409].contains(&ended.status), "{}", ended.body);
                number += 1;
            }
        }
    }

    async fn pending(&mut self) -> Vec<i64> {
        loop {
            let address = *self.address.borrow_and_update();
            let client = self.client.at(address);
            let path = "/api/admin/withdrawals?status=pending";
            match client.try_send(Method::GET, path, &[], Vec::new()).await {
                Ok(response) if response.status == 200 => {
                    let rows = response.data().as_array().unwrap().clone();
                    return rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

on_both! {
    async fn money_moves_once_however_often_the_server_crashes(database: Database) {
        let mut process = Process::start(&database, &[]).await;
        let bob = process.log_in("bob").await;
        let (sender, address) = watch::channel(process.address);
        let persistent = |name: &'static str, token: Option<String>| {
            let mut client = bob.clone();
            client.token = token.or(client.token);
            Persistent { client, address: address.clone(), name }
        };
        let token = || Some(admin::create(&database, &admin::new_token(&[Funds, Read])).1);
        let (requested, are_requested) = watch::channel(false);
        let deposits = tokio::spawn(persistent("deposits", token()).deposit_and_adjust());
        let withdrawals = tokio::spawn(persistent("withdrawals", None).withdraw());
        let completing = persistent("completions", token()).end("complete", are_requested.clone());
        let rejecting = persistent("rejections", token()).end("reject", are_requested);
        let (completions, rejections) = (tokio::spawn(completing), tokio::spawn(rejecting));
        for _ in 0..rounds(4) {
            tokio::time::sleep(Duration::from_millis(rand::random_range(50..400))).await;
            let log = process.kill();
            assert!(!log.contains("panicked"), "{log}");
            process = Process::start(&database, &[]).await;
            sender.send_replace(process.address);
        }
        let deposited = deposits.await.expect("no panic");
        let ids = withdrawals.await.expect("no panic");
        requested.send_replace(true);
        completions.await.expect("no panic");
        rejections.await.expect("no panic");

        let client = bob.at(process.address);
        let all = client.get("/api/withdrawals").await.data();
        let all = all.as_array().unwrap().clone();
        assert_eq!(all.len(), ids.len(), "each was requested once");
        let with = |status: &str| all.iter().filter(|row| row["status"] == status).count();
        assert_eq!(with("pending"), 0);
        assert!(with("completed") > 0 && with("rejected") + with("cancelled") > 0);
        let completed = i64::try_from(with("completed")).unwrap();
        let balance = client.available("BTC").await.parse::<f64>().unwrap();
        let expected = 1000 + deposited - completed;
        assert_eq!((balance * 1000.0).round() as i64, expected);
        process.stop().await;
        database.audit();
    }
}
