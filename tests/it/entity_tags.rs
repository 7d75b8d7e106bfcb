//! Entity tags: a client that has the current answer gets 304, and nobody ever gets an outdated
//! one, whichever process answers.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest::Method;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::{rounds, run_concurrently, wait_for};

const PATHS: [&str; 19] = [
    "/api/user",
    "/api/profile",
    "/api/my-orders",
    "/api/orders?symbol=BTC",
    "/api/orders?symbol=ETH",
    "/api/trades?symbol=BTC",
    "/api/trades?symbol=BTC&limit=2",
    "/api/balance-history",
    "/api/balance-history?currency=BTC",
    "/api/balance-history?currency=all",
    "/api/markets",
    "/api/balances",
    "/api/my-trades",
    "/api/my-trades?symbol=BTC&limit=1",
    "/api/my-orders?status=1&side=buy",
    "/api/orderbook/BTC",
    "/api/orderbook/BTC?depth=1",
    "/api/ticker",
    "/api/candles?symbol=BTC&interval=1m",
];
/// The same for all users.
const PUBLIC: [&str; 5] =
    ["/api/markets", "/api/trades", "/api/orderbook", "/api/ticker", "/api/candles"];
const USERS: [&str; 3] = ["alice", "bob", "charlie"];

async fn get_if_changed(client: &Client, path: &str, tag: &str) -> Response {
    client.send(Method::GET, path, &[("if-none-match", tag)], Vec::new()).await
}

fn tag_of(response: &Response) -> String {
    response.header("etag").unwrap_or_else(|| panic!("no tag: {}", response.body)).to_owned()
}

/// A request that changes something, or is refused.
#[derive(Clone, Debug)]
struct Change {
    user: usize,
    method: &'static str,
    /// `{id}` is an open order of the user.
    path: &'static str,
    body: String,
    /// Which one.
    order: usize,
}

impl Change {
    /// Sends it, unless the user has no open order that it needs.
    async fn send(&self, client: &Client) {
        let mut path = self.path.to_owned();
        if path.contains("{id}") {
            let orders = client.get("/api/my-orders").await.data();
            let orders = orders.as_array().unwrap().iter();
            let open: Vec<_> = orders.filter(|order| order["status"] == 1).collect();
            if open.is_empty() {
                return;
            }
            path = path.replace("{id}", &open[self.order % open.len()]["id"].to_string());
        }
        let (method, body) = (self.method.parse().unwrap(), self.body.clone().into_bytes());
        let response = client.send(method, &path, &[], body).await;
        assert!(response.status < 500, "{self:?}: {}", response.body);
    }
}

