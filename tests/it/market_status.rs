//! The statuses of markets: set on the command line, while servers run.

use matchcast::market::MarketStatus;
use matchcast::store::admin_log::Actor;
use matchcast::store::markets;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::outbox::start_with_events;
use crate::support::{process, wait_for};

async fn set(database: &Database, arguments: &str) -> (i32, String) {
    process::run(&format!("market {arguments}"), &database.url, &[]).await
}

on_both! {
    async fn a_market_accepts_what_its_status_allows(database: Database) {
        database.number_consecutively();
        let (app, _provider) = start_with_events(&database, &["order.updated"], &[]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        alice.place("BTC", "buy", "90", "0.1").await.data();
        alice.place("BTC", "buy", "91", "0.1").await.data();
        alice.place("ETH", "buy", "10", "0.1").await.data();
        let status = || async {
            app.visitor().get("/api/markets").await.data()[0]["status"].clone()
        };
        assert_eq!(status().await, "open");

        let (exit, output) = set(&database, "BTC cancel_only").await;
        assert_eq!(exit, 0, "{output}");
        assert_eq!(status().await, "cancel_only");
        let refused = bob.place("BTC", "sell", "90", "0.1").await;
        assert_eq!(refused.refusal(), (400, "market_cancel_only".to_owned()));
        assert_eq!(alice.cancel(1).await.status, 200);

        let (exit, output) = set(&database, "BTC halted").await;
        assert_eq!(exit, 0, "{output}");
        assert_eq!(alice.cancel(2).await.refusal(), (400, "market_halted".to_owned()));
        let delete = |path: &'static str| {
            alice.send(reqwest::Method::DELETE, path, &[], Vec::new())
        };
        let one = delete("/api/orders?symbol=BTC").await;
        assert_eq!(one.refusal(), (400, "market_halted".to_owned()));
        let all = delete("/api/orders").await.data();
        assert_eq!(all, json!({ "order_ids": [3], "halted_symbols": ["BTC"] }));
        bob.place("ETH", "sell", "90", "0.1").await.data();

        // An operator may say it again: that is no change, and no event.
        for status in ["open", "open"] {
            let (exit, output) = set(&database, &format!("BTC {status}")).await;
            assert_eq!((exit, output.contains("market BTC is open")), (0, true), "{output}");
        }
        bob.place("BTC", "sell", "91", "0.1").await.data();
        let events = database.events_named("market.updated");
        let statuses: Vec<Value> = events.iter().map(|row| row.json()["status"].clone()).collect();
        assert_eq!(statuses, ["cancel_only", "halted", "open"]);
        assert!(events.iter().all(|row| row.channel == "market.BTC"));

        for wrong in ["XRP open", "BTC closed", "BTC"] {
            let (exit, output) = set(&database, wrong).await;
            assert_ne!(exit, 0, "{wrong}: {output}");
        }
        app.stop();
        database.audit();
    }

    /// The trade triggers it, the status holds it, and opening the market lets it go.
    async fn a_triggered_order_waits_until_its_market_is_open(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        bob.place("BTC", "sell", "100", "0.1").await.data();
        let stop = json!({ "symbol": "BTC", "side": "buy", "amount": "0.1",
            "type": "stop_market", "stop_price": "100" });
        alice.post("/api/orders", &stop.to_string()).await.data();
        let (store, _) = database.open_store();
        let set = |status| {
            let mut connection = store.connect().unwrap();
            let set = |c: &mut _| markets::set_status(c, "BTC", status, &Actor::COMMAND);
            store.write(&mut connection, set).unwrap();
        };
        set(MarketStatus::CancelOnly);
        // As if the market had been restricted between the trade and the order that it triggers.
        database.execute("UPDATE markets SET triggering_low = 10000000000, \
            triggering_high = 10000000000, last_price = 10000000000 WHERE symbol = 'BTC'");
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        let order = || async { alice.get("/api/orders/2").await.data()["order"].clone() };
        assert_eq!(order().await["is_waiting"], true);
        set(MarketStatus::Open);
        wait_for("the order is executed", || async {
            (order().await["status"] == 2).then_some(())
        })
        .await;
        app.stop();
        database.audit();
    }
}
