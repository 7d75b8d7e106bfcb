//! The public event `book.updated`: its contents, its maximum rate, and that the last state of a
//! book is always published.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use matchcast::events::SizeLimits;
use matchcast::market::Fixed;
use matchcast::market_data::{BookPublisher, BookPublisherSettings};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::on_both;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::load::Load;
use crate::support::outbox::{OutboxRow, start_with_events};
use crate::support::process::Process;
use crate::support::provider::Provider;
use crate::support::wait_for;

const RATE: &str = "MATCHCAST__EVENTS__BOOK_UPDATES_PER_SECOND";

/// The events `book.updated` of one market, in the order in which they were written.
pub fn books(database: &Database, symbol: &str) -> Vec<OutboxRow> {
    let mut rows = database.events_named("book.updated");
    rows.retain(|row| row.channel == format!("market.{symbol}"));
    rows
}

/// Waits until this many books of the market were published, and returns the last of them.
pub async fn wait_for_book(database: &Database, symbol: &str, number: usize) -> OutboxRow {
    wait_for(&format!("book {number} of {symbol}"), || async {
        books(database, symbol).get(number - 1).cloned()
    })
    .await
}

/// One side of `GET /orders`, summed by price as in the event.
fn levels(orders: &Value, depth: usize) -> Value {
    let mut levels: Vec<(String, i64)> = Vec::new();
    for order in orders.as_array().expect("a list") {
        let units = Fixed::parse(&order["amount"].to_string()).expect("a number").units();
        let price = order["price"].to_string();
        match levels.last_mut() {
            Some((last, sum)) if *last == price => *sum += units,
            _ => levels.push((price, units)),
        }
    }
    let level = |(price, units)| json!([price, Fixed::from_units(units).to_string()]);
    Value::Array(levels.into_iter().take(depth).map(level).collect())
}

/// The best bids and asks in the response of `GET /orders`, as in the event.
pub async fn expected_book(client: &Client, symbol: &str, depth: usize) -> (Value, Value) {
    let book = client.get(&format!("/api/orders?symbol={symbol}")).await.data();
    (levels(&book["bids"], depth), levels(&book["asks"], depth))
}

/// The last event equals the expected book, and the sequence numbers have no gap.
pub fn assert_last(rows: &[OutboxRow], (bids, asks): &(Value, Value)) {
    let last = rows.last().expect("a book").json();
    assert_eq!((&last["bids"], &last["asks"]), (bids, asks));
    for (number, row) in (1..).zip(rows) {
        assert_eq!(row.json()["sequence"].as_i64(), Some(number), "{row:?}");
    }
}

