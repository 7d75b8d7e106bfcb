//! A provider that needs 50 ms for each call: what reaches it in a second, from the official SDK
//! and from matchcast.

use std::time::{Duration, Instant};

use crate::backlog;
use crate::database::Database;
use crate::embedded::ORDER_MATCHED_ALONE;
use crate::heard::{self, Heard};
use crate::latency;
use crate::load;
use crate::provider::{self, Calls, Provider};
use crate::sdk::{self, Published};
use crate::server::Server;
use crate::setup;

/// How the SDK is called, as it is printed and as the script names it. The first one is what
/// everything is compared with.
const WAYS: [(&str, &str); 5] = [
    ("trigger, awaited", "awaited"),
    ("triggerBatch of 10, awaited", "batchesAwaited"),
    ("trigger, all at once", "allAtOnce"),
    ("trigger, all at once, keep-alive", "allAtOnceKeptAlive"),
    ("trigger, awaited per channel, keep-alive", "awaitedPerChannel"),
];
/// Connections that place orders, and how often they trade, while events are published.
const CONNECTIONS: u32 = 64;
const TRADES_PER_SECOND: u32 = 1_000;

/// What is remembered for the ratios.
#[derive(Default)]
pub struct Figures {
    trigger_awaited: Option<f64>,
}

impl Figures {
    /// All of this was heard in `elapsed`.
    fn report(&mut self, sender: &str, calls: &Calls, heard: &[Heard], elapsed: Duration) {
        let per_second = heard.len() as f64 / elapsed.as_secs_f64();
        let compared_with = *self.trigger_awaited.get_or_insert(per_second);
        println!(
            "provider_50ms sender=\"{sender}\"{:padding$} events={:<6} \
             events_per_second={per_second:<6.0} ratio_to_trigger={:<6.1} calls={:<6} \
             at_once={:<6} connections={:<6} racing={:<6} out_of_order={}",
            "",
            heard.len(),
            per_second / compared_with,
            calls.count,
            calls.most_at_once,
            calls.connections,
            calls.racing,
            heard::out_of_order(heard),
            padding = 46_usize.saturating_sub(sender.len()),
        );
    }
}

/// The SDK, in each way.
pub async fn measure_sdk(figures: &mut Figures, trades: usize, duration: Duration) {
    let database = Database::sqlite();
    backlog::fill(&database, trades).await;
    let events = backlog::events(&database);
    for (words, way) in WAYS {
        let provider = Provider::start();
        let published = sdk::publish(provider.port, way, &events, duration).await;
        let Published { accepted, failed, error, elapsed_ms } = published;
        let heard = provider.heard(accepted).await;
        let elapsed = Duration::from_secs_f64(elapsed_ms / 1_000.0);
        figures.report(&format!("sdk: {words}"), &provider.calls(), &heard, elapsed);
        if let Some(error) = error {
            println!("provider_50ms failed={failed} error=\"{error}\"");
        }
    }
}

/// matchcast, from a full outbox.
pub async fn measure_lanes(
    figures: &mut Figures,
    name: &str,
    database: &Database,
    lanes: usize,
    trades: usize,
) {
    let events = backlog::fill(database, trades).await;
    let provider = Provider::start();
    let server = start(database, &provider, &[("MATCHCAST__PUBLISHER__LANES", &lanes.to_string())]);
    let started = Instant::now();
    let heard = provider.heard(events).await;
    check(database, &provider, &heard).await;
    drop(server);
    let calls = provider.calls();
    let sender = format!("matchcast: {name}, lanes {lanes}");
    figures.report(&sender, &calls, &heard, calls.elapsed_since(started));
}

/// matchcast, while trades go on.
pub async fn measure_live(
    figures: &mut Figures,
    name: &str,
    database: &Database,
    duration: Duration,
) {
    setup::prepare(database);
    let provider = Provider::start();
    let server = start(database, &provider, &[]);
    let started = Instant::now();
    let traded = load::at_rate(&server.address, CONNECTIONS, TRADES_PER_SECOND, duration).await;
    let heard = provider.heard(2 * traded.len()).await;
    check(database, &provider, &heard).await;
    drop(server);
    let sender = format!("matchcast: {name}, {TRADES_PER_SECOND} trades/s");
    let calls = provider.calls();
    figures.report(&sender, &calls, &heard, calls.elapsed_since(started));
    let load = format!("{TRADES_PER_SECOND}/s");
    latency::report("provider_50ms", name, &load, &traded, &heard);
}

/// A matchcast that publishes to this provider.
fn start(database: &Database, provider: &Provider, variables: &[(&str, &str)]) -> Server {
    let port = provider.port.to_string();
    let all = [
        ("BROADCAST_CONNECTION", "pusher"),
        ("PUSHER_HOST", "127.0.0.1"),
        ("PUSHER_PORT", &port),
        ("PUSHER_SCHEME", "http"),
    ];
    Server::start(database, &[&all[..], &provider::APP, &ORDER_MATCHED_ALONE, variables].concat())
}

async fn check(database: &Database, provider: &Provider, heard: &[Heard]) {
    heard::check(database, heard).await;
    assert_eq!(provider.calls().racing, 0, "a channel has one call at a time");
}
