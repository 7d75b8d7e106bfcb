//! Connections that sign in as a user, and events for a user.

use matchcast::pusher::{Credentials, Outcome, SocketId, sign};
use serde_json::json;

use super::Server;
use super::page::{Page, data_of};
use crate::credentials;

const ALICE: &str = r#"{"id":"alice","user_info":{"name":"Alice"}}"#;

/// Sends a sign-in with this signature and data.
async fn send_sign_in(page: &mut Page, auth: &str, user_data: &str) {
    let data = json!({"auth": auth, "user_data": user_data});
    page.send(json!({"event": "pusher:signin", "data": data})).await;
}

async fn sign_in(page: &mut Page, user_data: &str) {
    let auth = sign::user_auth(&credentials(), &page.socket_id, user_data);
    send_sign_in(page, &auth, user_data).await;
    let message = page.message().await;
    assert_eq!(message["event"], "pusher:signin_success", "{message}");
    assert_eq!(data_of(&message), json!({ "user_data": user_data }));
}

#[tokio::test]
async fn an_event_for_a_user_reaches_all_their_connections() {
    let server = Server::start().await;
    let (mut one, mut two) = (Page::open(&server).await, Page::open(&server).await);
    let mut bob = Page::open(&server).await;
    sign_in(&mut one, ALICE).await;
    sign_in(&mut two, ALICE).await;
    sign_in(&mut bob, r#"{"id":"bob"}"#).await;

    server.publish("#server-to-user-alice", "hello", "1").await;
    server.publish("#server-to-user-bob", "marker", "2").await;
    assert_eq!(one.expect("hello", "#server-to-user-alice").await, 1);
    assert_eq!(two.expect("hello", "#server-to-user-alice").await, 1);
    assert_eq!(bob.expect("marker", "#server-to-user-bob").await, 2);

    let own = one.socket_id.clone();
    server.publish_except("#server-to-user-alice", "others", "3", Some(&own)).await;
    server.publish("#server-to-user-alice", "marker", "4").await;
    one.expect("marker", "#server-to-user-alice").await;
    two.expect("others", "#server-to-user-alice").await;
}

#[tokio::test]
async fn only_the_user_can_subscribe_to_their_channel() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    page.send_subscription("#server-to-user-alice", None).await;
    page.expect_refused("#server-to-user-alice", "AuthError", 401).await;
    sign_in(&mut page, ALICE).await;
    assert_eq!(page.subscribe("#server-to-user-alice").await, json!({}));
    page.send_subscription("#server-to-user-bob", None).await;
    page.expect_refused("#server-to-user-bob", "AuthError", 401).await;

    // A subscription in addition to the sign-in does not deliver events twice.
    server.publish("#server-to-user-alice", "once", "1").await;
    server.publish("#server-to-user-alice", "marker", "2").await;
    page.expect("once", "#server-to-user-alice").await;
    page.expect("marker", "#server-to-user-alice").await;
}

#[tokio::test]
async fn signing_in_as_another_user_replaces_the_first() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    sign_in(&mut page, ALICE).await;
    sign_in(&mut page, r#"{"id":"bob"}"#).await;
    server.publish("#server-to-user-alice", "not received", "1").await;
    server.publish("#server-to-user-bob", "received", "2").await;
    page.expect("received", "#server-to-user-bob").await;
}

#[tokio::test]
async fn a_forged_sign_in_closes_the_connection() {
    let server = Server::start().await;
    let stranger = SocketId::parse("1.1").unwrap();
    let other_secret = Credentials::new("3", credentials().key(), "guess");
    for case in 0..5 {
        let mut page = Page::open(&server).await;
        let own = page.socket_id.clone();
        let (auth, user_data) = match case {
            0 => (String::new(), ALICE),
            1 => (sign::user_auth(&credentials(), &stranger, ALICE), ALICE),
            2 => (sign::user_auth(&other_secret, &own, ALICE), ALICE),
            3 => (sign::user_auth(&credentials(), &own, ALICE), r#"{"id":"bob"}"#),
            _ => (sign::user_auth(&credentials(), &own, "{}"), "{}"),
        };
        send_sign_in(&mut page, &auth, user_data).await;
        page.expect_closed(4009).await;
    }
}

#[tokio::test]
async fn a_subscription_cannot_be_used_to_sign_in() {
    // An endpoint that signs any channel name from a client would create this signature.
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    let channel = format!(":user::{ALICE}");
    let auth = sign::channel_auth(&credentials(), &page.socket_id, &channel, None);
    assert_eq!(auth, sign::user_auth(&credentials(), &page.socket_id, ALICE));
    let data = json!({"channel": channel, "auth": auth});
    page.send(json!({"event": "pusher:subscribe", "data": data})).await;
    page.expect_refused(&channel, "InvalidChannel", 400).await;
}

#[tokio::test]
async fn the_connections_of_a_user_can_be_terminated() {
    let server = Server::start().await;
    let (mut alice, mut bob) = (Page::open(&server).await, Page::open(&server).await);
    sign_in(&mut alice, ALICE).await;
    sign_in(&mut bob, r#"{"id":"bob"}"#).await;
    assert_eq!(server.backend.terminate_connections("alice").await, Outcome::Delivered);
    alice.expect_closed(4009).await;
    assert_eq!(server.backend.terminate_connections("nobody").await, Outcome::Delivered);
    server.publish("#server-to-user-bob", "still here", "1").await;
    bob.expect("still here", "#server-to-user-bob").await;
}

#[tokio::test]
async fn terminating_a_user_closes_all_their_connections_and_no_others() {
    let server = Server::start().await;
    let (mut one, mut two) = (Page::open(&server).await, Page::open(&server).await);
    let (mut namesake, mut friend) = (Page::open(&server).await, Page::open(&server).await);
    sign_in(&mut one, ALICE).await;
    sign_in(&mut two, ALICE).await;
    friend.join("presence-room", "bob").await;
    // This applies to signed-in users, not to members of a channel with the same id.
    namesake.join("presence-room", "alice").await;
    friend.expect("pusher_internal:member_added", "presence-room").await;
    one.join("presence-other", "alice").await;

    assert_eq!(server.backend.terminate_connections("alice").await, Outcome::Delivered);
    one.expect_closed(4009).await;
    two.expect_closed(4009).await;
    assert_eq!(server.backend.channels().await.unwrap(), ["presence-room"]);
    server.publish("presence-room", "still here", "1").await;
    namesake.expect("still here", "presence-room").await;
    friend.expect("still here", "presence-room").await;

    // The user can connect again.
    let mut again = Page::open(&server).await;
    sign_in(&mut again, ALICE).await;
}

#[tokio::test]
async fn a_user_can_be_terminated_whatever_their_id_contains() {
    let server = Server::start().await;
    for user_id in ["a/b 7", "50%", "%41", "ü?#&=+", "..a", "a//b"] {
        let mut page = Page::open(&server).await;
        sign_in(&mut page, &json!({"id": user_id}).to_string()).await;
        let outcome = server.backend.terminate_connections(user_id).await;
        assert_eq!(outcome, Outcome::Delivered, "{user_id}");
        page.expect_closed(4009).await;
    }
}

#[tokio::test]
async fn a_signed_in_user_needs_no_channel_data_for_a_presence_channel() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    sign_in(&mut page, ALICE).await;
    let joined = page.subscribe("presence-room").await;
    let hash = json!({"alice": {"name": "Alice"}});
    assert_eq!(joined, json!({"presence": {"ids": ["alice"], "hash": hash, "count": 1}}));
}
