//! Public market data over HTTP: what each call says, without a token and without user ids.

use chrono::{DateTime, TimeDelta};
use matchcast::market::Fixed;
use matchcast::store::now;
use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::process;

/// Both markets with trades, the last one in BTC by a seller; a resting order on each side.
async fn traded(app: &TestApp) -> Client {
    let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
    for (price, amount) in [("50000", "0.01"), ("60000", "0.02"), ("40000", "0.03")] {
        bob.place("BTC", "sell", price, amount).await.data();
        alice.place("BTC", "buy", price, amount).await.data();
    }
    alice.place("BTC", "buy", "45000.5", "0.01").await.data();
    bob.place("BTC", "sell", "45000.5", "0.01").await.data();
    for (side, price) in [("buy", "100"), ("buy", "100"), ("buy", "99.5"), ("sell", "70000.25")] {
        let client = if side == "buy" { &alice } else { &bob };
        client.place("BTC", side, price, "0.001").await.data();
    }
    app.visitor()
}

/// A response without its times.
fn without_times(mut value: Value) -> Value {
    for key in ["created_at", "updated_at", "opened_at", "from"] {
        if let Some(time) = value.get_mut(key) {
            DateTime::parse_from_rfc3339(time.as_str().expect("a text")).expect("a time");
            *time = json!("<time>");
        }
    }
    value
}

/// The body without white space, as it was sent.
async fn check_422(visitor: &Client, path: &str, field: &str) {
    let response = visitor.get(path).await;
    assert_eq!(response.status, 422, "{path}: {}", response.body);
    assert!(response.json()["errors"][field].is_array(), "{path}: {}", response.body);
}

