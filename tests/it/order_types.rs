//! Order types over the API: time in force, post-only, market orders and self-trade prevention.

use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::outbox::{OutboxRow, start_with_events};

fn order(side: &str, price: Value, amount: &str, more: Value) -> String {
    let mut order = json!({ "symbol": "BTC", "side": side, "price": price, "amount": amount });
    let fields = order.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    order.to_string()
}

async fn place(client: &Client, side: &str, price: Value, amount: &str, more: Value) -> Response {
    client.post("/api/orders", &order(side, price, amount, more)).await
}

/// These fields of the order in a response.
fn fields<const N: usize>(response: &Response, names: [&str; N]) -> [String; N] {
    let order = response.data()["order"].clone();
    names.map(|name| order[name].to_string())
}

on_both! {
    async fn the_terms_of_an_order_are_kept_and_shown(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        place(&bob, "sell", json!("100"), "0.2", json!({})).await.data();
        place(&bob, "sell", json!("102"), "0.1", json!({})).await.data();
        let names = ["type", "time_in_force", "post_only", "price", "status", "cancel_reason"];

        let fok = place(&alice, "buy", json!("102"), "1", json!({ "time_in_force": "fok" })).await;
        assert_eq!(fields(&fok, names),
            ["\"limit\"", "\"fok\"", "false", "102", "3", "\"fok\""]);
        assert_eq!(fok.data()["trades"], json!([]));
        assert_eq!(alice.available("USD").await, "10000");

        let ioc = place(&alice, "buy", json!("100"), "1", json!({ "time_in_force": "ioc" })).await;
        assert_eq!(fields(&ioc, names),
            ["\"limit\"", "\"ioc\"", "false", "100", "3", "\"ioc\""]);
        assert_eq!(fields(&ioc, ["filled_amount", "average_price", "commission"]),
            ["0.2", "100", "0.3"]);

        place(&bob, "sell", json!("100"), "0.1", json!({})).await.data();
        let market = place(&alice, "buy", Value::Null, "0.2", json!({ "type": "market" })).await;
        assert_eq!(fields(&market, names),
            ["\"market\"", "\"ioc\"", "false", "105", "2", "null"]);
        assert_eq!(fields(&market, ["average_price"]), ["101"]);
        let none = place(&alice, "buy", Value::Null, "0.2", json!({ "type": "market" })).await;
        assert_eq!((none.status, none.json()["code"].clone()), (400, json!("no_market_price")));

        let post_only = json!({ "post_only": true });
        let resting = place(&alice, "buy", json!("99"), "0.1", post_only.clone()).await;
        assert_eq!(fields(&resting, names), ["\"limit\"", "\"gtc\"", "true", "99", "1", "null"]);
        let refused = place(&bob, "sell", json!("99"), "0.1", post_only).await;
        assert_eq!((refused.status, refused.json()["code"].clone()),
            (400, json!("post_only_would_match")));

        // The same in every answer about the order.
        let row = alice.get("/api/my-orders").await.data()[0].clone();
        let id = row["id"].clone();
        let one = alice.get(&format!("/api/orders/{id}")).await.data()["order"].clone();
        for name in names.iter().chain(&["average_price", "commission", "created_at"]) {
            assert_eq!(row[name], one[name], "{name}");
        }
        app.stop();
        database.audit();
    }

    async fn a_market_order_may_say_what_it_costs(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        place(&bob, "sell", json!("100"), "0.2", json!({})).await.data();
        place(&bob, "sell", json!("102"), "0.1", json!({})).await.data();
        let buy = |more: Value| {
            let mut order = json!({ "symbol": "BTC", "side": "buy", "type": "market" });
            order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let order = order.to_string();
            let alice = &alice;
            async move { alice.post("/api/orders", &order).await }
        };
        // 0.2 at 100 cost 20.3 with the commission, and the rest buys at 102.
        let bought = buy(json!({ "quote_amount": "25.3" })).await;
        assert_eq!(fields(&bought, ["status", "quote_amount", "filled_amount", "amount"]),
            ["2", "25.3", "0.24829518", "0.24829518"]);
        assert_eq!(alice.available("USD").await, "9974.70000001");
        let rest = buy(json!({ "quote_amount": 1000 })).await;
        assert_eq!(fields(&rest, ["status", "cancel_reason", "filled_amount"]),
            ["3", "\"ioc\"", "0.05170482"]);

        for (more, field) in [
            (json!({ "quote_amount": "1", "amount": "1" }), "amount"),
            (json!({ "quote_amount": "0" }), "quote_amount"),
            (json!({ "quote_amount": "1", "time_in_force": "fok" }), "time_in_force"),
            (json!({ "quote_amount": "1", "side": "sell" }), "quote_amount"),
            (json!({ "quote_amount": "1", "type": "limit", "price": "1" }), "quote_amount"),
            (json!({ "quote_amount": "1", "type": "stop_market", "stop_price": "1" }),
                "quote_amount"),
            (json!({}), "amount"),
        ] {
            let refused = buy(more.clone()).await;
            assert_eq!(refused.status, 422, "{more}: {}", refused.body);
            assert!(refused.json()["errors"][field].is_array(), "{more}: {}", refused.body);
        }
        app.stop();
        database.audit();
    }

    async fn a_market_order_stops_at_its_bound(database: Database) {
        let variables = [("MATCHCAST__MARKET__MAX_SLIPPAGE", "0.01")];
        let app = TestApp::start_with(&database, &variables).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        place(&bob, "buy", json!("100"), "0.1", json!({})).await.data();
        place(&bob, "buy", json!("98"), "0.1", json!({})).await.data();
        let sold = place(&alice, "sell", Value::Null, "0.2", json!({ "type": "market" })).await;
        assert_eq!(fields(&sold, ["price", "status", "cancel_reason", "filled_amount"]),
            ["99", "3", "\"slippage\"", "0.1"]);
        assert_eq!(alice.available("BTC").await, "0.4");
        app.stop();
        database.audit();
    }

    async fn prevented_self_trades_are_reported(database: Database) {
        let (app, _provider) = start_with_events(&database, &["order.updated"], &[]).await;
        let alice = app.log_in("alice").await;
        place(&alice, "sell", json!("100"), "0.3", json!({})).await.data();
        for _ in 0..2 {
            let decrement = json!({ "self_trade_prevention": "decrement" });
            let placed = place(&alice, "buy", json!("100"), "0.1", decrement).await;
            assert_eq!(fields(&placed, ["status", "cancel_reason", "prevented_amount"]),
                ["3", "\"self_trade\"", "0.1"]);
            assert_eq!(placed.data()["prevented_trades"],
                json!([{ "order_id": 1, "price": 100, "amount": 0.1 }]));
        }
        let resting = alice.get("/api/orders/1").await.data()["order"].clone();
        assert_eq!((&resting["status"], resting["prevented_amount"].to_string()),
            (&json!(1), "0.2".to_owned()));
        assert_eq!(alice.available("BTC").await, "0.4");
        let book = alice.get("/api/orders?symbol=BTC").await.data();
        assert_eq!(book["asks"][0]["amount"].to_string(), "0.1");

        let oldest = json!({ "self_trade_prevention": "cancel_oldest" });
        place(&alice, "buy", json!("100"), "0.1", oldest).await.data();
        let cancelled = alice.get("/api/orders/1").await.data()["order"].clone();
        assert_eq!((&cancelled["status"], &cancelled["cancel_reason"]),
            (&json!(3), &json!("self_trade")));
        let events = database.events_named("order.updated");
        let of_first: Vec<Value> =
            events.iter().map(OutboxRow::json).filter(|data| data["order_id"] == 1).collect();
        let prevented: Vec<&str> =
            of_first.iter().map(|data| data["prevented_amount"].as_str().unwrap()).collect();
        assert_eq!(prevented, ["0", "0.1", "0.2", "0.2"]);
        let mut ids: Vec<&Value> = of_first.iter().map(|data| &data["event_id"]).collect();
        ids.dedup();
        assert_eq!(ids.len(), 4, "each change has an id of its own");
        app.stop();
        database.audit();
    }

    async fn terms_that_do_not_go_together_are_errors_that_name_the_field(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let price = json!("100");
        for (price, more, field) in [
            (&price, json!({ "type": "stop" }), "type"),
            (&price, json!({ "type": 1 }), "type"),
            (&price, json!({ "type": "market" }), "price"),
            (&Value::Null, json!({}), "price"),
            (&Value::Null, json!({ "type": "market", "time_in_force": "gtc" }), "time_in_force"),
            (&Value::Null, json!({ "type": "market", "post_only": true }), "post_only"),
            (&price, json!({ "time_in_force": "day" }), "time_in_force"),
            (&price, json!({ "time_in_force": "GTC" }), "time_in_force"),
            (&price, json!({ "post_only": "maybe" }), "post_only"),
            (&price, json!({ "post_only": 1, "time_in_force": "fok" }), "post_only"),
            (&price, json!({ "self_trade_prevention": "none" }), "self_trade_prevention"),
        ] {
            let response = place(&alice, "buy", price.clone(), "0.1", more.clone()).await;
            assert_eq!(response.status, 422, "{more}: {}", response.body);
            let errors = response.json()["errors"].clone();
            let named: Vec<&String> = errors.as_object().unwrap().keys().collect();
            assert_eq!(named, [field], "{more}: {errors}");
        }
        assert!(database.order_ids().is_empty());
        // Empty fields are missing ones, and forms have no booleans.
        let form = "symbol=BTC&side=buy&price=1&amount=1&type=&time_in_force=&post_only=1";
        let placed = alice.post_form("/api/orders", form).await;
        assert_eq!(fields(&placed, ["type", "time_in_force", "post_only"]),
            ["\"limit\"", "\"gtc\"", "true"]);
        app.stop();
        database.audit();
    }
}

