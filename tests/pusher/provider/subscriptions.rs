//! Subscriptions: who can subscribe, and what subscribers receive.

use matchcast::provider::Limits;
use matchcast::pusher::{Credentials, Outcome, OutgoingEvent, SocketId, encryption, sign};
use serde_json::{Value, json};

use super::Server;
use super::page::Page;
use crate::encryption::decrypt;
use crate::{credentials, encrypting_credentials};

#[tokio::test]
async fn a_public_channel_needs_no_signature() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    page.send(json!({"event": "pusher:subscribe", "data": {"channel": "orders"}})).await;
    let message = page.message().await;
    assert_eq!(
        message,
        json!({
            "event": "pusher_internal:subscription_succeeded",
            "channel": "orders",
            "data": "{}",
        })
    );

    server.publish("orders", "order.matched", r#"{"price":50000.00000001}"#).await;
    let message = page.message().await;
    assert_eq!(
        message,
        json!({
            "event": "order.matched",
            "channel": "orders",
            "data": "{\"price\":50000.00000001}",
        })
    );
}

#[tokio::test]
async fn a_private_channel_accepts_a_valid_signature() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    assert_eq!(page.subscribe("private-user.1").await, json!({}));
    server.publish("private-user.1", "secret", "1").await;
    assert_eq!(page.expect("secret", "private-user.1").await, 1);
}

#[tokio::test]
async fn an_encrypted_channel_delivers_data_that_only_subscribers_can_decrypt() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    let channel = "private-encrypted-user.1";
    assert_eq!(page.subscribe(channel).await, json!({}));
    server.publish(channel, "secret", r#"{"trade_id":1}"#).await;
    let data = page.expect("secret", channel).await;
    let shared_secret = encryption::shared_secret(&encrypting_credentials(), channel).unwrap();
    assert_eq!(decrypt(&shared_secret, &data.to_string()), r#"{"trade_id":1}"#);
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    let stranger = SocketId::parse("1.1").unwrap();
    let other_secret = Credentials::new("3", credentials().key(), "guess");
    let other_key = Credentials::new("3", "guess", crate::SECRET);
    let sign = |credentials: &Credentials, socket_id: &SocketId, channel: &str, data| {
        json!(sign::channel_auth(credentials, socket_id, channel, data))
    };
    let own = page.socket_id.clone();
    let presence = r#"{"user_id":"1"}"#;
    for (channel, channel_data, auth) in [
        ("private-user.1", Value::Null, Value::Null),
        ("private-user.1", Value::Null, json!("")),
        ("private-user.1", Value::Null, sign(&credentials(), &stranger, "private-user.1", None)),
        ("private-user.1", Value::Null, sign(&credentials(), &own, "private-user.2", None)),
        ("private-user.1", Value::Null, sign(&other_secret, &own, "private-user.1", None)),
        ("private-user.1", Value::Null, sign(&other_key, &own, "private-user.1", None)),
        ("private-encrypted-a", Value::Null, sign(&credentials(), &own, "private-a", None)),
        ("presence-a", json!(presence), sign(&credentials(), &own, "presence-a", None)),
        (
            "presence-a",
            json!(r#"{"user_id":"2"}"#),
            sign(&credentials(), &own, "presence-a", Some(presence)),
        ),
    ] {
        let data = json!({"channel": channel, "auth": auth, "channel_data": channel_data});
        page.send(json!({"event": "pusher:subscribe", "data": data})).await;
        page.expect_refused(channel, "AuthError", 401).await;
    }
    assert_eq!(server.backend.channels().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_malformed_channel_name_is_refused() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    let long = "a".repeat(201);
    for channel in ["", "a b", "a:b", "#other", "ä", &long] {
        page.send_subscription(channel, None).await;
        page.expect_refused(channel, "InvalidChannel", 400).await;
    }
}

#[tokio::test]
async fn a_channel_is_subscribed_once_and_can_be_unsubscribed() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    page.subscribe("a").await;
    page.subscribe("b").await;
    page.send_subscription("a", None).await;
    page.expect_error(None).await;

    page.unsubscribe("a").await;
    // Subscribing to another channel afterwards shows that the hub has handled it.
    page.subscribe("c").await;
    server.publish("a", "not received", "1").await;
    server.publish("b", "received", "2").await;
    page.expect("received", "b").await;
    page.subscribe("a").await;
    server.publish("a", "received again", "3").await;
    page.expect("received again", "a").await;
}

#[tokio::test]
async fn the_number_of_subscriptions_per_connection_is_limited() {
    let limits = Limits { subscriptions_per_connection: 2, ..Limits::default() };
    let server = Server::start_with(limits).await;
    let mut page = Page::open(&server).await;
    page.subscribe("a").await;
    page.subscribe("b").await;
    page.send_subscription("c", None).await;
    page.expect_refused("c", "LimitReached", 4004).await;
    page.unsubscribe("a").await;
    page.subscribe("c").await;
}

#[tokio::test]
async fn events_arrive_in_the_order_in_which_they_were_published() {
    const EVENTS: usize = 500;
    let limits = Limits { outgoing_messages: EVENTS, ..Limits::default() };
    let server = Server::start_with(limits).await;
    let mut pages = [Page::open(&server).await, Page::open(&server).await];
    for page in &mut pages {
        page.subscribe("a").await;
        page.subscribe("b").await;
    }
    let numbers: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    for (index, batch) in numbers.chunks(10).enumerate() {
        let event = |data| OutgoingEvent { name: "n", channel: "a", data, socket_id: None };
        let mut events: Vec<OutgoingEvent<'_>> = batch.iter().map(|data| event(data)).collect();
        events.iter_mut().step_by(3).for_each(|event| event.channel = "b");
        // A single event uses another route than a batch.
        let single = index % 10;
        let parts = [&events[..single], &events[single..=single], &events[single + 1..]];
        for part in parts {
            assert_eq!(server.backend.publish(part).await, Outcome::Delivered);
        }
    }
    for page in &mut pages {
        for number in &numbers {
            assert_eq!(page.message().await["data"], json!(number));
        }
    }
}

#[tokio::test]
async fn the_socket_that_caused_an_event_is_excluded() {
    let server = Server::start().await;
    let (mut cause, mut other) = (Page::open(&server).await, Page::open(&server).await);
    cause.subscribe("a").await;
    other.subscribe("a").await;
    server.publish_except("a", "first", "1", Some(&cause.socket_id)).await;
    server.publish("a", "second", "2").await;
    other.expect("first", "a").await;
    other.expect("second", "a").await;
    cause.expect("second", "a").await;
}
