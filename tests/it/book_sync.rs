//! A client that keeps a book by a snapshot and the events after it, over the real protocol of the
//! embedded provider, is never behind and always ends with the server's book.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::Rng;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::{DEADLINE, rounds};

/// The depth of events and snapshots.
const DEPTH: &str = "5";

/// A book as a client keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Book {
    version: i64,
    /// Price and amount as texts: events write them as strings, responses as numbers.
    bids: Vec<(String, String)>,
    asks: Vec<(String, String)>,
}

impl Book {
    /// From the payload of an event, or from the data of a response.
    fn of(data: &Value) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let side = |name: &str| {
            let levels = data[name].as_array().expect("a side").iter();
            levels.map(|level| (text(&level[0]), text(&level[1]))).collect()
        };
        let version = data["version"].as_i64().expect("a version");
        Self { version, bids: side("bids"), asks: side("asks") }
    }
}

/// Every book that anybody has seen, by version.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<i64, Book>>>);

impl Seen {
    /// The same version has the same content, wherever and whenever it was read.
    fn check(&self, book: &Book) {
        let mut seen = self.0.lock().expect("no panic while it is locked");
        let known = seen.entry(book.version).or_insert_with(|| book.clone());
        assert_eq!(known, book);
    }
}

struct Subscription(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Subscription {
    /// Connects and subscribes to the market; returns once the provider has confirmed it.
    async fn open(app: &TestApp) -> Self {
        let url = format!("ws://{}/app/local?protocol=7&client=test&version=1", app.address);
        let (socket, _) = connect_async(url).await.expect("a connection");
        let mut subscription = Self(socket);
        let subscribe = json!({"event": "pusher:subscribe", "data": {"channel": "market.BTC"}});
        subscription.0.send(Message::text(subscribe.to_string())).await.expect("a subscription");
        while subscription.receive().await["event"] != "pusher_internal:subscription_succeeded" {}
        subscription
    }

    async fn receive(&mut self) -> Value {
        loop {
            let message = timeout(DEADLINE, self.0.next()).await.expect("a message in time");
            if let Message::Text(text) = message.expect("an open connection").expect("a message") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }

    /// The next book that arrives within this time.
    async fn book_within(&mut self, wait: Duration) -> Option<(i64, Book)> {
        let book = async {
            loop {
                let message = self.receive().await;
                if message["event"] == "book.updated" {
                    let data = message["data"].as_str().expect("a text");
                    let data: Value = serde_json::from_str(data).expect("JSON");
                    return (data["sequence"].as_i64().expect("a number"), Book::of(&data));
                }
            }
        };
        timeout(wait, book).await.ok()
    }
}

async fn snapshot(visitor: &Client) -> (i64, Book) {
    let data = visitor.get(&format!("/api/orderbook/BTC?depth={DEPTH}")).await.data();
    (data["sequence"].as_i64().expect("a number"), Book::of(&data))
}

/// Fetches the book again and again.
async fn watch_the_book(visitor: Client, seen: Seen, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        seen.check(&snapshot(&visitor).await.1);
    }
}

/// Places and cancels orders that change the best prices, and some that trade.
async fn change_the_book(client: Client, stop: watch::Receiver<bool>) {
    let mut open = Vec::new();
    while !*stop.borrow() {
        let (side, price) = {
            let mut random = rand::rng();
            let side = if random.random() { "buy" } else { "sell" };
            (side, random.random_range(95..=105).to_string())
        };
        let placed = client.place("BTC", side, &price, "0.0001").await;
        assert!([200, 400].contains(&placed.status), "{}", placed.body);
        if placed.status == 200 {
            open.extend(placed.data()["order"]["id"].as_i64());
        }
        if open.len() > 4 {
            client.cancel(open.remove(0)).await;
        }
    }
    for order in open {
        client.cancel(order).await;
    }
}

on_both! {
    async fn a_client_keeps_the_book_through_lost_connections(database: Database) {
        let variables = [
            ("MATCHCAST__EVENTS__BOOK_UPDATES_PER_SECOND", "50"),
            ("MATCHCAST__EVENTS__BOOK_DEPTH", DEPTH),
        ];
        let app = TestApp::start_with(&database, &variables).await;
        let (stop, stopped) = watch::channel(false);
        let last = app.log_in("charlie").await;
        let people = [app.log_in("alice").await, app.log_in("bob").await];
        let trading = people.map(|client| tokio::spawn(change_the_book(client, stopped.clone())));
        let (visitor, seen) = (app.visitor(), Seen::default());
        let watching = tokio::spawn(watch_the_book(visitor.clone(), seen.clone(), stopped));
        let (mut book, mut last_sequence, mut applied, mut ignored) = (Book::default(), 0, 0, 0);
        for _ in 0..rounds(12) {
            // Each round is a connection that is lost after a while.
            let mut events = Subscription::open(&app).await;
            let (sequence, fetched) = snapshot(&visitor).await;
            assert!(fetched.version >= book.version, "the server is never behind a client");
            assert!(sequence >= last_sequence);
            book = fetched;
            last_sequence = sequence;
            for _ in 0..rand::random_range(1..8) {
                let (sequence, event) = events.book_within(DEADLINE).await.expect("a busy book");
                seen.check(&event);
                if event.version <= book.version {
                    ignored += 1;
                } else {
                    assert!(sequence > last_sequence, "a newer book has a greater number");
                    (book, last_sequence) = (event, sequence);
                    applied += 1;
                }
                let (sequence, fetched) = snapshot(&visitor).await;
                assert!(fetched.version >= book.version && sequence >= last_sequence);
                seen.check(&fetched);
            }
        }
        let mut events = Subscription::open(&app).await;
        (_, book) = snapshot(&visitor).await;
        stop.send_replace(true);
        for task in trading {
            task.await.expect("no panic");
        }
        watching.await.expect("no panic");
        // The last change after a quiet period, so there is an event for it.
        last.place("BTC", "buy", "1", "0.001").await.data();
        let (_, expected) = snapshot(&visitor).await;
        while book.version < expected.version {
            let (sequence, event) = events.book_within(DEADLINE).await.expect("the last state");
            if event.version > book.version {
                (book, last_sequence) = (event, sequence);
            }
        }
        assert_eq!(snapshot(&visitor).await, (last_sequence, book), "the book of the last event");
        assert!(applied > 0, "{applied} applied, {ignored} ignored");
        app.stop();
        database.audit();
    }
}
