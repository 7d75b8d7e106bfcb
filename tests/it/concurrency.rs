//! Concurrent requests over HTTP: the guarantees hold in whatever order they are executed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::{rounds, run_concurrently};

/// New users with 10,000 USD, 1 BTC and 10 ETH each.
async fn register(app: &TestApp, count: usize) -> Vec<Client> {
    let mut users = Vec::with_capacity(count);
    for number in 0..count {
        users.push(app.register(&format!("user-{number}")).await);
    }
    users
}

/// Places an order; the returned future can run in another task.
async fn place(
    client: Client,
    symbol: &'static str,
    side: &'static str,
    price: String,
    amount: &'static str,
) -> Response {
    client.place(symbol, side, &price, amount).await
}

/// The number of orders with each status, in the response of `GET /my-orders`.
fn statuses(orders: &Value) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for order in orders.as_array().expect("a list") {
        *counts.entry(order["status"].as_u64().expect("a number")).or_default() += 1;
    }
    counts
}

on_both! {
    async fn many_buyers_of_one_ask_get_exactly_its_amount(database: Database) {
        const BUYERS: usize = 16;
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        alice.place("BTC", "sell", "100", "0.5").await.data();

        let buyers = register(&app, BUYERS).await;
        let orders =
            buyers.iter().map(|buyer| place(buyer.clone(), "BTC", "buy", "100".to_owned(), "0.05"));
        let responses = run_concurrently(orders).await;

        let with_status = |status: u64| {
            let orders = responses.iter().map(|response| response.data()["order"].clone());
            orders.filter(|order| order["status"] == status).count()
        };
        let (filled, open) = (with_status(2), with_status(1));
        assert_eq!((filled, open), (10, BUYERS - 10), "0.5 is ten times 0.05");
        assert_eq!(alice.available("BTC").await, "0");
        assert_eq!(alice.available("USD").await, "10050");
        let mut bought = 0;
        for buyer in &buyers {
            match buyer.available("BTC").await.as_str() {
                "1.05" => bought += 1,
                "1" => {}
                other => panic!("a buyer has {other} BTC"),
            }
        }
        assert_eq!(bought, 10);
        app.stop();
        database.audit();
    }

    async fn concurrent_crossing_orders_leave_no_crossed_book(database: Database) {
        let app = TestApp::start(&database).await;
        let users = register(&app, 10).await;
        for round in 0..rounds(4) {
            let orders = users.iter().enumerate().map(|(number, user)| {
                let side = if (number + round).is_multiple_of(2) { "buy" } else { "sell" };
                // The prices overlap, so that some orders match and others rest in the book.
                let price = if side == "buy" { 105 - number } else { 95 + number };
                place(user.clone(), "BTC", side, price.to_string(), "0.01")
            });
            for response in run_concurrently(orders).await {
                assert_eq!(response.status, 200, "{}", response.body);
            }
            let book = users[0].get("/api/orders?symbol=BTC").await.data();
            let price = |side: &str| book[side][0]["price"].as_f64();
            if let (Some(bid), Some(ask)) = (price("bids"), price("asks")) {
                assert!(bid < ask, "the book is crossed: {book}");
            }
        }
        app.stop();
        assert!(!database.trades().is_empty());
        database.audit();
    }

    async fn an_order_is_either_cancelled_or_filled(database: Database) {
        const ASKS: usize = 12;
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let mut sold = 0;
        for _ in 0..rounds(3) {
            let mut asks = Vec::new();
            for _ in 0..ASKS {
                let placed = alice.place("ETH", "sell", "10000", "0.0001").await.data();
                asks.push(placed["order"]["id"].as_i64().expect("an id"));
            }
            let (cancelled, bought) = cancel_while_bought(&alice, &bob, &asks).await;
            sold += bought;
            let mine = alice.get("/api/my-orders").await.data();
            let newest = Value::Array(mine.as_array().expect("a list")[..ASKS].to_vec());
            let statuses = statuses(&newest);
            assert_eq!(statuses.get(&3).copied().unwrap_or(0), cancelled);
            assert_eq!(statuses.get(&2).copied().unwrap_or(0), bought);
            assert_eq!(cancelled + bought, ASKS);
            // Buy orders that are still open would match in the next round.
            for order in bob.get("/api/my-orders").await.data().as_array().expect("a list") {
                if order["status"] == 1 {
                    assert_eq!(bob.cancel(order["id"].as_i64().expect("an id")).await.status, 200);
                }
            }
        }
        assert_eq!(alice.available("USD").await, (10_000 + sold).to_string());
        app.stop();
        database.audit();
    }

    async fn the_same_funds_are_spent_once(database: Database) {
        const ATTEMPTS: usize = 32;
        let app = TestApp::start(&database).await;
        let user = app.register("spender").await;
        // An order reserves 9,000 and the commission: 10,000 is enough for one.
        let attempts =
            (0..ATTEMPTS).map(|_| place(user.clone(), "BTC", "buy", "9000".to_owned(), "1"));
        let responses = run_concurrently(attempts).await;
        let placed = responses.iter().filter(|response| response.status == 200).count();
        let rejected = responses
            .iter()
            .filter(|response| response.status == 400 && response.code() == "insufficient_funds")
            .count();
        assert_eq!((placed, rejected), (1, ATTEMPTS - 1));
        assert_eq!(user.available("USD").await, "865");
        app.stop();
        database.audit();
    }

    async fn concurrent_orders_in_several_markets_cause_no_error(database: Database) {
        const EACH: usize = 12;
        let app = TestApp::start(&database).await;
        let users = register(&app, 6).await;
        let work = users.iter().enumerate().flat_map(|(number, user)| {
            // Two tasks per user, which change the same accounts in opposite order.
            [("BTC", "ETH"), ("ETH", "BTC")].map(|(first, second)| {
                let user = user.clone();
                async move {
                    let mut responses = Vec::new();
                    for order in 0..rounds(EACH) {
                        let symbol = if order.is_multiple_of(2) { first } else { second };
                        let buys = (order / 2 + number).is_multiple_of(2);
                        let side = if buys { "buy" } else { "sell" };
                        responses.push(user.place(symbol, side, "50", "0.01").await);
                    }
                    responses
                }
            })
        });
        for response in run_concurrently(work).await.into_iter().flatten() {
            let rejected = response.status == 400 && response.code() == "insufficient_funds";
            assert!(response.status == 200 || rejected, "{} {}", response.status, response.body);
        }
        app.stop();
        assert!(!database.trades().is_empty());
        database.audit();
    }
}