on_both! {
    async fn market_data_needs_no_token_and_names_no_users(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let visitor = traded(&app).await;
        let trades = visitor.get("/api/trades?symbol=BTC").await;
        assert_eq!(trades.data().as_array().unwrap().len(), 4);
        assert_eq!(without_times(trades.data()[0].clone()), json!({
            "id": 4, "sequence": 4, "symbol": "BTC", "side": "sell", "price": 45000.5,
            "amount": 0.01, "value": 450.005, "created_at": "<time>", "updated_at": "<time>",
        }));
        assert_eq!(trades.data()[1]["side"], "buy");
        let buys = visitor.get("/api/trades?symbol=BTC&side=buy").await.data();
        assert_eq!(buys.as_array().unwrap().len(), 3);

        let ticker = visitor.get("/api/ticker?symbol=BTC").await;
        assert_eq!(without_times(ticker.data()), json!({
            "symbol": "BTC", "from": "<time>", "last": 45000.5, "open": 50000, "high": 60000,
            "low": 40000, "volume": 0.07, "quote_volume": 3350.005, "change": -4999.5,
            "change_percent": -10, "trade_count": 4, "best_bid": 100, "best_ask": 70000.25,
        }));
        let all = visitor.get("/api/ticker").await.data();
        assert_eq!(all[0], ticker.data());
        assert_eq!(without_times(all[1].clone()), json!({
            "symbol": "ETH", "from": "<time>", "last": null, "open": null, "high": null,
            "low": null, "volume": 0, "quote_volume": 0, "change": null, "change_percent": null,
            "trade_count": 0, "best_bid": null, "best_ask": null,
        }));

        // All trades may be in one day, but not in one minute.
        let days = visitor.get("/api/candles?symbol=BTC&interval=1d").await.data();
        if days.as_array().unwrap().len() == 1 {
            assert_eq!(without_times(days[0].clone()), json!({
                "opened_at": "<time>", "open": 50000, "high": 60000, "low": 40000,
                "close": 45000.5, "volume": 0.07, "quote_volume": 3350.005, "trade_count": 4,
                "first_sequence": 1, "last_sequence": 4,
            }));
        }
        let none = visitor.get("/api/candles?symbol=ETH&interval=1m").await.data();
        assert_eq!(none, json!([]), "no trade, no candle");

        let depth = visitor.get("/api/orderbook/BTC?depth=2").await.data();
        assert_eq!(depth["bids"], json!([[100, 0.002], [99.5, 0.001]]));
        assert_eq!(depth["asks"], json!([[70000.25, 0.001]]));
        assert_eq!(depth["version"], database.book_version("BTC"));
        let best = visitor.get("/api/orderbook/BTC?depth=1").await.data();
        assert_eq!(best["bids"], json!([[100, 0.002]]));
        let empty = visitor.get("/api/orderbook/ETH").await.data();
        assert_eq!(empty, json!({
            "symbol": "ETH", "sequence": 0, "version": 0, "bids": [], "asks": [],
        }));

        let before = now();
        let time = visitor.get("/api/time").await.data();
        let at = DateTime::parse_from_rfc3339(time["time"].as_str().unwrap()).unwrap().naive_utc();
        assert!(before <= at && at <= now());
        assert_eq!(time["unix_ms"], at.and_utc().timestamp_millis());
        for response in [trades, ticker] {
            assert!(!response.body.contains("user") && !response.body.contains("buyer"));
        }
        app.stop();
        database.audit();
    }

    async fn bad_parameters_are_named(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        for (path, field) in [
            ("/api/trades", "symbol"),
            ("/api/trades?symbol=DOGE", "symbol"),
            ("/api/trades?symbol=BTC&limit=0", "limit"),
            ("/api/trades?symbol=BTC&limit=1001", "limit"),
            ("/api/trades?symbol=BTC&limit=1.5", "limit"),
            ("/api/trades?symbol=BTC&side=left", "side"),
            ("/api/trades?symbol=BTC&cursor=abc", "cursor"),
            ("/api/trades?symbol=BTC&from=yesterday", "from"),
            ("/api/trades?symbol=BTC&to=2026-01-31T12:00:00", "to"),
            ("/api/ticker?symbol=DOGE", "symbol"),
            ("/api/candles?interval=1m", "symbol"),
            ("/api/candles?symbol=BTC", "interval"),
            ("/api/candles?symbol=BTC&interval=2m", "interval"),
            ("/api/candles?symbol=BTC&interval=1m&limit=-1", "limit"),
            ("/api/candles?symbol=BTC&interval=1m&from=1", "from"),
            ("/api/orderbook/BTC?depth=0", "depth"),
            ("/api/orderbook/BTC?depth=x", "depth"),
        ] {
            check_422(&visitor, path, field).await;
        }
        let missing = visitor.get("/api/orderbook/DOGE").await;
        assert_eq!((missing.status, missing.json()["code"].clone()),
            (404, json!("market_not_found")));
        app.stop();
    }

    async fn a_market_in_another_asset_has_a_slash_in_its_path(database: Database) {
        let file = "[[markets]]\nsymbol = \"ETH/BTC\"\n";
        let app = TestApp::start_from(&database, &[], Some(file)).await;
        let alice = app.log_in("alice").await;
        alice.place("ETH/BTC", "buy", "0.1", "1").await.data();
        let visitor = app.visitor();
        let depth = visitor.get("/api/orderbook/ETH%2FBTC").await.data();
        assert_eq!((depth["symbol"].clone(), depth["bids"].clone()),
            (json!("ETH/BTC"), json!([[0.1, 1]])));
        assert_eq!(visitor.get("/api/ticker?symbol=ETH/BTC").await.data()["best_bid"], 0.1);
        app.stop();
    }

    async fn candles_have_pages(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let visitor = traded(&app).await;
        // One trade a day.
        for (id, day) in [(1, "01"), (2, "02"), (3, "04"), (4, "05")] {
            database.execute(&format!(
                "UPDATE trades SET created_at = '2026-03-{day} 12:34:56.789' WHERE id = {id}"
            ));
        }
        let (code, output) = process::run("candles rebuild", &database.url, &[]).await;
        assert_eq!(code, 0, "{output}");
        assert!(output.contains("market BTC: 8 candles\nmarket ETH: 0 candles"), "{output}");
        database.audit();

        let path = "/api/candles?symbol=BTC&interval=1d&limit=3";
        let page = visitor.get(path).await;
        let closes = |page: &Value| {
            page.as_array().unwrap().iter().map(|row| row["close"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(closes(&page.data()), [60000.0, 40000.0, 45000.5]);
        assert_eq!(page.data()[0]["opened_at"], "2026-03-02T00:00:00.000000Z");
        let older = visitor.next_page("/api/candles", &page).await.expect("an older page");
        assert_eq!(closes(&older.data()), [50000.0]);
        assert!(visitor.next_page("/api/candles", &older).await.is_none());
        let between = "&from=2026-03-01T00:00:01Z&to=2026-03-05T00:00:00Z";
        let between = visitor.get(&format!("{path}{between}")).await;
        assert_eq!(closes(&between.data()), [60000.0, 40000.0]);
        let minute = visitor.get("/api/candles?symbol=BTC&interval=5m&limit=1").await.data();
        assert_eq!(minute[0]["opened_at"], "2026-03-05T12:30:00.000000Z");
        app.stop();
    }

    async fn a_ticker_forgets_what_is_older_than_a_day(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let visitor = traded(&app).await;
        let of = |id: i64, ago: TimeDelta| {
            let at = (now() - ago).format("%F %T%.6f");
            database.execute(&format!("UPDATE trades SET created_at = '{at}' WHERE id = {id}"));
        };
        of(1, TimeDelta::hours(25));
        of(2, TimeDelta::hours(24) + TimeDelta::minutes(2));
        of(3, TimeDelta::hours(23));
        of(4, TimeDelta::minutes(90));
        assert_eq!(process::run("candles rebuild", &database.url, &[]).await.0, 0);
        let ticker = visitor.get("/api/ticker?symbol=BTC").await.data();
        for (key, expected) in [
            ("open", "40000"), ("high", "45000.5"), ("low", "40000"), ("last", "45000.5"),
            ("volume", "0.04"), ("quote_volume", "1650.005"), ("change", "5000.5"),
            ("change_percent", "12.5"), ("trade_count", "2"),
        ] {
            assert_eq!(ticker[key].to_string(), expected, "{key}");
        }
        of(3, TimeDelta::hours(48));
        of(4, TimeDelta::hours(47));
        assert_eq!(process::run("candles rebuild", &database.url, &[]).await.0, 0);
        let ticker = visitor.get("/api/ticker?symbol=BTC").await.data();
        assert_eq!((ticker["last"].to_string(), ticker["open"].clone()),
            ("45000.5".to_owned(), Value::Null));
        app.stop();
    }

    async fn sums_larger_than_any_balance_are_exact(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        for (user, asset) in [(1, 1), (2, 2)] {
            let most = Fixed::parse("90000000000.12345678").unwrap().units();
            database.execute(&format!("UPDATE accounts SET available = {most} \
                WHERE user_id = {user} AND asset_id = {asset}"));
        }
        for _ in 0..3 {
            bob.place("BTC", "sell", "1", "40000000000.00000007").await.data();
            alice.place("BTC", "buy", "1", "40000000000.00000007").await.data();
            database.execute("UPDATE accounts SET available = 9000000000012345678 \
                WHERE (user_id = 1 AND asset_id = 1) OR (user_id = 2 AND asset_id = 2)");
            database.execute("UPDATE accounts SET available = 0 \
                WHERE (user_id = 1 AND asset_id = 2) OR (user_id = 2 AND asset_id = 1)");
        }
        let ticker = app.visitor().get("/api/ticker?symbol=BTC").await.data();
        assert_eq!(ticker["volume"].to_string(), "120000000000.00000021");
        let head = app.visitor().send(Method::HEAD, "/api/ticker", &[], Vec::new()).await;
        assert_eq!(head.status, 200);
        app.stop();
    }
}
