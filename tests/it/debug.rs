//! The debug console: what passes through the embedded provider, for the demo's users alone.

use serde_json::Value;

use crate::support::app::{ONLY_ORDER_MATCHED, TestApp};
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::wait_for;

const PATH: &str = "/api/debug/events";

async fn look(client: &Client, after: u64) -> Value {
    client.get(&format!("{PATH}?after={after}")).await.data()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_shows_events_as_they_pass() {
    let database = Database::sqlite();
    let app = TestApp::start_with(&database, &ONLY_ORDER_MATCHED).await;
    let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
    alice.place("BTC", "buy", "50000", "0.1").await;
    bob.place("BTC", "sell", "50000", "0.1").await;
    let snapshot = wait_for("both events", async || {
        let snapshot = look(&alice, 0).await;
        (snapshot["entries"].as_array().map(Vec::len) == Some(2)).then_some(snapshot)
    })
    .await;
    let entries = snapshot["entries"].as_array().expect("a list");
    // Different channels are in different lanes: either may come first.
    for channel in ["private-user.1", "private-user.2"] {
        let event = entries.iter().find(|event| event["channel"] == channel).expect(channel);
        assert_eq!(event["kind"], "published");
        assert_eq!(event["name"], "order.matched");
        assert!(event["data"].as_str().is_some_and(|data| data.contains("trade_id")));
        assert_eq!(event["recipients"], 0, "nobody is connected");
    }

    let last = snapshot["last_id"].as_u64().expect("a number");
    let event = r#"{"channel":"news","name":"hello","data":"{\"a\":1}"}"#;
    assert_eq!(alice.post(PATH, event).await.status, 200);
    let news = look(&alice, last).await;
    assert_eq!(news["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(news["entries"][0]["data"], r#"{"a":1}"#);
    for refused in [
        r#"{"channel":"a b","name":"hello","data":"1"}"#,
        r#"{"channel":"news","data":"1"}"#,
        r#"{"channel":"news","name":"hello"}"#,
    ] {
        assert_eq!(alice.post(PATH, refused).await.status, 422, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_finds_a_console() {
    let database = Database::sqlite();
    let app = TestApp::start(&database).await;
    let event = r#"{"channel":"news","name":"hello","data":"1"}"#;
    assert_eq!(app.visitor().get(PATH).await.status, 401);
    let stranger = app.register("stranger").await;
    assert_eq!(stranger.get(PATH).await.status, 404);
    assert_eq!(stranger.post(PATH, event).await.status, 404);
    app.stop();

    for off in [("BROADCAST_CONNECTION", "null"), ("MATCHCAST__DEMO__ENABLED", "false")] {
        let app = TestApp::start_with(&database, &[off]).await;
        let alice = app.log_in("alice").await;
        assert_eq!(alice.get(PATH).await.status, 404, "{off:?}");
        assert_eq!(alice.post(PATH, event).await.status, 404, "{off:?}");
        assert_eq!(app.visitor().get(PATH).await.status, 404, "{off:?}");
    }
}
