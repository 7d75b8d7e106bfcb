//! Orders that wait over the API: stop orders and orders with a date, across crashes and processes.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use matchcast::store::now;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::outbox::{OutboxRow, start_with_events};
use crate::support::process::Process;
use crate::support::{rounds, wait_for};

async fn place(client: &Client, side: &str, more: Value) -> Response {
    let mut order = json!({ "symbol": "BTC", "side": side, "amount": "0.1" });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.post("/api/orders", &order.to_string()).await
}

async fn order(client: &Client, id: i64) -> Value {
    client.get(&format!("/api/orders/{id}")).await.data()["order"].clone()
}

/// The time in `millis` from now, as the API takes it.
fn after(millis: i64) -> String {
    (now() + TimeDelta::milliseconds(millis)).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count(database: &Database, from: &str) -> i64 {
    let query = diesel::sql_query(format!("SELECT count(*) AS count FROM {from}"));
    query.get_result::<Count>(&mut database.connect()).expect("a count").count
}

async fn wait_until_closed(client: &Client, id: i64) -> Value {
    wait_for("the order is closed", || async {
        let order = order(client, id).await;
        (order["status"] != 1).then_some(order)
    })
    .await
}

on_both! {
    async fn a_stop_order_waits_and_is_triggered(database: Database) {
        let (app, _provider) = start_with_events(&database, &["order.updated"], &[]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let stop = json!({ "type": "stop_limit", "price": "105", "stop_price": "100" });
        let placed = place(&alice, "buy", stop).await.data()["order"].clone();
        let names = ["type", "stop_price", "price", "is_waiting", "status", "expires_at"];
        let shown = |order: &Value| names.map(|name| order[name].to_string());
        let waiting = ["\"stop_limit\"", "100", "105", "true", "1", "null"].map(str::to_owned);
        assert_eq!(shown(&placed), waiting);
        assert_eq!(shown(&order(&alice, 1).await), waiting);
        assert_eq!(shown(&alice.get("/api/my-orders").await.data()[0]), waiting);
        let book = alice.get("/api/orders?symbol=BTC").await.data();
        assert_eq!(book, json!({ "asks": [], "bids": [] }), "it is not in the book");
        assert_eq!(alice.available("USD").await, "9989.3425");

        place(&bob, "sell", json!({ "price": "100" })).await.data();
        place(&bob, "sell", json!({ "price": "104" })).await.data();
        assert_eq!(order(&alice, 1).await["is_waiting"], true, "there was no trade");
        place(&alice, "buy", json!({ "price": "100" })).await.data();
        let filled = wait_until_closed(&alice, 1).await;
        assert_eq!(["status", "is_waiting", "average_price"].map(|name| filled[name].to_string()),
            ["2", "false", "104"]);
        let updates = database.events_named("order.updated");
        let of_stop = updates.iter().map(OutboxRow::json).filter(|event| event["order_id"] == 1);
        let changes: Vec<(Value, Value)> =
            of_stop.map(|event| (event["change"].clone(), event["stop_price"].clone())).collect();
        assert_eq!(changes, [(json!("waiting"), json!("100")), (json!("filled"), json!("100"))]);

        // The last trade was at 104: this one is triggered at once, and the next one waits.
        let market = json!({ "type": "stop_market", "stop_price": "105" });
        let sold = place(&bob, "sell", market.clone()).await;
        assert_eq!((sold.data()["order"]["is_waiting"].clone(),
            sold.data()["order"]["cancel_reason"].clone()), (json!(false), json!("ioc")));
        let waits = place(&alice, "buy", market).await.data()["order"].clone();
        assert_eq!((&waits["is_waiting"], waits["price"].to_string()),
            (&json!(true), "110.25".to_owned()));
        let before = alice.available("USD").await;
        alice.cancel(waits["id"].as_i64().unwrap()).await.json();
        assert_ne!(alice.available("USD").await, before, "its reservation is released");
        app.stop();
        database.audit();
    }

    async fn triggered_orders_left_by_a_crash_are_executed(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        place(&bob, "sell", json!({ "price": "100" })).await.data();
        let stop = json!({ "type": "stop_market", "stop_price": "100" });
        place(&alice, "buy", stop).await.data();
        // As a process leaves it that dies between a trade and the order that it triggers.
        database.execute("UPDATE markets SET triggering_low = 10000000000, \
            triggering_high = 10000000000, last_price = 10000000000 WHERE symbol = 'BTC'");
        assert_eq!(wait_until_closed(&alice, 2).await["status"], 2);
        app.stop();
        assert_eq!(count(&database, "markets WHERE triggering_low IS NOT NULL"), 0);
        database.audit();
    }

    /// Each order triggers the next one, and each is a transaction of its own.
    async fn a_cascade_survives_crashes(database: Database) {
        let variables = [
            ("BROADCAST_CONNECTION", "null".to_owned()),
            ("MATCHCAST__MARKET__MAX_FILLS_PER_TRANSACTION", "1".to_owned()),
        ];
        let mut process = Process::start(&database, &variables).await;
        let (alice, bob) = (process.log_in("alice").await, process.log_in("bob").await);
        let stops = rounds(40);
        for price in 0..=stops {
            let price = (1000 + price).to_string();
            bob.place("BTC", "sell", &price, "0.001").await.data();
        }
        for price in 0..stops {
            let (stop, price) = ((1000 + price).to_string(), (1001 + price).to_string());
            let order = json!({ "symbol": "BTC", "side": "buy", "amount": "0.001",
                "type": "stop_limit", "stop_price": stop, "price": price });
            alice.post("/api/orders", &order.to_string()).await.data();
        }
        alice.place("BTC", "buy", "1000", "0.001").await.data();
        process.kill();
        for _ in 0..2 {
            process = Process::start(&database, &variables).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            process.kill();
        }
        process = Process::start(&database, &variables).await;
        wait_for("every stop order is executed", || async {
            (count(&database, "orders WHERE is_waiting") == 0).then_some(())
        })
        .await;
        process.stop().await;
        // Each once, in the order of the prices.
        let trades = database.trades();
        let makers: Vec<i64> = trades.iter().map(|(_, _, seller)| *seller).collect();
        assert_eq!(makers.len(), stops + 1, "{trades:?}");
        let filled = count(&database, "orders WHERE status = 2");
        assert_eq!(usize::try_from(filled), Ok(2 * (stops + 1)));
        let out_of_order = "trades a JOIN trades b ON b.sequence = a.sequence + 1 \
            WHERE b.price <= a.price";
        assert_eq!(count(&database, out_of_order), 0);
        database.audit();
    }

    async fn an_order_with_a_date_is_cancelled_once_by_one_of_two_processes(database: Database) {
        database.number_consecutively();
        let first = TestApp::start(&database).await;
        let second = TestApp::start(&database).await;
        let alice = first.log_in("alice").await;
        let expires_at = after(1500);
        for side in ["buy", "sell"] {
            let price = if side == "buy" { "90" } else { "110" };
            let gtd = json!({ "price": price, "time_in_force": "gtd", "expires_at": expires_at });
            let placed = place(&alice, side, gtd).await.data()["order"].clone();
            assert_eq!(placed["time_in_force"], "gtd");
            assert_eq!(placed["expires_at"], expires_at.as_str());
        }
        let late = json!({ "price": "80", "time_in_force": "gtd", "expires_at": after(60_000) });
        place(&alice, "buy", late).await.data();
        for id in [1, 2] {
            let expired = wait_until_closed(&alice, id).await;
            assert_eq!((&expired["status"], &expired["cancel_reason"]),
                (&json!(3), &json!("expired")));
            let cancelled_at = alice.get("/api/my-orders").await.data()
                .as_array().unwrap().iter().find(|row| row["id"] == id)
                .map(|row| row["updated_at"].as_str().unwrap().to_owned()).unwrap();
            assert!(cancelled_at > expires_at, "{cancelled_at}, {expires_at}");
        }
        assert_eq!(order(&alice, 3).await["status"], 1);
        // Each was released once.
        assert_eq!(count(&database, "ledger_entries WHERE action = 4"), 2);
        first.stop();
        second.stop();
        database.audit();
    }

    /// The date has passed meanwhile, which is no reason to refuse the repetition.
    async fn an_order_with_a_date_is_repeated_safely(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let order = json!({ "symbol": "BTC", "side": "buy", "price": "90", "amount": "0.1",
            "time_in_force": "gtd", "expires_at": after(500), "client_order_id": "c" });
        let send = || async {
            let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
            let body = order.to_string().into_bytes();
            alice.send(reqwest::Method::POST, "/api/orders", &headers, body).await
        };
        let first = send().await;
        assert_eq!(first.status, 200, "{}", first.body);
        wait_until_closed(&alice, 1).await;
        let again = send().await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        let named = alice.post("/api/orders", &order.to_string()).await;
        assert_eq!(named.json()["code"], "client_order_id_taken", "{}", named.body);
        app.stop();
        database.audit();
    }

    async fn an_order_that_expires_while_no_process_runs_is_cancelled_at_the_start(
        database: Database
    ) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let gtd = json!({ "price": "90", "time_in_force": "gtd", "expires_at": after(400) });
        place(&alice, "buy", gtd).await.data();
        app.stop();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        assert_eq!(wait_until_closed(&alice, 1).await["cancel_reason"], "expired");
        assert_eq!(alice.available("USD").await, "10000");
        app.stop();
        database.audit();
    }

    async fn fields_that_do_not_go_together_are_named(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        for (more, field) in [
            (json!({ "type": "stop_limit", "price": "100" }), "stop_price"),
            (json!({ "type": "stop_limit", "stop_price": "100" }), "price"),
            (json!({ "price": "100", "stop_price": "100" }), "stop_price"),
            (json!({ "type": "stop_market", "stop_price": "100", "price": "100" }), "price"),
            (json!({ "type": "stop_market", "stop_price": "0" }), "stop_price"),
            (json!({ "type": "stop_market", "stop_price": "1", "time_in_force": "gtd",
                "expires_at": after(60_000) }), "time_in_force"),
            (json!({ "type": "stop_limit", "price": "1", "stop_price": "1", "post_only": true }),
                "post_only"),
            (json!({ "price": "100", "time_in_force": "gtd" }), "expires_at"),
            (json!({ "price": "100", "expires_at": after(60_000) }), "expires_at"),
            (json!({ "price": "100", "time_in_force": "gtd", "expires_at": after(-1000) }),
                "expires_at"),
            (json!({ "price": "100", "time_in_force": "gtd", "expires_at": "tomorrow" }),
                "expires_at"),
            (json!({ "price": "100", "time_in_force": "gtd", "expires_at": 1_900_000_000 }),
                "expires_at"),
            (json!({ "price": "100", "time_in_force": "gtd",
                "expires_at": "+262142-01-01T00:00:00Z" }), "expires_at"),
            (json!({ "price": "100", "time_in_force": "gtd",
                "expires_at": "9999-12-31T23:59:59-23:59" }), "expires_at"),
        ] {
            let refused = place(&alice, "buy", more.clone()).await;
            assert_eq!(refused.status, 422, "{more}: {}", refused.body);
            let errors = refused.json()["errors"].as_object().unwrap().clone();
            assert!(errors.contains_key(field), "{more}: {errors:?}");
        }
        assert!(database.order_ids().is_empty());
        app.stop();
    }
}
