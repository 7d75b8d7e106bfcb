//! Requests and frames from outside, over real sockets: the embedded provider answers each of them,
//! and accepts no invalid event.

use std::time::{Duration, SystemTime};

use matchcast::pusher::{ChannelName, sign};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Server;
use super::page::Page;
use crate::credentials;
use crate::fuzz::{config_of_network, corpus, variants};

const BODIES: &str = include_str!("../../fixtures/fuzz/rest-bodies.json");
const MESSAGES: &str = include_str!("../../fixtures/fuzz/messages.json");
const DEADLINE: Duration = Duration::from_secs(20);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Whether a body that was accepted names an event and valid channels.
fn is_valid(body: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
    let events = match json["batch"].as_array() {
        Some(batch) => batch.clone(),
        None => vec![json],
    };
    events.iter().all(|event| {
        let channels = event["channels"].as_array().cloned().unwrap_or_default();
        let one = Some(&event["channel"]).filter(|channel| !channel.is_null());
        let mut all = channels.iter().chain(one).peekable();
        let is_channel = |name: &serde_json::Value| {
            name.as_str().is_some_and(|name| ChannelName::parse(name).is_ok())
        };
        event["name"].is_string() && all.peek().is_some() && all.all(is_channel)
    })
}

async fn post(http: &reqwest::Client, port: u16, path: &str, body: Vec<u8>) -> (u16, String) {
    let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let query = sign::signed_query(&credentials(), "POST", path, &[], &body, now_s);
    let url = format!("http://127.0.0.1:{port}{path}?{query}");
    let response = http.post(url).body(body).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[test]
fn a_signed_request_is_answered_and_accepted_only_if_it_is_valid() {
    let runtime = runtime();
    let server = runtime.block_on(Server::start());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut runner = TestRunner::new(config_of_network(40));
    let check = |body: Vec<u8>| {
        for path in ["/apps/3/events", "/apps/3/batch_events"] {
            let (status, text) = runtime.block_on(post(&http, server.port, path, body.clone()));
            prop_assert!((200..500).contains(&status), "{status} {text}");
            prop_assert!(status != 200 || is_valid(&body), "accepted: {text}");
        }
        Ok(())
    };
    for body in corpus(BODIES) {
        check(body.into_bytes()).unwrap();
    }
    runner.run(&variants(BODIES), check).unwrap();
    runtime.block_on(server.stop());
}

/// A frame with a mask of zeros; its first byte and length may not fit its payload.
fn frame(first: u8, len: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = len.to_be_bytes();
    [&[first, 0xfe, high, low, 0, 0, 0, 0], payload].concat()
}

/// Sends bytes on a new connection and reads until the provider closes it.
async fn exchange(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let key = credentials().key().to_owned();
    let upgrade = format!(
        "GET /app/{key}?protocol=7 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    // The provider may have closed the connection already.
    let _ = stream.write_all(bytes).await;
    // A complete close frame, so that the connection ends.
    let _ = stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    // A reset also ends the connection.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("it ends in time");
    answer
}

#[test]
fn frames_of_any_kind_end_their_own_connection_only() {
    let runtime = runtime();
    let server = runtime.block_on(Server::start());
    let mut page = runtime.block_on(Page::open(&server));
    let mut runner = TestRunner::new(config_of_network(30));
    let first = prop_oneof![4 => Just(0x81_u8), 1 => any::<u8>()];
    let excess = prop_oneof![4 => Just(0_u16), 1 => any::<u16>()];
    let frames = proptest::collection::vec((first, excess, variants(MESSAGES)), 1..4);
    let check = |frames: Vec<(u8, u16, Vec<u8>)>| {
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(first, excess, payload)| {
                let len = u16::try_from(payload.len()).unwrap_or(u16::MAX);
                frame(*first, len.saturating_add(*excess), payload)
            })
            .collect();
        let answer = runtime.block_on(exchange(server.port, &bytes));
        prop_assert!(answer.starts_with(b"HTTP/1.1 101 "), "{answer:?}");
        Ok(())
    };
    for text in corpus(MESSAGES) {
        check(vec![(0x81, 0, text.into_bytes())]).unwrap();
    }
    runner.run(&frames, check).unwrap();
    runtime.block_on(async {
        page.send(serde_json::json!({ "event": "pusher:ping", "data": {} })).await;
        assert_eq!(page.message().await["event"], "pusher:pong");
        server.stop().await;
    });
}
