//! Measures events per second and their latency, in one run on one machine.
//!
//! There are three parts; all of them publish `order.matched`:
//!
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
//! `cargo bench --bench events -- embedded` runs one part. SECONDS_EACH limits each measurement
//! without a fixed amount of work, EVENTS is the number of events in the full outbox,
//! TEST_DATABASE_URL is the PostgreSQL server.

#![expect(clippy::print_stdout, reason = "prints its measurements")]

mod backlog;
#[allow(dead_code, reason = "other parts are for the tests")]
#[path = "../../tests/support/database.rs"]
mod database;
#[path = "../common/databases.rs"]
mod databases;
mod embedded;
mod latency;
mod load;
mod provider;
mod received;
mod sdk;
#[allow(dead_code, reason = "other parts are for the other benchmark")]
#[path = "../common/server.rs"]
mod server;
#[path = "../common/setup.rs"]
mod setup;
mod subscriber;
mod throughput;

use std::time::Duration;

/// The default of `publisher.lanes`.
const DEFAULT_LANES: usize = 16;
/// With fewer lanes than the default, fewer events are measured, so that it takes no longer.
const LANES: [usize; 4] = [DEFAULT_LANES, 64, 8, 1];

fn number_from_env(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let part = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let runs = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let duration = Duration::from_secs(
        number_from_env("SECONDS_EACH", 5).try_into().expect("a number of seconds"),
    );
    // Each trade has two events: one for its buyer and one for its seller.
    let trades = number_from_env("EVENTS", 20_000) / 2;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if runs("embedded") {
        for (name, create) in databases::all() {
            runtime.block_on(embedded::measure(name, &create(), duration));
        }
    }
    let mut report = throughput::Report::default();
    if runs("sdk") || runs("provider") {
        runtime.block_on(throughput::measure_sdk(&mut report, trades, duration));
    }
    if runs("provider") {
        for (name, create) in databases::all() {
            for lanes in LANES {
                let trades = trades * lanes.min(DEFAULT_LANES) / DEFAULT_LANES;
                runtime.block_on(throughput::measure_lanes(
                    &mut report,
                    name,
                    &create(),
                    lanes,
                    trades,
                ));
            }
            runtime.block_on(throughput::measure_live(&mut report, name, &create(), duration));
        }
    }
}
