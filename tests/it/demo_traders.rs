//! The traders of the demo: a day of trades at the first start, a market that lives while somebody
//! looks, a switch, and nothing else that changes.

use diesel::prelude::*;
use matchcast::market::Fixed;
use matchcast::store::schema::{accounts, demo_traders, orders, trades, users};
use serde_json::{Value, json};

use crate::on_both;
use crate::scenario::trade_in_one_transaction;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::process::{self, Process};
use crate::support::wait_for;

const TRADERS: (&str, &str) = ("MATCHCAST__DEMO__TRADERS", "true");
const PATH: &str = "/api/demo/traders";
/// The ids of the assets and of the market ETH, as the first start creates them.
const USD: i32 = 1;
const ETH: i32 = 3;
const ETH_MARKET: i32 = 2;
/// Quotes of the maker on each side.
const LEVELS: usize = 12;

async fn start(database: &Database) -> TestApp {
    TestApp::start_with(database, &[TRADERS]).await
}

fn trade_count(database: &Database) -> i64 {
    trades::table.count().get_result(&mut database.connect()).unwrap()
}

fn user_count(database: &Database) -> i64 {
    users::table.count().get_result(&mut database.connect()).unwrap()
}

/// The user ids of the traders: the maker is the first.
fn traders(database: &Database) -> Vec<i64> {
    let all = demo_traders::table.select(demo_traders::user_id).order(demo_traders::user_id);
    all.load(&mut database.connect()).unwrap()
}

/// Open orders of the traders.
fn quote_count(database: &Database) -> i64 {
    let open = orders::table.filter(orders::status.eq(1));
    let of_traders = open.filter(orders::user_id.eq_any(traders(database)));
    of_traders.count().get_result(&mut database.connect()).unwrap()
}

/// What all users of an asset have together.
fn total(database: &Database, asset: i32) -> i64 {
    let all: Vec<(i64, i64)> = accounts::table
        .filter(accounts::asset_id.eq(asset))
        .select((accounts::available, accounts::locked))
        .load(&mut database.connect())
        .unwrap();
    all.into_iter().map(|(available, locked)| available + locked).sum()
}

/// Nothing was created or lost since the deposits: three people with 10,000 USD and 17 ETH
/// together, a maker and three takers.
fn check_totals(database: &Database) {
    const ONE: i64 = 100_000_000;
    assert_eq!(total(database, USD), (3 * 10_000 + 100_000_000 + 3 * 20_000_000) * ONE);
    assert_eq!(total(database, ETH), (17 + 20_000 + 3 * 500) * ONE);
}

/// Waits until the traders have traded a few times more.
async fn wait_for_trades(database: &Database) {
    let before = trade_count(database);
    wait_for("trades of the demo's traders", async || {
        (trade_count(database) >= before + 3).then_some(())
    })
    .await;
}

async fn switch(client: &Client, is_running: bool) -> Value {
    let body = json!({ "running": is_running }).to_string();
    let headers = [("content-type", "application/json")];
    let response = client.send(reqwest::Method::PUT, PATH, &headers, body.into_bytes()).await;
    response.data()
}

