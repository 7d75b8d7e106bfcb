//! Client events: from one page to others.

use serde_json::json;

use super::Server;
use super::page::Page;

#[tokio::test]
async fn a_client_event_reaches_all_subscribers_but_its_sender() {
    let server = Server::start().await;
    let mut pages =
        [Page::open(&server).await, Page::open(&server).await, Page::open(&server).await];
    for page in &mut pages {
        page.subscribe("private-room").await;
    }
    let [sender, one, other] = &mut pages;
    sender.send_client_event("private-room", "client-typing", json!({"who": "alice"})).await;
    for page in [one, other] {
        let message = page.message().await;
        assert_eq!(
            message,
            json!({
                "event": "client-typing",
                "channel": "private-room",
                "data": "{\"who\":\"alice\"}",
            })
        );
    }
    server.publish("private-room", "marker", "1").await;
    sender.expect("marker", "private-room").await;
}

#[tokio::test]
async fn text_data_is_forwarded_unchanged() {
    let server = Server::start().await;
    let (mut sender, mut other) = (Page::open(&server).await, Page::open(&server).await);
    sender.subscribe("private-room").await;
    other.subscribe("private-room").await;
    sender.send_client_event("private-room", "client-text", json!("{\"already\":\"JSON\"}")).await;
    assert_eq!(other.message().await["data"], "{\"already\":\"JSON\"}");
}

#[tokio::test]
async fn a_client_event_on_a_presence_channel_names_its_sender() {
    let server = Server::start().await;
    let (mut sender, mut other) = (Page::open(&server).await, Page::open(&server).await);
    other.join("presence-room", "bob").await;
    sender.join("presence-room", "alice").await;
    other.expect("pusher_internal:member_added", "presence-room").await;
    sender.send_client_event("presence-room", "client-wave", json!(1)).await;
    let message = other.message().await;
    assert_eq!(message["event"], "client-wave");
    assert_eq!(message["user_id"], "alice");
}

#[tokio::test]
async fn a_forbidden_client_event_is_refused_and_not_forwarded() {
    let server = Server::start().await;
    let (mut sender, mut other) = (Page::open(&server).await, Page::open(&server).await);
    for channel in ["public", "private-encrypted-room", "private-room", "private-other"] {
        other.subscribe(channel).await;
    }
    for channel in ["public", "private-encrypted-room", "private-room"] {
        sender.subscribe(channel).await;
    }
    let long_name = format!("client-{}", "x".repeat(200));
    let long_data = json!("x".repeat(10_241));
    for (channel, event, data) in [
        ("public", "client-a", json!(1)),
        ("private-encrypted-room", "client-a", json!(1)),
        ("private-other", "client-a", json!(1)),
        ("private-room", "order.matched", json!(1)),
        ("private-room", "pusher_internal:member_added", json!(1)),
        ("private-room", &long_name, json!(1)),
        ("private-room", "client-a", long_data),
        ("private room", "client-a", json!(1)),
    ] {
        sender.send_client_event(channel, event, data).await;
        sender.expect_error(None).await;
    }
    sender.send(json!({"event": "client-a", "data": {}})).await;
    sender.expect_error(None).await;
    sender.send_client_event("private-room", "client-marker", json!(1)).await;
    other.expect("client-marker", "private-room").await;
}

#[tokio::test]
async fn more_than_ten_client_events_per_second_are_refused() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    page.subscribe("private-room").await;
    // Far more than ten a second even on a slow machine.
    for number in 0..200 {
        page.send_client_event("private-room", "client-a", json!(number)).await;
    }
    page.expect_error(Some(4301)).await;
}
