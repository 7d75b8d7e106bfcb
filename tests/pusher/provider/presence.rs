//! Presence channels: their members, each of which counts once per user.

use serde_json::json;

use super::Server;
use super::page::Page;

const ROOM: &str = "presence-room";
const ADDED: &str = "pusher_internal:member_added";
const REMOVED: &str = "pusher_internal:member_removed";

#[tokio::test]
async fn members_join_and_leave_once_per_user() {
    let server = Server::start().await;
    let mut watcher = Page::open(&server).await;
    let alone = watcher.join(ROOM, "watcher").await;
    let hash = json!({"watcher": {"name": "watcher"}});
    assert_eq!(alone, json!({"presence": {"ids": ["watcher"], "hash": hash, "count": 1}}));

    let (mut first, mut second) = (Page::open(&server).await, Page::open(&server).await);
    let both = first.join(ROOM, "alice").await;
    assert_eq!(both["presence"]["ids"], json!(["alice", "watcher"]));
    assert_eq!(both["presence"]["count"], 2);
    let added = watcher.expect(ADDED, ROOM).await;
    assert_eq!(added, json!({"user_id": "alice", "user_info": {"name": "alice"}}));

    // Alice's second page is not a second member, and she stays while one of her pages does.
    let still_both = second.join(ROOM, "alice").await;
    assert_eq!(still_both["presence"]["count"], 2);
    first.unsubscribe(ROOM).await;
    first.subscribe("after-the-unsubscription").await;
    server.publish(ROOM, "marker", "1").await;
    watcher.expect("marker", ROOM).await;
    second.expect("marker", ROOM).await;

    second.close().await;
    assert_eq!(watcher.expect(REMOVED, ROOM).await, json!({"user_id": "alice"}));
    let again = first.join(ROOM, "alice").await;
    assert_eq!(again["presence"]["count"], 2);
    watcher.expect(ADDED, ROOM).await;
}

#[tokio::test]
async fn a_numeric_id_becomes_text_and_missing_info_is_null() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    page.send_subscription(ROOM, Some(r#"{"user_id":10}"#)).await;
    let data = page.expect("pusher_internal:subscription_succeeded", ROOM).await;
    assert_eq!(data, json!({"presence": {"ids": ["10"], "hash": {"10": null}, "count": 1}}));
}

#[tokio::test]
async fn invalid_or_oversized_member_data_is_refused() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    let long_id = json!({"user_id": "x".repeat(129)}).to_string();
    let long_info = json!({"user_id": "1", "user_info": "x".repeat(1_024)}).to_string();
    for data in [
        None,
        Some(""),
        Some("[]"),
        Some("{}"),
        Some(r#"{"user_id":""}"#),
        Some(r#"{"user_id":null}"#),
        Some(r#"{"user_id":{}}"#),
        Some(&long_id),
        Some(&long_info),
    ] {
        page.send_subscription(ROOM, data).await;
        page.expect_refused(ROOM, "InvalidData", 400).await;
    }
    let fits = json!({"user_id": "x".repeat(128), "user_info": "x".repeat(1_022)}).to_string();
    page.send_subscription(ROOM, Some(&fits)).await;
    page.expect("pusher_internal:subscription_succeeded", ROOM).await;
}

#[tokio::test]
async fn a_presence_channel_has_at_most_a_hundred_users() {
    let server = Server::start().await;
    let mut pages = Vec::new();
    for number in 0..100 {
        let mut page = Page::open(&server).await;
        let joined = page.join(ROOM, &format!("user-{number}")).await;
        assert_eq!(joined["presence"]["count"], number + 1);
        pages.push(page);
    }
    let mut page = Page::open(&server).await;
    page.send_subscription(ROOM, Some(r#"{"user_id":"one-more"}"#)).await;
    page.expect_refused(ROOM, "LimitReached", 4004).await;
    // A user who is a member already can subscribe with another page.
    page.join(ROOM, "user-7").await;
    page.join("presence-elsewhere", "one-more").await;
}
