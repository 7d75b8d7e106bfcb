//! Reads that requests share: nobody gets an answer that is older than an acknowledged write, or
//! that belongs to somebody else, whichever process answers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::Value;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::{rounds, run_concurrently};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A client that keeps the last answer and sends its tag.
struct Reader {
    client: Client,
    path: &'static str,
    tag: String,
    body: String,
    encoding: &'static str,
}

impl Reader {
    fn new(client: &Client, path: &'static str) -> Self {
        let (tag, body) = (String::new(), String::new());
        Self { client: client.clone(), path, tag, body, encoding: "identity" }
    }

    async fn send(&self) -> Response {
        let mut headers = vec![("accept-encoding", self.encoding)];
        if !self.tag.is_empty() {
            headers.push(("if-none-match", &self.tag));
        }
        self.client.send(Method::GET, self.path, &headers, Vec::new()).await
    }

    /// The current answer, sent now or before.
    async fn read(&mut self) -> Value {
        let answer = self.send().await;
        if answer.status == 200 {
            self.tag = answer.header("etag").expect("a tag").to_owned();
            self.body = answer.body;
        } else {
            assert_eq!(answer.status, 304, "{}: {}", self.path, answer.body);
        }
        let body: Value = serde_json::from_str(&self.body).expect("JSON");
        body["data"].clone()
    }
}

/// How many orders of the writer an answer contains: each is of 0.001 at a price of its own.
fn orders_in(path: &str, data: &Value) -> usize {
    let sum_of_locked = |value: &Value| {
        let units = value.to_string().parse::<f64>().expect("a number") * 1_000.0;
        // Sums of thousandths, far from the next one.
        format!("{units:.0}").parse().expect("a whole number")
    };
    match path {
        "/api/orders?symbol=BTC" => data["asks"].as_array().expect("a list").len(),
        "/api/orderbook/BTC?depth=1000" => data["asks"].as_array().expect("a list").len(),
        "/api/my-orders" => data.as_array().expect("a list").len(),
        "/api/balance-history?currency=BTC" => data
            .as_array()
            .expect("a list")
            .iter()
            .filter(|row| row["action"] == "order_reserved")
            .count(),
        "/api/profile" => sum_of_locked(&data["asset_balances"][0]["locked_amount"]),
        "/api/balances" => {
            let btc = data.as_array().expect("a list").iter().find(|row| row["currency"] == "BTC");
            sum_of_locked(&btc.expect("an asset")["locked"])
        }
        _ => unreachable!("{path}"),
    }
}

const PATHS: [&str; 6] = [
    "/api/orders?symbol=BTC",
    "/api/orderbook/BTC?depth=1000",
    "/api/my-orders",
    "/api/balance-history?currency=BTC",
    "/api/profile",
    "/api/balances",
];

