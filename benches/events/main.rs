//! Events per second, and how late they are, in one run on one machine.
//!
//! Three parts, all of `order.matched`. `embedded`: orders over HTTP, and real WebSockets that hear
//! of their trades from the embedded provider. `sdk`: a provider on this machine that needs 50 ms
//! for each call, and events that the official SDK for Node publishes there, in the ways in which
//! it is usually called. `provider`: the same, and then what matchcast publishes there: from a full
//! outbox with sixteen lanes (the default), with more and with fewer, and while trades go on.
//!
//! The SDK's `trigger`, awaited one at a time, is what everything is compared with. Nothing is
//! counted that was not checked: every event has arrived, once and in the order of its channel,
//! and the books are audited.
//!
//! `cargo bench --bench events -- embedded` runs one part. SECONDS_EACH bounds each measurement
//! that could go on for ever, EVENTS says how many wait in the full outbox, TEST_DATABASE_URL names
//! PostgreSQL.

#![expect(clippy::print_stdout, reason = "the figures are the output")]

mod backlog;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/support/database.rs"]
mod database;
mod embedded;
mod heard;
mod latency;
mod load;
mod page;
mod provider;
mod sdk;
#[allow(dead_code, reason = "the other benchmarks need more of it")]
#[path = "../common/server.rs"]
mod server;
#[path = "../common/setup.rs"]
mod setup;
mod slow;

use std::time::Duration;

use database::Database;

/// How many lanes there are in most installations.
const USUAL_LANES: usize = 16;
/// Fewer have less to do, so that they need no more time; more have no more.
const LANES: [usize; 4] = [USUAL_LANES, 64, 8, 1];

/// Its name, and how to make an empty one.
type Kind = (&'static str, fn() -> Database);

/// The databases to measure. PostgreSQL where there is one; `make bench` sees to that.
fn databases() -> Vec<Kind> {
    let mut all: Vec<Kind> = vec![("sqlite", Database::sqlite)];
    if std::env::var_os("TEST_DATABASE_URL").is_some() {
        all.insert(0, ("postgres", Database::postgres));
    }
    all
}

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn main() {
    let part = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let duration = Duration::from_secs(number("SECONDS_EACH", 5).try_into().expect("seconds"));
    // Each is an event for its buyer and one for its seller.
    let trades = number("EVENTS", 20_000) / 2;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if wanted("embedded") {
        for (name, make) in databases() {
            runtime.block_on(embedded::measure(name, &make(), duration));
        }
    }
    let mut figures = slow::Figures::default();
    if wanted("sdk") || wanted("provider") {
        runtime.block_on(slow::measure_sdk(&mut figures, trades, duration));
    }
    if wanted("provider") {
        for (name, make) in databases() {
            for lanes in LANES {
                let trades = trades * lanes.min(USUAL_LANES) / USUAL_LANES;
                runtime.block_on(slow::measure_lanes(&mut figures, name, &make(), lanes, trades));
            }
            runtime.block_on(slow::measure_live(&mut figures, name, &make(), duration));
        }
    }
}
