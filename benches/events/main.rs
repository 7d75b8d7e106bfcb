//! Measures events per second and their latency, in one run on one machine.
//!
//! The parts, which publish `order.matched` if nothing else is said:
//!
//! - `channel`: `trade.executed` on the channel of one market, to a provider that takes 50 ms per
//!   request.
//! - `heard`: two processes that share a database and the channels, each of which trades.
//! - `storm`: a thousand pages that read after each of their events.
//! - `embedded`: orders over HTTP, and WebSocket clients that receive the trades from the embedded
//!   provider.
//! - `sdk`: a local provider that takes 50 ms per request, and the official Node SDK, called in
//!   several usual ways.
//! - `provider`: the same as `sdk`, then matchcast with the same provider: from a full outbox with
//!   16 lanes (the default), with more and with fewer lanes, and while orders trade.
//!
//! All ratios refer to the SDK's `trigger`, awaited one call at a time. Each run of matchcast is
//! checked: every event arrived exactly once and in the order of its channel, and the audit found
//! no errors.
//!
//! `cargo bench --bench events -- PART` runs one part. benches/common/options.rs lists the
//! variables, EVENTS is the number of events in the full outbox, TEST_DATABASE_URL is the
//! PostgreSQL server.

#![expect(clippy::print_stdout, reason = "prints its measurements")]

mod backlog;
mod channel;
#[path = "../common/connection.rs"]
mod connection;
#[allow(dead_code, reason = "other parts are for the tests")]
#[path = "../../tests/support/database.rs"]
mod database;
#[path = "../common/databases.rs"]
mod databases;
mod embedded;
#[path = "../common/environment.rs"]
mod environment;
mod heard;
mod latency;
mod load;
#[path = "../common/options.rs"]
mod options;
mod page;
mod provider;
mod received;
#[path = "../common/recorder.rs"]
mod recorder;
mod sdk;
#[allow(dead_code, reason = "other parts are for the other benchmark")]
#[path = "../common/server.rs"]
mod server;
#[path = "../common/setup.rs"]
mod setup;
mod storm;
mod subscriber;
mod throughput;

use options::Options;
use recorder::Recorder;

/// The default of `publisher.lanes`.
const DEFAULT_LANES: usize = 16;
/// With fewer lanes than the default, fewer events are measured, so that it takes no longer.
const LANES: [usize; 4] = [DEFAULT_LANES, 64, 8, 1];

fn main() {
    let part = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let options = Options::from_env();
    // Each trade has two events: one for its buyer and one for its seller.
    let trades = options::number("EVENTS", 20_000) / 2;
    let trades = usize::try_from(trades).expect("a small number");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match part.as_deref() {
        Some("channel") => runtime.block_on(channel::measure(options)),
        Some("heard") => runtime.block_on(heard::measure(options)),
        Some("storm") => storm::measure(options),
        Some("embedded") => {
            let mut recorder = Recorder::create("embedded");
            for repetition in 1..=options.repetitions {
                for (name, create) in databases::all() {
                    let (database, duration) = (create(), options.duration);
                    let measuring =
                        embedded::measure(&mut recorder, repetition, name, &database, duration);
                    runtime.block_on(measuring);
                }
            }
        }
        Some("sdk") => {
            let mut report = throughput::Report::create("sdk");
            runtime.block_on(throughput::measure_sdk(&mut report, trades, options.duration));
        }
        Some("provider") => runtime.block_on(provider_part(options, trades)),
        other => panic!("no such part: {other:?}"),
    }
}

async fn provider_part(options: Options, trades: usize) {
    let mut report = throughput::Report::create("provider");
    throughput::measure_sdk(&mut report, trades, options.duration).await;
    for (name, create) in databases::all() {
        for &lanes in options.size(&LANES[..], &LANES[..1]) {
            let trades = trades * lanes.min(DEFAULT_LANES) / DEFAULT_LANES;
            throughput::measure_lanes(&mut report, name, &create(), lanes, trades).await;
        }
        throughput::measure_live(&mut report, name, &create(), options.duration).await;
    }
}
