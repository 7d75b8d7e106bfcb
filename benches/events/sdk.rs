//! The official Node SDK, in a process of its own.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use matchcast::events::EventKind;
use serde::Deserialize;
use serde_json::json;

use crate::provider::{APP_ID, KEY, SECRET};

/// An `order.matched`.
pub struct Event {
    pub channel: String,
    pub data: String,
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/events/publish.mjs");

/// The results of all calls, as reported by the script.
#[derive(Deserialize)]
pub struct Summary {
    /// Events of successful calls.
    pub accepted: usize,
    /// Events of failed calls.
    pub failed: usize,
    /// The error of the first failed call.
    pub error: Option<String>,
    /// From the first call to the last response.
    pub elapsed_ms: f64,
}

/// Publishes these events in order, in one of the script's modes. The modes that publish one call
/// at a time stop after `duration`.
pub async fn publish(port: u16, mode: &str, events: &[Event], duration: Duration) -> Summary {
    let tuple = |event: &Event| json!([event.channel, EventKind::OrderMatched.name(), event.data]);
    let input = json!({
        "app": {"host": "127.0.0.1", "port": port, "appId": APP_ID, "key": KEY, "secret": SECRET},
        "mode": mode,
        "duration_ms": u64::try_from(duration.as_millis()).expect("a short duration"),
        "events": events.iter().map(tuple).collect::<Vec<_>>(),
    });
    let process = tokio::task::spawn_blocking(move || {
        let mut child = Command::new("node")
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin.write_all(input.to_string().as_bytes()).expect("the script reads its input");
        drop(stdin);
        child.wait_with_output().expect("the script runs")
    });
    let output = process.await.expect("no panic");
    assert!(
        output.status.success(),
        "benches/events/publish.mjs failed; `make bench` installs the SDK"
    );
    serde_json::from_slice(&output.stdout).expect("a summary of the calls")
}
