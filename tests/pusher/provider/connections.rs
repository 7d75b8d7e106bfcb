//! Opening, keeping and closing connections, and their limits.

use std::time::{Duration, Instant};

use matchcast::provider::Limits;
use matchcast::pusher::OutgoingEvent;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use super::Server;
use super::page::{DEADLINE, Page, Received, data_of};
use crate::credentials;

#[tokio::test]
async fn a_new_connection_receives_its_id_and_the_activity_timeout() {
    let server = Server::start().await;
    for protocol in ["5", "6", "7"] {
        let target = format!("/app/{}?protocol={protocol}", credentials().key());
        let message = Page::open_at(&server, &target).await.message().await;
        assert_eq!(message["event"], "pusher:connection_established", "{protocol}");
        assert_eq!(data_of(&message)["activity_timeout"], 120);
    }
    let (one, other) = (Page::open(&server).await, Page::open(&server).await);
    assert_ne!(one.socket_id, other.socket_id);
}

#[tokio::test]
async fn a_refused_connection_receives_the_reason() {
    let server = Server::start().await;
    let key = credentials().key().to_owned();
    for (target, code) in [
        ("/app/unknown?protocol=7".to_owned(), 4001),
        (format!("/app/{key}x?protocol=7"), 4001),
        (format!("/app/{key}"), 4008),
        (format!("/app/{key}?protocol=seven"), 4006),
        (format!("/app/{key}?protocol=4"), 4007),
        (format!("/app/{key}?protocol=8"), 4007),
    ] {
        Page::open_at(&server, &target).await.expect_closed(code).await;
    }
}

#[tokio::test]
async fn pings_are_answered() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    page.send(json!({"event": "pusher:ping", "data": {}})).await;
    assert_eq!(page.message().await, json!({"event": "pusher:pong", "data": "{}"}));
    page.send_ping().await;
    assert_eq!(page.receive().await, Received::Pong);
}

#[tokio::test]
async fn a_client_that_closes_gets_a_close_frame() {
    let server = Server::start().await;
    for (sent, received) in [(Some(CloseCode::Normal), 1000), (Some(CloseCode::Away), 1001)] {
        let mut page = Page::open(&server).await;
        let frame = sent.map(|code| CloseFrame { code, reason: "".into() });
        page.send_raw(Message::Close(frame)).await;
        assert_eq!(page.receive().await, Received::Closed(received));
    }
}

fn impatient() -> Limits {
    let timeout = Duration::from_millis(100);
    Limits { ping_interval: timeout, pong_timeout: timeout, ..Limits::default() }
}

#[test]
fn a_silent_connection_is_pinged_before_nginx_closes_it() {
    // `proxy_read_timeout` and `proxy_send_timeout` of nginx, if they are not set.
    let proxy_timeout = Duration::from_secs(60);
    let margin = Duration::from_secs(10);
    assert!(Limits::default().ping_interval + margin <= proxy_timeout);
}

#[tokio::test]
async fn a_silent_connection_is_pinged_and_then_closed() {
    let server = Server::start_with(impatient()).await;
    let mut page = Page::open(&server).await;
    assert_eq!(page.message().await, json!({"event": "pusher:ping", "data": "{}"}));
    page.expect_closed(4201).await;
}

#[tokio::test]
async fn a_page_that_responds_to_pings_stays_connected() {
    // The timeout for the response is long, because the machine may be busy.
    let limits = Limits { pong_timeout: DEADLINE, ..impatient() };
    let server = Server::start_with(limits).await;
    let mut page = Page::open(&server).await;
    for _ in 0..4 {
        assert_eq!(page.message().await["event"], "pusher:ping");
        page.send(json!({"event": "pusher:pong"})).await;
    }
    assert_eq!(page.message().await["event"], "pusher:ping");
}

#[tokio::test]
async fn a_malformed_message_gets_an_error_and_keeps_the_connection() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    for text in [
        "",
        "nonsense",
        "[]",
        "{}",
        r#"{"event":7}"#,
        r#"{"event":"pusher:subscribe"}"#,
        r#"{"event":"pusher:subscribe","data":{"channel":7}}"#,
        r#"{"event":"pusher:unsubscribe","data":"x"}"#,
        r#"{"event":"pusher:signin","data":{}}"#,
        r#"{"event":"pusher:unknown","data":{}}"#,
        &"[".repeat(10_000),
    ] {
        page.send_raw(Message::text(text)).await;
        page.expect_error(None).await;
    }
    page.subscribe("orders").await;
}

