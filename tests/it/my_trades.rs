//! The user's own trades and balances.

use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;

/// The row without its time.
fn without_time(mut row: Value) -> Value {
    assert!(row["created_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{row}");
    row["created_at"] = json!("<time>");
    row
}

on_both! {
    async fn a_trade_has_a_row_for_each_side_with_its_own_commission(database: Database) {
        database.number_consecutively();
        let file = "[[markets]]\nsymbol = \"ETH/BTC\"\n";
        let app = TestApp::start_from(&database, &[], Some(file)).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let order = r#"{"symbol":"BTC","side":"buy","price":50000,"amount":0.1,
            "client_order_id":"mine-1"}"#;
        alice.post("/api/orders", order).await.data();
        bob.place("BTC", "sell", "49000", "0.04").await.data();
        bob.place("ETH/BTC", "buy", "0.01", "2").await.data();
        alice.place("ETH/BTC", "sell", "0.01", "1").await.data();

        let trades = alice.get("/api/my-trades").await;
        assert_eq!(trades.json()["message"], "User trades retrieved successfully");
        let trades = trades.data();
        assert_eq!(without_time(trades[1].clone()), json!({
            "id": 1, "sequence": 1, "symbol": "BTC", "side": "buy", "role": "maker",
            "price": 50000, "amount": 0.04, "value": 2000, "commission": 30,
            "commission_currency": "USD", "order_id": 1, "client_order_id": "mine-1",
            "created_at": "<time>",
        }));
        assert_eq!(without_time(trades[0].clone()), json!({
            "id": 2, "sequence": 1, "symbol": "ETH/BTC", "side": "sell", "role": "taker",
            "price": 0.01, "amount": 1, "value": 0.01, "commission": 0,
            "commission_currency": "BTC", "order_id": 4, "client_order_id": null,
            "created_at": "<time>",
        }));
        let of_bob = bob.get("/api/my-trades").await.data();
        let parts: Vec<[Value; 5]> = of_bob.as_array().unwrap().iter().map(|row| {
            ["id", "side", "role", "commission", "order_id"].map(|key| row[key].clone())
        }).collect();
        assert_eq!(json!(parts), json!([
            [2, "buy", "maker", 0.00015, 3], [1, "sell", "taker", 0, 2],
        ]));
        let charlie = app.log_in("charlie").await;
        assert_eq!(charlie.get("/api/my-trades").await.data(), json!([]));
        app.stop();
        database.audit();
    }

    async fn balances_list_every_asset(database: Database) {
        let file = "[[markets]]\nsymbol = \"SOL\"\n";
        let app = TestApp::start_from(&database, &[], Some(file)).await;
        let alice = app.log_in("alice").await;
        alice.place("BTC", "buy", "50000", "0.1").await.data();
        alice.place("ETH", "sell", "50000", "0.5").await.data();
        assert_eq!(alice.get("/api/balances").await.data(), json!([
            {"currency": "USD", "available": 4925, "locked": 5075, "total": 10000},
            {"currency": "BTC", "available": 0.5, "locked": 0, "total": 0.5},
            {"currency": "ETH", "available": 1.5, "locked": 0.5, "total": 2},
            {"currency": "SOL", "available": 0, "locked": 0, "total": 0},
        ]));
        app.stop();
    }
}