/// Cancels each ask while the buyer buys the amount of all asks. Returns the numbers of cancelled
/// and of bought asks.
async fn cancel_while_bought(seller: &Client, buyer: &Client, asks: &[i64]) -> (usize, usize) {
    enum Completed {
        Cancel(Response),
        Buy(Response),
    }
    let work = asks.iter().flat_map(|ask| {
        let (seller, buyer, ask) = (seller.clone(), buyer.clone(), *ask);
        let cancel = async move { Completed::Cancel(seller.cancel(ask).await) };
        let buy = async move { Completed::Buy(buyer.place("ETH", "buy", "10000", "0.0001").await) };
        let both: [std::pin::Pin<Box<dyn Future<Output = Completed> + Send>>; 2] =
            [Box::pin(cancel), Box::pin(buy)];
        both
    });
    let (mut cancelled, mut bought) = (0, 0);
    for completed in run_concurrently(work).await {
        match completed {
            Completed::Cancel(response) if response.status == 200 => cancelled += 1,
            Completed::Cancel(response) => {
                assert_eq!((response.status, response.code().as_str()), (400, "order_not_open"));
            }
            Completed::Buy(response) => {
                bought += usize::from(response.data()["order"]["status"] == 2)
            }
        }
    }
    (cancelled, bought)
}