#[tokio::test]
async fn a_binary_or_oversized_message_closes_the_connection() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    page.send_raw(Message::binary(b"{}".as_slice())).await;
    assert_eq!(page.receive().await, Received::Closed(1003));

    let mut page = Page::open(&server).await;
    page.send_raw(Message::text("x".repeat(32 * 1024 + 1))).await;
    assert_eq!(page.receive().await, Received::Closed(1009));

    // The same in fragments, each within the limit.
    let mut page = Page::open(&server).await;
    let piece = vec![b'x'; 20 * 1024];
    let first = Frame::message(piece.clone(), OpCode::Data(Data::Text), false);
    let last = Frame::message(piece, OpCode::Data(Data::Continue), true);
    page.send_raw(Message::Frame(first)).await;
    page.send_raw(Message::Frame(last)).await;
    assert_eq!(page.receive().await, Received::Closed(1009));
}

#[tokio::test]
async fn the_number_of_connections_is_limited() {
    let server = Server::start_with(Limits { connections: 2, ..Limits::default() }).await;
    let target = format!("/app/{}?protocol=7", credentials().key());
    let first = Page::open(&server).await;
    let _second = Page::open(&server).await;
    Page::open_at(&server, &target).await.expect_closed(4100).await;

    first.close().await;
    let start = Instant::now();
    while Page::open_at(&server, &target).await.message().await["event"] == "pusher:error" {
        assert!(start.elapsed() < DEADLINE, "a closed connection still counts");
    }
}

#[tokio::test]
async fn the_number_of_connections_from_one_address_is_limited() {
    let limits = Limits { connections_per_address: 2, ..Limits::default() };
    let server = Server::start_with(limits).await;
    let target = format!("/app/{}?protocol=7", credentials().key());
    let first = Page::open(&server).await;
    let _second = Page::open(&server).await;
    let mut third = Page::open_at(&server, &target).await;
    let error = third.message().await;
    assert!(error.to_string().contains("from this address"), "{error}");
    assert_eq!(third.receive().await, Received::Closed(4100));

    first.close().await;
    let start = Instant::now();
    while Page::open_at(&server, &target).await.message().await["event"] == "pusher:error" {
        assert!(start.elapsed() < DEADLINE, "a closed connection still counts");
    }
}

#[tokio::test]
async fn a_page_that_pings_and_never_reads_loses_its_socket() {
    let limits = Limits { write_timeout: Duration::from_millis(500), ..Limits::default() };
    let server = Server::start_with(limits).await;
    let mut page = Page::open(&server).await;
    // The answers fill all buffers, and then the server stops reading.
    let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[b'x'; 125]].concat();
    let pings = ping.repeat(1_000);
    let start = Instant::now();
    while page.try_send_bytes(&pings).await {
        assert!(start.elapsed() < DEADLINE, "the server reads on");
    }
}

#[tokio::test]
async fn closing_all_connections_lets_the_server_stop_at_once() {
    let server = Server::start().await;
    let mut pages = Vec::new();
    for _ in 0..5 {
        pages.push(Page::open(&server).await);
    }
    server.provider.close_all().await;
    for page in &mut pages {
        page.expect_closed(4100).await;
    }
    let target = format!("/app/{}?protocol=7", credentials().key());
    Page::open_at(&server, &target).await.expect_closed(4100).await;
    drop(pages);

    let start = Instant::now();
    server.stop().await;
    // A graceful shutdown waits 30 seconds for open connections.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_page_that_does_not_read_is_disconnected_and_delays_nobody() {
    let limits = Limits { outgoing_messages: 16, ..Limits::default() };
    let server = Server::start_with(limits).await;
    let mut sleeper = Page::open(&server).await;
    sleeper.subscribe("loud").await;
    let mut reader = Page::open(&server).await;
    reader.subscribe("quiet").await;

    // Far more than the buffers in between can hold, in less time than a write may take: the full
    // queue disconnects the page.
    let data = json!("x".repeat(10_000)).to_string();
    let event = OutgoingEvent { name: "noise", channel: "loud", data: &data, socket_id: None };
    let mut batches = 0;
    while server.backend.channels().await.unwrap() != ["quiet"] {
        server.backend.publish(&[event; 10]).await;
        batches += 1;
        assert!(batches < 400, "the page is never disconnected");
    }
    server.publish("quiet", "still", "1").await;
    assert_eq!(reader.expect("still", "quiet").await, 1);
}
