//! Markets that are configured, quoted in another asset, or created by another process.

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::wait_for;

const FILE: &str = r#"
    [market]
    symbols = ["BTC", "ETH", "SOL"]

    [[markets]]
    symbol = "ETH/BTC"
    tick_size = "0.001"
    buyer_commission = "0"
    seller_commission = "0.01"
"#;

const BY_ROLE: &str = r#"
    [[markets]]
    symbol = "BTC"
    maker_commission = "0.001"
    taker_commission = "0.002"
"#;

fn symbols(markets: &Value) -> Vec<&str> {
    markets.as_array().unwrap().iter().map(|market| market["symbol"].as_str().unwrap()).collect()
}

on_both! {
    async fn a_market_may_be_quoted_in_another_asset(database: Database) {
        let app = TestApp::start_from(&database, &[], Some(FILE)).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let markets = app.visitor().get("/api/markets").await.data();
        assert_eq!(symbols(&markets), ["BTC", "ETH", "SOL", "ETH/BTC"]);
        let last = &markets[3];
        assert_eq!(["base", "quote", "tick_size", "seller_commission"].map(|n| last[n].to_string()),
            ["\"ETH\"", "\"BTC\"", "0.001", "0.01"]);
        let of_pages = app.visitor().get("/api/config").await.json()["data"]["symbols"].clone();
        assert_eq!(of_pages, json!(["BTC", "ETH", "SOL"]), "existing pages show USD only");

        // Alice has 0.5 BTC and 2 ETH, bob 1 BTC and 5 ETH.
        let bought = alice.place("ETH/BTC", "buy", "0.1", "3").await;
        assert_eq!(bought.data()["order"]["symbol"], "ETH/BTC");
        assert_eq!(alice.available("BTC").await, "0.2");
        let missing = alice.place("ETH/BTC", "buy", "0.1", "3").await;
        assert_eq!((missing.status, missing.json()["message"].clone()),
            (400, json!("Insufficient BTC balance for this buy order.")));
        let off_tick = alice.place("ETH/BTC", "buy", "0.1005", "1").await;
        assert_eq!(off_tick.status, 422, "{}", off_tick.body);
        bob.place("ETH/BTC", "sell", "0.1", "2").await.data();
        assert_eq!(alice.available("ETH").await, "4");
        // 0.2 BTC less 1 %.
        assert_eq!(bob.available("BTC").await, "1.198");
        let book = alice.get("/api/orders?symbol=ETH%2FBTC").await.data();
        assert_eq!(book["bids"][0]["amount"].to_string(), "1");
        let trades = alice.get("/api/trades?symbol=ETH/BTC").await.data();
        assert_eq!(trades[0]["symbol"], "ETH/BTC");
        let events = database.events_named("book.updated");
        assert!(events.iter().all(|row| !row.channel.contains('/')));
        let cancelled = alice.send(Method::DELETE, "/api/orders?symbol=ETH/BTC", &[], Vec::new());
        assert_eq!(cancelled.await.data()["order_ids"], json!([1]));
        assert_eq!(alice.available("BTC").await, "0.3");
        app.stop();
        database.audit();
    }

    async fn commission_may_depend_on_the_role(database: Database) {
        let app = TestApp::start_from(&database, &[], Some(BY_ROLE)).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let markets = app.visitor().get("/api/markets").await.data();
        let rates = |market: &Value| {
            let names = ["buyer", "seller", "maker", "taker"];
            names.map(|name| market[format!("{name}_commission")].to_string())
        };
        assert_eq!(rates(&markets[0]), ["null", "null", "0.001", "0.002"]);
        assert_eq!(rates(&markets[1]), ["0.015", "0", "null", "null"]);
        bob.place("BTC", "sell", "1000", "0.1").await.data();
        let bought = alice.place("BTC", "buy", "1000", "0.3").await.data()["order"].clone();
        assert_eq!(bought["commission"].to_string(), "0.2");
        // 100 and 0.2 are paid, 200 and 0.4 are reserved.
        assert_eq!(alice.available("USD").await, "9699.4");
        assert_eq!(bob.available("USD").await, "10099.9");
        app.stop();

        // Another process with other rates: the order keeps its own.
        let app = TestApp::start(&database).await;
        let (alice, bob) = (alice.at(app.address), bob.at(app.address));
        bob.place("BTC", "sell", "1000", "0.2").await.data();
        let order = alice.get(&format!("/api/orders/{}", bought["id"])).await.data();
        let filled = &order["order"];
        assert_eq!((filled["status"].clone(), filled["commission"].to_string()),
            (json!(2), "0.4".to_owned()));
        assert_eq!(alice.available("USD").await, "9699.6", "the rest is released");
        assert_eq!(bob.available("USD").await, "10299.9", "a seller pays nothing now");
        app.stop();
        database.audit();
    }

    async fn a_market_that_another_process_creates_is_met_without_a_restart(database: Database) {
        let old = TestApp::start(&database).await;
        let alice = old.log_in("alice").await;
        assert_eq!(alice.place("SOL", "buy", "10", "1").await.status, 422);
        let new = TestApp::start_from(&database, &[], Some(FILE)).await;
        let bob = new.log_in("bob").await;
        let placed = bob.place("SOL", "buy", "10", "1").await.data()["order"]["id"].clone();

        // Through the process that did not know the market when it started.
        let bob = bob.at(old.address);
        let shown = wait_for("the symbol is known", || async {
            let row = bob.get("/api/my-orders").await.data()[0].clone();
            (row["symbol"] == "SOL").then_some(row)
        })
        .await;
        assert_eq!(shown["id"], placed);
        let id = placed.as_i64().unwrap();
        assert_eq!(bob.cancel(id).await.status, 200, "its lane is new");
        let order = wait_for("the market is known", || async {
            let response = alice.place("SOL", "buy", "10", "1").await;
            (response.status == 200).then_some(response)
        })
        .await;
        assert_eq!(order.data()["order"]["symbol"], "SOL");
        assert_eq!(symbols(&old.visitor().get("/api/markets").await.data()).len(), 4);
        old.stop();
        new.stop();
        database.audit();
    }
}