on_both! {
    async fn a_read_has_every_write_that_was_acknowledged_before_it(database: Database) {
        let (app, other) = (TestApp::start(&database).await, TestApp::start(&database).await);
        let alice = app.log_in("alice").await;
        let (acknowledged, is_over) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut work: Vec<Work> = Vec::new();
        let (writers, done) =
            ([alice.clone(), alice.at(other.address)], (acknowledged.clone(), is_over.clone()));
        work.push(Box::pin(async move {
            for number in 0..rounds(60) {
                let price = (1_000 + number).to_string();
                let placed = writers[number % 2].place("BTC", "sell", &price, "0.001").await;
                assert_eq!(placed.status, 200, "{}", placed.body);
                done.0.store(number + 1, Ordering::SeqCst);
            }
            done.1.store(true, Ordering::SeqCst);
        }));
        for path in PATHS {
            for address in [app.address, other.address] {
                for has_tag in [true, false] {
                    let mut reader = Reader::new(&alice.at(address), path);
                    let (acknowledged, is_over) = (acknowledged.clone(), is_over.clone());
                    work.push(Box::pin(async move {
                        let mut last = 0;
                        while !is_over.load(Ordering::SeqCst) {
                            let before = acknowledged.load(Ordering::SeqCst);
                            let count = orders_in(path, &reader.read().await);
                            assert!(count >= before, "{path}: {count} of {before} orders");
                            assert!(count >= last, "{path}: {count} orders after {last}");
                            last = count;
                            if !has_tag {
                                reader.tag.clear();
                            }
                        }
                    }));
                }
            }
        }
        run_concurrently(work).await;
        app.stop();
        other.stop();
        database.audit();
    }

    async fn nobody_gets_the_answer_of_another_user(database: Database) {
        let app = TestApp::start(&database).await;
        let mut clients = Vec::new();
        for name in ["alice", "bob", "charlie"] {
            clients.push(app.log_in(name).await);
        }
        for number in 0..3 {
            clients.push(app.register(&format!("user{number}")).await);
        }
        let mut work: Vec<Work> = Vec::new();
        for (number, client) in clients.into_iter().enumerate() {
            let amount = format!("0.00{}", number + 1);
            client.place("BTC", "sell", "1000", &amount).await.data();
            for path in ["/api/profile", "/api/user", "/api/balances", "/api/my-orders"] {
                let (mut reader, amount) = (Reader::new(&client, path), amount.clone());
                work.push(Box::pin(async move {
                    for round in 0..rounds(30) {
                        let data = reader.read().await;
                        match path {
                            "/api/profile" => {
                                assert_eq!(data["id"], reader.client.user_id);
                                let held = &data["asset_balances"][0]["locked_amount"];
                                assert_eq!(held.to_string(), amount);
                            }
                            "/api/user" => assert_eq!(data["id"], reader.client.user_id),
                            "/api/balances" => {
                                let rows = data.as_array().unwrap().iter();
                                let locked: Vec<_> =
                                    rows.map(|row| row["locked"].to_string()).collect();
                                assert!(locked.contains(&amount), "{locked:?} {amount}");
                            }
                            _ => assert_eq!(data[0]["amount"].to_string(), amount),
                        }
                        if round % 3 == 0 {
                            reader.tag.clear();
                        }
                    }
                }));
            }
        }
        run_concurrently(work).await;
        app.stop();
    }

    async fn all_encodings_of_a_book_are_of_the_same_version(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        for price in 1_000..1_040 {
            alice.place("BTC", "sell", &price.to_string(), "0.001").await.data();
        }
        let path = "/api/orders?symbol=BTC";
        for price in [2_000, 2_001] {
            let plain = alice.get(path).await;
            let tag = plain.header("etag").expect("a tag").to_owned();
            for (accepted, expected) in [
                ("identity", None),
                ("zstd", Some("zstd")),
                ("br", Some("br")),
                ("gzip, deflate", Some("gzip")),
                ("deflate", Some("deflate")),
                ("gzip;q=0.5, br;q=0.4", Some("gzip")),
                ("gzip, br, zstd", Some("br")),
            ] {
                for _ in 0..2 {
                    let headers = [("accept-encoding", accepted)];
                    let answer = alice.send(Method::GET, path, &headers, Vec::new()).await;
                    assert_eq!(answer.header("content-encoding"), expected, "{accepted}");
                    assert_eq!(answer.header("etag"), Some(tag.as_str()), "{accepted}");
                    let vary = answer.headers.get_all("vary").iter();
                    let vary: Vec<_> = vary.map(|value| value.to_str().unwrap()).collect();
                    assert_eq!(vary.join(", ").matches("encoding").count(), 1, "{vary:?}");
                    if expected.is_none() {
                        assert_eq!(answer.body, plain.body);
                    } else {
                        assert!(answer.body.len() * 2 < plain.body.len(), "{accepted}");
                    }
                }
            }
            alice.place("BTC", "sell", &price.to_string(), "0.001").await.data();
        }
        app.stop();
    }
}
