//! Measures how many events per second reach a provider that takes 50 ms per request, from the
//! official SDK and from matchcast.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::backlog;
use crate::database::Database;
use crate::latency;
use crate::load;
use crate::provider::{self, Provider, RequestStats};
use crate::received::{self, ReceivedEvent};
use crate::recorder::Recorder;
use crate::sdk::{self, Summary};
use crate::server::Server;
use crate::setup;

/// The ways to call the SDK: label, mode of the script. The report compares all with the first one.
const SDK_MODES: [(&str, &str); 5] = [
    ("trigger, awaited", "awaited"),
    ("triggerBatch of 10, awaited", "batchesAwaited"),
    ("trigger, concurrent", "concurrent"),
    ("trigger, concurrent, keep-alive", "concurrentKeepAlive"),
    ("trigger, awaited per channel, keep-alive", "awaitedPerChannel"),
];
/// Connections that place orders while events are published, and their total rate of trades.
const CONNECTIONS: u32 = 64;
const TRADES_PER_SECOND: u32 = 1_000;

/// Records the measurements.
pub struct Report {
    pub recorder: Recorder,
}

impl Report {
    pub fn create(part: &str) -> Self {
        Self { recorder: Recorder::create(part) }
    }

    fn record(
        &mut self,
        sender: &str,
        stats: &RequestStats,
        received: &[ReceivedEvent],
        elapsed: Duration,
    ) {
        let per_second = received.len() as f64 / elapsed.as_secs_f64();
        let values = [
            ("events_per_second", per_second),
            ("requests", stats.count as f64),
            ("max_concurrent", stats.max_concurrent as f64),
            ("connections", stats.connections as f64),
            ("racing", stats.racing as f64),
            ("out_of_order", received::out_of_order(received) as f64),
        ];
        for (name, value) in values {
            self.recorder.record(name, json!({ "sender": sender }), 1, value);
        }
    }
}

/// Measures the SDK in each mode.
pub async fn measure_sdk(report: &mut Report, trades: usize, duration: Duration) {
    let database = Database::sqlite();
    backlog::fill(&database, trades).await;
    let events = backlog::events(&database);
    for (label, mode) in SDK_MODES {
        let provider = Provider::start();
        let summary = sdk::publish(provider.port, mode, &events, duration).await;
        let Summary { accepted, failed, error, elapsed_ms } = summary;
        let received = provider.received(accepted).await;
        let elapsed = Duration::from_secs_f64(elapsed_ms / 1_000.0);
        report.record(&format!("sdk: {label}"), &provider.stats(), &received, elapsed);
        report.recorder.record(
            "failed",
            json!({ "sender": format!("sdk: {label}") }),
            1,
            failed as f64,
        );
        if let Some(error) = error {
            println!("failed: {error}");
        }
    }
}

/// Measures matchcast with a full outbox and this number of lanes.
pub async fn measure_lanes(
    report: &mut Report,
    name: &str,
    database: &Database,
    lanes: usize,
    trades: usize,
) {
    let events = backlog::fill(database, trades).await;
    let provider = Provider::start();
    let server = start(database, &provider, &[("MATCHCAST__PUBLISHER__LANES", &lanes.to_string())]);
    let started = Instant::now();
    let received = provider.received(events).await;
    check(database, &provider, &received).await;
    drop(server);
    let stats = provider.stats();
    let sender = format!("matchcast: {name}, lanes {lanes}");
    report.record(&sender, &stats, &received, stats.elapsed_since(started));
}

/// Measures matchcast while orders trade at a fixed rate.
pub async fn measure_live(
    report: &mut Report,
    name: &str,
    database: &Database,
    duration: Duration,
) {
    setup::prepare(database);
    let provider = Provider::start();
    let server = start(database, &provider, &[]);
    let started = Instant::now();
    let orders = load::at_rate(&server.address, CONNECTIONS, TRADES_PER_SECOND, duration).await;
    let received = provider.received(2 * orders.len()).await;
    check(database, &provider, &received).await;
    drop(server);
    let sender = format!("matchcast: {name}, {TRADES_PER_SECOND} trades/s");
    let stats = provider.stats();
    report.record(&sender, &stats, &received, stats.elapsed_since(started));
    let parameters = json!({ "database": name, "load": format!("{TRADES_PER_SECOND}/s") });
    latency::record(&mut report.recorder, &parameters, 1, &orders, &received);
}

/// Starts a matchcast that publishes to this provider.
fn start(database: &Database, provider: &Provider, variables: &[(&str, &str)]) -> Server {
    let port = provider.port.to_string();
    Server::start(database, &[&provider::variables(&port)[..], variables].concat())
}

async fn check(database: &Database, provider: &Provider, received: &[ReceivedEvent]) {
    received::check(database, received).await;
    assert_eq!(provider.stats().racing, 0, "a channel has one request at a time");
}