async fn preview(client: &Client, side: &str, price: Value, amount: &str, more: Value) -> Value {
    let response = client.post("/api/orders/preview", &order(side, price, amount, more)).await;
    response.data()
}

on_both! {
    async fn a_preview_is_what_the_order_then_does_and_changes_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let book = [(&bob, "100", "0.2"), (&alice, "101", "0.1"), (&bob, "102", "0.3")];
        for (client, price, amount) in book {
            place(client, "sell", json!(price), amount, json!({})).await.data();
        }
        let fok = json!({ "time_in_force": "fok" });
        for (price, amount, more) in [
            (json!("102"), "1", fok),
            (Value::Null, "0.25", json!({ "type": "market" })),
            (json!("102"), "0.4", json!({ "self_trade_prevention": "cancel_oldest" })),
            (json!("99"), "0.1", json!({ "post_only": true })),
        ] {
            let before = (alice.get("/api/profile").await.body, database.order_ids());
            let previewed = preview(&alice, "buy", price.clone(), amount, more.clone()).await;
            assert_eq!(before, (alice.get("/api/profile").await.body, database.order_ids()));
            let placed = place(&alice, "buy", price, amount, more.clone()).await.data();
            assert_eq!(previewed["rejection"], Value::Null);
            let order = &placed["order"];
            for name in
                ["price", "filled_amount", "average_price", "commission", "status", "cancel_reason"]
            {
                assert_eq!(previewed[name], order[name], "{name} of {more}: {previewed}");
            }
            assert_eq!(previewed["prevented_trades"], placed["prevented_trades"]);
            assert_eq!(previewed["fill_count"], placed["trade_count"]);
            let fills = |list: &Value| -> Vec<(String, String)> {
                let all = list.as_array().unwrap().iter();
                all.map(|one| (one["price"].to_string(), one["amount"].to_string())).collect()
            };
            assert_eq!(fills(&previewed["fills"]), fills(&placed["trades"]));
        }
        app.stop();
        database.audit();
    }

    async fn a_preview_shows_reservation_rest_and_the_rule_that_refuses(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        place(&bob, "sell", json!("100"), "0.2", json!({})).await.data();
        let rests = preview(&alice, "buy", json!("110"), "1", json!({})).await;
        let numbers = ["reserved", "value", "commission", "filled_amount", "resting_amount"];
        assert_eq!(numbers.map(|name| rests[name].to_string()),
            ["111.65", "20", "0.3", "0.2", "0.8"]);
        assert_eq!(rests["fills"], json!([{ "price": 100, "amount": 0.2, "value": 20 }]));

        let poor = preview(&alice, "buy", json!("100"), "1000", json!({})).await;
        assert_eq!(poor["rejection"]["code"], "insufficient_funds");
        assert_eq!((&poor["fills"], &poor["status"]), (&json!([]), &Value::Null));
        let post_only = json!({ "post_only": true });
        let post_only = preview(&alice, "buy", json!("100"), "1", post_only).await;
        assert_eq!(post_only["rejection"]["code"], "post_only_would_match");
        let tiny = preview(&alice, "buy", json!("1e-8"), "0.1", json!({})).await;
        assert!(tiny["rejection"]["errors"]["amount"].is_array(), "{tiny}");
        // A user without accounts, and a body without fields.
        let mut carol = app.visitor();
        carol.register("carol").await;
        let nothing = preview(&carol, "sell", json!("100"), "1", json!({})).await;
        assert_eq!(nothing["rejection"]["code"], "insufficient_funds");
        assert_eq!(alice.post("/api/orders/preview", "{}").await.status, 422);
        app.stop();
        database.audit();
    }
}