on_both! {
    async fn a_day_of_trades_is_there_at_the_first_start(database: Database) {
        let app = start(&database).await;
        let visitor = app.visitor();
        let settings = visitor.get("/api/config").await.data();
        assert_eq!(settings["demo_traders"], "ETH");
        let rows = async |path: &str| visitor.get(path).await.data().as_array().unwrap().len();
        assert!(rows("/api/candles?symbol=ETH&interval=1h").await >= 24);
        assert!(rows("/api/candles?symbol=ETH&interval=1m").await > 300);
        assert!(rows("/api/trades?symbol=ETH").await >= 900);
        assert_eq!(rows("/api/trades?symbol=BTC").await, 0);
        let ticker = visitor.get("/api/ticker?symbol=ETH").await.data();
        for key in ["open", "high", "low", "last", "volume", "best_bid", "best_ask"] {
            assert!(ticker[key].is_number(), "{key}: {ticker}");
        }
        let alice = app.log_in("alice").await;
        for (asset, expected) in [("USD", "10000"), ("BTC", "0.5"), ("ETH", "2")] {
            assert_eq!(alice.available(asset).await, expected);
        }
        app.stop();
        check_totals(&database);
        database.audit();
    }

    async fn later_starts_add_nothing(database: Database) {
        start(&database).await.stop();
        let counts = (trade_count(&database), user_count(&database), quote_count(&database));
        assert!(counts.0 > 1_000, "{counts:?}");
        assert_eq!(counts.2, 2 * i64::try_from(LEVELS).unwrap());
        // Nobody uses the API, so nobody trades either.
        start(&database).await.stop();
        assert_eq!((trade_count(&database), user_count(&database), quote_count(&database)), counts);
        TestApp::start(&database).await.stop();
        assert_eq!(quote_count(&database), 0, "without traders nobody would follow the price");
        database.audit();
    }

    async fn traders_trade_while_somebody_looks_until_they_are_switched_off(database: Database) {
        let app = start(&database).await;
        let alice = app.log_in("alice").await;
        assert_eq!(alice.get(PATH).await.data(), json!({ "symbol": "ETH", "running": true }));
        wait_for_trades(&database).await;

        assert_eq!(switch(&alice, false).await["running"], false);
        let is_withdrawn = async || (quote_count(&database) == 0).then_some(());
        wait_for("the withdrawal of all quotes", is_withdrawn).await;
        let trades = trade_count(&database);
        app.stop();
        database.audit();

        let app = start(&database).await;
        let bob = app.log_in("bob").await;
        assert_eq!(bob.get(PATH).await.data()["running"], false, "a restart does not matter");
        assert_eq!((quote_count(&database), trade_count(&database)), (0, trades));
        let refused = bob.send(reqwest::Method::PUT, PATH, &[], b"{}".to_vec()).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "validation_failed"));
        assert_eq!(switch(&bob, true).await["running"], true);
        wait_for_trades(&database).await;
        app.stop();
        check_totals(&database);
        database.audit();
    }

    async fn the_scenario_is_true_to_the_cent_while_they_trade(database: Database) {
        let app = start(&database).await;
        app.log_in("charlie").await;
        wait_for_trades(&database).await;
        trade_in_one_transaction(&app).await;
        wait_for_trades(&database).await;
        app.stop();
        let btc: i64 = trades::table
            .filter(trades::market_id.ne(ETH_MARKET))
            .count()
            .get_result(&mut database.connect())
            .unwrap();
        assert_eq!(btc, 1, "they trade in no other market");
        check_totals(&database);
        database.audit();
    }

    async fn people_trade_with_the_traders(database: Database) {
        let app = start(&database).await;
        let bob = app.log_in("bob").await;
        // Far better than any quote: the maker's bids fill it.
        let placed = bob.place("ETH", "sell", "2000", "0.05").await.data();
        assert_eq!(placed["order"]["status"], 2, "{placed}");
        // Inside the spread nobody else has an order, so the next taker who buys comes to it.
        let ticker = bob.get("/api/ticker?symbol=ETH").await.data();
        let best_bid = Fixed::parse(&ticker["best_bid"].to_string()).unwrap();
        let price = best_bid.checked_add(Fixed::parse("0.05").unwrap()).unwrap();
        let resting = bob.place("ETH", "sell", &price.to_string(), "0.001").await.data();
        let id = resting["order"]["id"].clone();
        wait_for("the order to be filled", async || {
            let order = bob.get(&format!("/api/orders/{id}")).await.data();
            (order["order"]["status"] == 2).then_some(())
        })
        .await;
        app.stop();
        check_totals(&database);
        database.audit();
    }

    async fn nobody_can_log_in_as_a_trader(database: Database) {
        let app = start(&database).await;
        let visitor = app.visitor();
        for email in ["demo-maker@matchcast.invalid", "demo-taker-1@matchcast.invalid"] {
            for password in ["password", ""] {
                let body = json!({ "email": email, "password": password }).to_string();
                assert_eq!(visitor.post("/api/login", &body).await.status, 422, "{email}");
            }
            let body = json!({
                "name": "x", "email": email,
                "password": "password", "password_confirmation": "password",
            });
            let response = visitor.post("/api/register", &body.to_string()).await;
            assert_eq!(response.status, 422, "the address is taken");
        }
        app.stop();
    }

    async fn a_start_that_fails_while_it_writes_the_day_leaves_nothing(database: Database) {
        database.open_store();
        let fault = if database.is_postgres() {
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS \
                 $$BEGIN RAISE EXCEPTION 'fault of the test'; END$$; \
             CREATE TRIGGER fault BEFORE INSERT ON trades FOR EACH ROW \
                 WHEN (NEW.sequence = 700) EXECUTE FUNCTION fail()"
        } else {
            "CREATE TRIGGER fault BEFORE INSERT ON trades WHEN NEW.sequence = 700 \
             BEGIN SELECT RAISE(ABORT, 'fault of the test'); END"
        };
        database.execute(fault);
        let variables = [(TRADERS.0, TRADERS.1.to_owned())];
        let (code, output) = process::run("serve", &database.url, &variables).await;
        assert!(code == 1 && output.contains("fault of the test"), "{code} {output}");
        assert_eq!((trade_count(&database), traders(&database).len()), (0, 0));
        database.execute(if database.is_postgres() {
            "DROP TRIGGER fault ON trades"
        } else {
            "DROP TRIGGER fault"
        });
        start(&database).await.stop();
        assert!(trade_count(&database) > 1_000 && traders(&database).len() == 4);
        check_totals(&database);
        database.audit();
    }

    async fn a_market_with_orders_gets_traders_and_no_past(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        assert_eq!(alice.get(PATH).await.status, 404, "there are no traders");
        assert_eq!(alice.get("/api/config").await.data()["demo_traders"], Value::Null);
        let body = br#"{"running":true}"#.to_vec();
        assert_eq!(alice.send(reqwest::Method::PUT, PATH, &[], body).await.status, 404);
        let order = alice.place("ETH", "sell", "4000", "0.5").await.data();
        app.stop();
        start(&database).await.stop();
        assert_eq!((trade_count(&database), traders(&database).len()), (0, 4));
        let app = start(&database).await;
        let alice = alice.at(app.address);
        alice.get("/api/user").await;
        wait_for_trades(&database).await;
        let order = alice.get(&format!("/api/orders/{}", order["order"]["id"])).await.data();
        assert_eq!(order["order"]["status"], 1, "it is far from the price");
        app.stop();
        check_totals(&database);
        database.audit();
    }

    async fn a_database_of_other_people_gets_no_traders(database: Database) {
        let off = ("MATCHCAST__DEMO__ENABLED", "false");
        let app = TestApp::start_with(&database, &[off]).await;
        let mut somebody = app.visitor();
        somebody.register("somebody").await;
        app.stop();
        let app = start(&database).await;
        assert_eq!(app.visitor().get("/api/config").await.data()["demo_traders"], Value::Null);
        app.stop();
        assert!(traders(&database).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_debug_console_does_not_show_private_events_of_the_traders() {
    let database = Database::sqlite();
    let app = start(&database).await;
    let alice = app.log_in("alice").await;
    wait_for_trades(&database).await;
    let private: Vec<String> =
        traders(&database).iter().map(|id| format!("private-user.{id}")).collect();
    let entries = wait_for("events of the market", async || {
        let entries = alice.get("/api/debug/events").await.data()["entries"].clone();
        let entries = entries.as_array().unwrap().clone();
        entries.iter().any(|entry| entry["name"] == "trade.executed").then_some(entries)
    })
    .await;
    for entry in entries {
        let channel = entry["channel"].as_str().unwrap_or_default();
        assert!(!private.iter().any(|private| private == channel), "{entry}");
    }
    app.stop();
}

#[cfg(feature = "postgres-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_trades_and_the_other_one_takes_over() {
    let database = Database::postgres();
    let variables = [(TRADERS.0, TRADERS.1.to_owned())];
    // Both find an empty database.
    let (first, second) =
        tokio::join!(Process::start(&database, &variables), Process::start(&database, &variables),);
    assert_eq!(traders(&database).len(), 4);
    let volume: i64 = trade_count(&database);
    assert!((1_000..2_600).contains(&volume), "one day: {volume}");
    let (alice, bob) = (first.log_in("alice").await, second.log_in("bob").await);
    wait_for_trades(&database).await;
    let holder = |database: &Database| -> Option<String> {
        use matchcast::store::schema::leases::dsl;
        let held = dsl::leases.filter(dsl::name.eq("demo_traders")).select(dsl::holder);
        held.first(&mut database.connect()).optional().unwrap()
    };
    let before = holder(&database).expect("one of them trades");
    assert!(quote_count(&database) <= 2 * i64::try_from(LEVELS).unwrap() + 2);
    // The switch of either process stops both.
    switch(&alice, false).await;
    wait_for("the withdrawal", async || (quote_count(&database) == 0).then_some(())).await;
    switch(&bob, true).await;
    wait_for_trades(&database).await;
    let (killed, left) =
        if holder(&database) == Some(before) { (first, second) } else { (second, first) };
    killed.kill();
    wait_for_trades(&database).await;
    left.log_in("alice").await;
    wait_for_trades(&database).await;
    left.stop().await;
    check_totals(&database);
    database.audit();
}