/// Prices are few, so that orders match, rest and trigger stop orders.
fn changes() -> impl Strategy<Value = Change> {
    let symbol = prop_oneof![3 => Just("BTC"), 1 => Just("ETH")];
    let side = prop_oneof![Just("buy"), Just("sell")];
    let terms = prop_oneof![
        6 => Just(""),
        1 => Just(r#","time_in_force":"ioc""#),
        1 => Just(r#","time_in_force":"fok""#),
        1 => Just(r#","post_only":true"#),
        1 => Just(r#","self_trade_prevention":"decrement""#),
        2 => Just(r#","type":"stop_limit","stop_price":103"#),
        1 => Just(r#","type":"stop_market","stop_price":102"#),
    ];
    let place = (symbol, side, 100..105_u32, 1..4_u32, terms).prop_map(
        |(symbol, side, price, amount, terms)| {
            let has_price = !terms.contains("stop_market");
            let price = if has_price { format!(r#","price":{price}"#) } else { String::new() };
            let body = format!(
                r#"{{"symbol":"{symbol}","side":"{side}"{price},"amount":0.0{amount}{terms}}}"#
            );
            ("POST", "/api/orders", body)
        },
    );
    let new_price = (100..105_u32).prop_map(|price| format!(r#"{{"price":{price}}}"#));
    let new_amount = (1..4_u32).prop_map(|amount| format!(r#"{{"amount":0.0{amount}}}"#));
    let amend = prop_oneof![2 => new_price, 1 => new_amount];
    let amend = amend.prop_map(|body| ("PATCH", "/api/orders/{id}", body));
    let cancel = Just(("POST", "/api/orders/{id}/cancel", String::new()));
    let cancel_all = Just(("DELETE", "/api/orders?symbol=BTC&side=buy", String::new()));
    let deposit = r#"{"currency":"BTC","amount":"0.1"}"#.to_owned();
    let deposit = Just(("POST", "/api/faucet", deposit));
    let change = prop_oneof![12 => place, 6 => amend, 3 => cancel, 1 => cancel_all, 1 => deposit];
    (0..USERS.len(), 0..20_usize, change).prop_map(|(user, order, (method, path, body))| Change {
        user,
        method,
        path,
        body,
        order,
    })
}

/// What a client keeps: the tag and the body of each answer.
#[derive(Default)]
struct Kept(HashMap<(usize, &'static str), (String, String)>);

impl Kept {
    /// Reads everything again, if it has changed, and compares it with unconditional reads.
    /// Returns how many answers were current.
    async fn check(&mut self, clients: &[Client], others: &[Client], change: &str) -> usize {
        let mut current = 0;
        for (user, client) in clients.iter().enumerate() {
            for path in PATHS {
                let mut whole = client.get(path).await;
                assert_eq!(whole.status, 200, "{path}: {}", whole.body);
                if let Some((old_tag, old_body)) = self.0.get(&(user, path)) {
                    let answer = get_if_changed(&others[user], path, old_tag).await;
                    if answer.status == 304 {
                        assert_eq!(*old_body, whole.body, "{path} is outdated after {change}");
                        assert_eq!((answer.body.as_str(), &tag_of(&answer)), ("", old_tag));
                        current += 1;
                    } else {
                        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
                        assert_ne!(tag_of(&answer), *old_tag, "{path} after {change}");
                        // Stop orders that the change has triggered may be executed in between.
                        whole = wait_for("the processes have the same answer", || async {
                            let answer = others[user].get(path).await;
                            let whole = client.get(path).await;
                            (answer.body == whole.body).then_some(whole)
                        })
                        .await;
                    }
                    assert_eq!(answer.header("cache-control"), Some("no-cache, private"));
                }
                self.0.insert((user, path), (tag_of(&whole), whole.body));
            }
        }
        current
    }
}

on_both! {
    async fn an_answer_that_changed_has_another_tag(database: Database) {
        let (app, other) = (TestApp::start(&database).await, TestApp::start(&database).await);
        let mut clients = Vec::new();
        for name in USERS {
            clients.push(app.log_in(name).await);
        }
        let others: Vec<_> = clients.iter().map(|client| client.at(other.address)).collect();
        let (mut kept, mut current, mut runner) = (Kept::default(), 0, TestRunner::deterministic());
        kept.check(&clients, &others, "the start").await;
        let count = rounds(60);
        for number in 0..count {
            let change = changes().new_tree(&mut runner).expect("a change").current();
            let sender = if number % 2 == 0 { &clients } else { &others };
            change.send(&sender[change.user]).await;
            current += kept.check(&clients, &others, &format!("{change:?}")).await;
        }
        let reads = count * USERS.len() * PATHS.len();
        // A change of one user or market leaves most answers as they are.
        assert!(current * 2 > reads, "{current} of {reads} answers were current");
        app.stop();
        other.stop();
        database.audit();
    }

    async fn nobody_is_left_with_an_outdated_answer_after_concurrent_changes(database: Database) {
        let (app, other) = (TestApp::start(&database).await, TestApp::start(&database).await);
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        for _ in 0..rounds(3) {
            let traders = [("buy", alice.clone()), ("sell", bob.at(other.address))];
            let traders = traders.map(|(side, client)| async move {
                for _ in 0..20 {
                    let placed = client.place("BTC", side, "100", "0.001").await;
                    assert_eq!(placed.status, 200, "{}", placed.body);
                }
                Vec::new()
            });
            let readers = PATHS.map(|path| {
                let clients = [alice.clone(), alice.at(other.address)];
                async move {
                    let (mut tag, mut body) = (String::new(), String::new());
                    for number in 0..30 {
                        let answer = get_if_changed(&clients[number % 2], path, &tag).await;
                        if answer.status == 200 {
                            (tag, body) = (tag_of(&answer), answer.body);
                        }
                    }
                    vec![(path, tag, body)]
                }
            });
            let traders = traders.into_iter().map(|work| Box::pin(work) as Work);
            let work = traders.chain(readers.into_iter().map(|work| Box::pin(work) as Work));
            for (path, tag, body) in run_concurrently(work).await.into_iter().flatten() {
                let whole = alice.get(path).await.body;
                if get_if_changed(&alice, path, &tag).await.status == 304 {
                    assert_eq!(body, whole, "{path}");
                }
            }
        }
        app.stop();
        other.stop();
        database.audit();
    }

    async fn a_tag_is_that_of_one_user_and_one_resource(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        for path in PATHS {
            let of_alice = tag_of(&alice.get(path).await);
            assert!(of_alice.starts_with("W/\""), "{of_alice}");
            for other in PATHS {
                let answer = get_if_changed(&bob, other, &of_alice).await;
                let is_public = path == other && PUBLIC.iter().any(|one| path.starts_with(one));
                assert_eq!(answer.status, if is_public { 304 } else { 200 }, "{path} {other}");
            }
            let list = format!("\"x\", {}, W/\"y\"", of_alice);
            for known in [&of_alice, &list, &of_alice.replace("W/", ""), &"*".to_owned()] {
                let answer = get_if_changed(&alice, path, known).await;
                assert_eq!(answer.status, 304, "{path} {known}");
            }
            let head = [("if-none-match", of_alice.as_str())];
            assert_eq!(alice.send(Method::HEAD, path, &head, Vec::new()).await.status, 304);
        }
        let visitor = get_if_changed(&app.visitor(), "/api/profile", "*").await;
        assert_eq!((visitor.status, visitor.header("etag")), (401, None));
        app.stop();
    }

    /// As after a restore of the database: its rows have been counted up to the same numbers.
    async fn a_version_that_another_history_had_is_not_used_again(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        database.execute("UPDATE accounts SET version = 7");
        database.execute("UPDATE markets SET book_version = 7");
        let paths = ["/api/my-orders", "/api/orders?symbol=BTC"];
        alice.place("BTC", "buy", "100", "0.01").await.data();
        let before = [tag_of(&alice.get(paths[0]).await), tag_of(&alice.get(paths[1]).await)];
        alice.cancel(1).await;
        database.execute("UPDATE accounts SET version = 7");
        database.execute("UPDATE markets SET book_version = 7");
        alice.place("BTC", "buy", "101", "0.01").await.data();
        for (path, tag) in paths.iter().zip(&before) {
            assert_eq!(get_if_changed(&alice, path, tag).await.status, 200, "{path}");
        }
        app.stop();
    }
}

type Work = std::pin::Pin<Box<dyn Future<Output = Vec<(&'static str, String, String)>> + Send>>;