on_both! {
    async fn a_book_contains_its_best_prices_with_the_sum_at_each(database: Database) {
        let depth = [("MATCHCAST__EVENTS__BOOK_DEPTH", "2")];
        let (app, _provider) = start_with_events(&database, &["book.updated"], &depth).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        alice.place("BTC", "sell", "50000", "0.1").await.data();
        // The first change after a quiet period is published without further changes.
        let first = wait_for_book(&database, "BTC", 1).await;
        assert_eq!(first.data, format!(concat!(
            r#"{{"event_id":"book.updated-1-1","sequence":1,"version":{},"symbol":"BTC","#,
            r#""bids":[],"asks":[["50000","0.1"]]}}"#
        ), database.book_version("BTC")));
        assert_eq!((first.channel.as_str(), first.socket_id), ("market.BTC", None));

        bob.place("BTC", "sell", "50000", "0.00000001").await.data();
        bob.place("BTC", "sell", "50001.5", "0.02").await.data();
        bob.place("BTC", "sell", "50002", "0.02").await.data();
        for (price, amount) in [("9", "3"), ("10", "1"), ("11.00000001", "2"), ("10", "0.5")] {
            alice.place("BTC", "buy", price, amount).await.data();
        }
        let expected = expected_book(&alice, "BTC", 2).await;
        app.stop();
        let rows = books(&database, "BTC");
        assert_last(&rows, &expected);
        let number = rows.len();
        assert_eq!(rows[number - 1].data, format!(concat!(
            r#"{{"event_id":"book.updated-1-{0}","sequence":{0},"version":{1},"symbol":"BTC","#,
            r#""bids":[["11.00000001","2"],["10","1.5"]],"#,
            r#""asks":[["50000","0.10000001"],["50001.5","0.02"]]}}"#
        ), number, database.book_version("BTC")));
        assert_eq!(books(&database, "ETH"), [], "its book has not changed");
        database.audit();
    }

    async fn a_busy_book_respects_the_rate_and_publishes_its_last_state(database: Database) {
        const PER_SECOND: u32 = 10;
        let rate = [(RATE, "10")];
        let started = Instant::now();
        let (app, _provider) = start_with_events(&database, &["book.updated"], &rate).await;
        let people = [app.log_in("alice").await, app.log_in("bob").await];
        let load = Load::start(&people, &["BTC", "ETH"]);
        // Long enough that each book is published several times while it changes.
        wait_for_book(&database, "BTC", 4).await;
        wait_for_book(&database, "ETH", 4).await;
        load.stop().await;
        let mut expected = BTreeMap::new();
        for symbol in ["BTC", "ETH"] {
            expected.insert(symbol, expected_book(&people[0], symbol, 25).await);
        }
        app.stop();
        let seconds = started.elapsed().as_secs_f64();
        for (symbol, expected) in expected {
            let rows = books(&database, symbol);
            assert_last(&rows, &expected);
            let most = 1.0 + seconds * f64::from(PER_SECOND);
            assert!((rows.len() as f64) <= most, "{} in {seconds} s", rows.len());
        }
        assert!(database.order_ids().len() > books(&database, "BTC").len() * 2);
        database.audit();
    }

    async fn a_process_that_stops_publishes_the_last_state_of_each_book(database: Database) {
        let rate = [(RATE, "1")];
        let (app, _provider) = start_with_events(&database, &["book.updated"], &rate).await;
        let alice = app.log_in("alice").await;
        // After this, the rate limit delays the next event of both markets.
        for symbol in ["BTC", "ETH"] {
            alice.place(symbol, "sell", "50000", "0.1").await.data();
            wait_for_book(&database, symbol, 1).await;
        }
        for symbol in ["BTC", "ETH"] {
            alice.place(symbol, "sell", "50000", "0.2").await.data();
        }
        app.stop();
        for symbol in ["BTC", "ETH"] {
            let last = books(&database, symbol).pop().expect("a book").json();
            assert_eq!(last["asks"], json!([["50000", "0.3"]]), "{symbol}");
        }
    }

    async fn a_book_that_one_process_did_not_publish_is_published_by_the_next(database: Database) {
        // This process publishes no books, as if it had been killed before it could.
        let (silent, _provider) = start_with_events(&database, &[], &[]).await;
        let alice = silent.log_in("alice").await;
        alice.place("ETH", "sell", "3000", "1").await.data();
        silent.stop();
        assert_eq!(database.events(), []);
        let (app, _provider) = start_with_events(&database, &["book.updated"], &[]).await;
        let row = wait_for_book(&database, "ETH", 1).await;
        assert_eq!(row.json()["asks"], json!([["3000", "1"]]));
        app.stop();
        assert_eq!(books(&database, "ETH").len(), 1, "it is published once");
        database.audit();
    }

    async fn a_killed_process_does_not_lose_the_last_state(database: Database) {
        let provider = Provider::down();
        let mut variables = provider.variables();
        variables.push(("MATCHCAST__EVENTS__BOOK_UPDATED", "true".to_owned()));
        variables.push((RATE, "1".to_owned()));
        let process = Process::start(&database, &variables).await;
        let alice = process.log_in("alice").await;
        alice.place("BTC", "sell", "50000", "0.1").await.data();
        wait_for_book(&database, "BTC", 1).await;
        // The rate limit delays this change, and the process is killed before.
        alice.place("BTC", "sell", "50000", "0.2").await.data();
        process.kill();
        let process = Process::start(&database, &variables).await;
        let row = wait_for_book(&database, "BTC", 2).await;
        assert_eq!(row.json()["asks"], json!([["50000", "0.3"]]));
        process.stop().await;
        assert_eq!(books(&database, "BTC").len(), 2);
    }

    async fn books_that_cannot_be_published_delay_no_order_and_are_logged_once(database: Database) {
        const FAILURES: &str = "matchcast_market_data_failures_total ";
        let provider = Provider::down();
        let mut variables = provider.variables();
        variables.push(("MATCHCAST__EVENTS__BOOK_UPDATED", "true".to_owned()));
        variables.push(("MATCHCAST__HTTP__METRICS", "true".to_owned()));
        let process = Process::start(&database, &variables).await;
        let alice = process.log_in("alice").await;
        database.execute("ALTER TABLE published_books RENAME TO elsewhere");
        for _ in 0..5 {
            alice.place("BTC", "sell", "50000", "0.01").await.data();
        }
        let visitor = Client::new(process.address);
        wait_for("several failed checks", || async {
            let metrics = visitor.get("/metrics").await.body;
            let count = metrics.lines().find_map(|line| line.strip_prefix(FAILURES)?.parse().ok());
            (count >= Some(3_u64)).then_some(())
        })
        .await;
        database.execute("ALTER TABLE elsewhere RENAME TO published_books");
        let row = wait_for_book(&database, "BTC", 1).await;
        assert_eq!(row.json()["asks"], json!([["50000", "0.05"]]));
        wait_for("the end of the outage in the log", || async {
            process.log().contains("order books are published again").then_some(())
        })
        .await;
        let log = process.stop().await;
        assert_eq!(log.matches("order books cannot be published").count(), 1, "{log}");
        assert_eq!(log.matches("order books are published again").count(), 1, "{log}");
        database.audit();
    }

    async fn a_book_that_is_too_large_is_cut_from_its_worst_prices(database: Database) {
        let (silent, _provider) = start_with_events(&database, &[], &[]).await;
        let alice = silent.log_in("alice").await;
        for price in ["11", "10", "12"] {
            alice.place("ETH", "sell", price, "0.01").await.data();
        }
        alice.place("ETH", "buy", "9", "1").await.data();
        silent.stop();
        let (store, catalog) = database.open_store();
        let publisher = Arc::new(Notify::new());
        let size_limits = SizeLimits { plain: 128, ..SizeLimits::UNLIMITED };
        let settings = BookPublisherSettings { updates_per_second: 1, depth: 25, size_limits };
        let publishing = BookPublisher::new(
            store,
            catalog,
            settings,
            Arc::default(),
            publisher.clone(),
        );
        // A publisher that is told to stop checks once more. Here that is its first check.
        let (_stop, stopped) = watch::channel(true);
        publishing.run(stopped).await;
        publisher.notified().await;
        let rows = books(&database, "ETH");
        assert_eq!(rows.len(), 1);
        assert!(rows[0].data.len() <= 128, "{}", rows[0].data);
        let book = rows[0].json();
        assert_eq!(book["asks"], json!([["10", "0.01"]]));
        assert_eq!(book["bids"], json!([["9", "1"]]));
    }
}
