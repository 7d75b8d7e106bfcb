//! The main scenario: two users trade, and both see the result.

use serde_json::json;

use crate::on_both;
use crate::support::app::TestApp;

/// Alice and Bob trade as in the README, and see it to the cent.
pub async fn trade_in_one_transaction(app: &TestApp) {
    let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);

    let placed = alice.place("BTC", "buy", "50000", "0.1").await.data();
    assert_eq!(placed["order"]["status"], 1);
    assert_eq!(placed["trade"], json!(null));
    assert_eq!(alice.available("USD").await, "4925", "5,000 and 1.5 % commission are reserved");

    let placed = bob.place("BTC", "sell", "50000", "0.1").await.data();
    assert_eq!(placed["order"]["status"], 2);
    assert_eq!(placed["trades"].as_array().map(Vec::len), Some(1));

    assert_eq!(alice.available("USD").await, "4925");
    assert_eq!(alice.available("BTC").await, "0.6");
    assert_eq!(bob.available("USD").await, "15000");
    assert_eq!(bob.available("BTC").await, "0.9");
    for person in [&alice, &bob] {
        let orders = person.get("/api/my-orders").await.data();
        assert_eq!(orders[0]["status"], 2);
        let history = person.get("/api/balance-history").await.data();
        assert_eq!(history[0]["action"], "trade_completed");
    }
}

on_both! {
    async fn two_people_trade_in_one_transaction(database: Database) {
        let app = TestApp::start(&database).await;
        trade_in_one_transaction(&app).await;
        app.stop();
        database.audit();
    }
}
