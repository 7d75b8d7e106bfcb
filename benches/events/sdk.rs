//! The official SDK for Node in a process of its own, as programs call it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use matchcast::events::EventKind;
use serde::Deserialize;
use serde_json::json;

use crate::provider::{APP_ID, KEY, SECRET};

/// One `order.matched`.
pub struct Event {
    pub channel: String,
    pub data: String,
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/events/publish.mjs");

/// What became of the calls, as the SDK says.
#[derive(Deserialize)]
pub struct Published {
    /// Events whose calls were answered with success.
    pub accepted: usize,
    pub failed: usize,
    /// Of the first call that failed.
    pub error: Option<String>,
    /// From the first call to the last answer.
    pub elapsed_ms: f64,
}

/// Publishes these events in their order; `way` is one of the script's, which stops at the latest
/// after `duration` where it goes on one by one.
pub async fn publish(port: u16, way: &str, events: &[Event], duration: Duration) -> Published {
    let of = |event: &Event| json!([event.channel, EventKind::OrderMatched.name(), event.data]);
    let task = json!({
        "app": {"host": "127.0.0.1", "port": port, "appId": APP_ID, "key": KEY, "secret": SECRET},
        "way": way,
        "ms": u64::try_from(duration.as_millis()).expect("few"),
        "events": events.iter().map(of).collect::<Vec<_>>(),
    });
    let running = tokio::task::spawn_blocking(move || {
        let mut child = Command::new("node")
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node starts");
        let mut input = child.stdin.take().expect("it was asked for");
        input.write_all(task.to_string().as_bytes()).expect("the script reads");
        drop(input);
        child.wait_with_output().expect("the script runs")
    });
    let output = running.await.expect("no panic");
    assert!(output.status.success(), "benches/events/publish.mjs; make bench installs the SDK");
    serde_json::from_slice(&output.stdout).expect("an account of the calls")
}
