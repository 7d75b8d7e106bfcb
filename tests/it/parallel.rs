//! Many at once, through the front door: in whatever order they come to be executed, what was
//! promised holds.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::{at_once, rounds};

/// New users with 10,000 USD, 1 BTC and 10 ETH each.
async fn register(app: &TestApp, count: usize) -> Vec<Client> {
    let mut users = Vec::with_capacity(count);
    for number in 0..count {
        users.push(app.register(&format!("user-{number}")).await);
    }
    users
}

/// Places an order in a task of its own.
async fn place(
    client: Client,
    symbol: &'static str,
    side: &'static str,
    price: String,
    amount: &'static str,
) -> Reply {
    client.place(symbol, side, &price, amount).await
}

fn code(reply: &Reply) -> String {
    reply.json()["code"].as_str().unwrap_or_default().to_owned()
}

/// How often each status stands in `orders`, as `GET /my-orders` lists them.
fn statuses(orders: &Value) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for order in orders.as_array().expect("a list") {
        *counts.entry(order["status"].as_u64().expect("a number")).or_default() += 1;
    }
    counts
}

on_both! {
    async fn many_buyers_of_one_ask_get_exactly_what_was_asked(database: Database) {
        const BUYERS: usize = 16;
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        alice.place("BTC", "sell", "100", "0.5").await.data();

        let buyers = register(&app, BUYERS).await;
        let wanted =
            buyers.iter().map(|buyer| place(buyer.clone(), "BTC", "buy", "100".to_owned(), "0.05"));
        let replies = at_once(wanted).await;

        let filled = replies.iter().filter(|reply| reply.data()["order"]["status"] == 2).count();
        let open = replies.iter().filter(|reply| reply.data()["order"]["status"] == 1).count();
        assert_eq!((filled, open), (10, BUYERS - 10), "0.5 are ten times 0.05");
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

    async fn orders_that_cross_in_the_same_instant_leave_no_crossed_book(database: Database) {
        let app = TestApp::start(&database).await;
        let users = register(&app, 10).await;
        for round in 0..rounds(4) {
            let orders = users.iter().enumerate().map(|(number, user)| {
                let side = if (number + round).is_multiple_of(2) { "buy" } else { "sell" };
                // The prices overlap, so that some orders match and others rest in the book.
                let price = if side == "buy" { 105 - number } else { 95 + number };
                place(user.clone(), "BTC", side, price.to_string(), "0.01")
            });
            for reply in at_once(orders).await {
                assert_eq!(reply.status, 200, "{}", reply.body);
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

    async fn an_order_is_cancelled_or_filled_and_never_both(database: Database) {
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
            // What found nothing to buy would be in the way of the next round.
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

    async fn the_last_dollar_is_spent_once(database: Database) {
        const ATTEMPTS: usize = 32;
        let app = TestApp::start(&database).await;
        let user = app.register("spender").await;
        // 9,000 and the commission are reserved: 10,000 suffice for one.
        let attempts =
            (0..ATTEMPTS).map(|_| place(user.clone(), "BTC", "buy", "9000".to_owned(), "1"));
        let replies = at_once(attempts).await;
        let placed = replies.iter().filter(|reply| reply.status == 200).count();
        let refused = replies
            .iter()
            .filter(|reply| reply.status == 400 && code(reply) == "insufficient_funds")
            .count();
        assert_eq!((placed, refused), (1, ATTEMPTS - 1));
        assert_eq!(user.available("USD").await, "865");
        app.stop();
        database.audit();
    }

    async fn several_markets_at_once_end_in_no_error(database: Database) {
        const EACH: usize = 12;
        let app = TestApp::start(&database).await;
        let users = register(&app, 6).await;
        let work = users.iter().enumerate().flat_map(|(number, user)| {
            // Two tasks a user: the same accounts from two sides.
            [("BTC", "ETH"), ("ETH", "BTC")].map(|(first, second)| {
                let user = user.clone();
                async move {
                    let mut replies = Vec::new();
                    for order in 0..rounds(EACH) {
                        let symbol = if order.is_multiple_of(2) { first } else { second };
                        let buys = (order / 2 + number).is_multiple_of(2);
                        let side = if buys { "buy" } else { "sell" };
                        replies.push(user.place(symbol, side, "50", "0.01").await);
                    }
                    replies
                }
            })
        });
        for reply in at_once(work).await.into_iter().flatten() {
            let refused = reply.status == 400 && code(&reply) == "insufficient_funds";
            assert!(reply.status == 200 || refused, "{} {}", reply.status, reply.body);
        }
        app.stop();
        assert!(!database.trades().is_empty());
        database.audit();
    }
}

/// Cancels each ask while somebody buys as much as all of them; gives how many were cancelled, and
/// how many bought.
async fn cancel_while_bought(seller: &Client, buyer: &Client, asks: &[i64]) -> (usize, usize) {
    enum Did {
        Cancel(Reply),
        Buy(Reply),
    }
    let work = asks.iter().flat_map(|ask| {
        let (seller, buyer, ask) = (seller.clone(), buyer.clone(), *ask);
        let cancel = async move { Did::Cancel(seller.cancel(ask).await) };
        let buy = async move { Did::Buy(buyer.place("ETH", "buy", "10000", "0.0001").await) };
        let both: [std::pin::Pin<Box<dyn Future<Output = Did> + Send>>; 2] =
            [Box::pin(cancel), Box::pin(buy)];
        both
    });
    let (mut cancelled, mut bought) = (0, 0);
    for did in at_once(work).await {
        match did {
            Did::Cancel(reply) if reply.status == 200 => cancelled += 1,
            Did::Cancel(reply) => {
                assert_eq!((reply.status, code(&reply).as_str()), (400, "order_not_open"));
            }
            Did::Buy(reply) => bought += usize::from(reply.data()["order"]["status"] == 2),
        }
    }
    (cancelled, bought)
}
