//! Measures orders per second, in one run on one machine, each figure in turn with its peers.
//!
//! The workload is the one of benches/baseline: a thousand users, one price, one amount and a
//! random side, so that half of the orders trade on arrival. After each measurement the audit
//! verifies the accounts; a figure for wrong results would be worthless.
//!
//! The parts:
//!
//! - `engine`: typed requests in, committed results out; against one transaction per order
//!   (benches/baseline) and against the ceiling (ceiling.rs).
//! - `http`: the binary over 256 keep-alive connections, with events for nobody, with the embedded
//!   provider, and with idempotency keys.
//! - `distance`: the same with a database that is some milliseconds away.
//! - `reads`: reads while nothing changes, whole or confirmed with 304.
//! - `growth`: a database with a million open orders and a history, against an empty one.
//! - `process`: the memory and the start of the idle binary, and its size.
//! - `processes`: two processes against one, and two lanes of the engine against one.
//! - `memory`: the memory after each 100,000 of a million orders. Not part of a complete run.
//!
//! `cargo bench --bench orders -- PART` runs one part. benches/common/options.rs lists the
//! variables, TEST_DATABASE_URL is the PostgreSQL server.

#![expect(clippy::print_stdout, reason = "prints its measurements")]

mod baseline;
mod ceiling;
#[path = "../common/connection.rs"]
mod connection;
#[allow(dead_code, reason = "other parts are for the tests")]
#[path = "../../tests/support/database.rs"]
mod database;
#[path = "../common/databases.rs"]
mod databases;
mod distance;
mod engine;
#[path = "../common/environment.rs"]
mod environment;
mod growth;
mod http;
#[path = "../common/options.rs"]
mod options;
#[path = "../common/order_load.rs"]
mod order_load;
mod parts;
#[path = "../common/pgbench.rs"]
mod pgbench;
mod process;
mod processes;
#[path = "../common/read_load.rs"]
mod read_load;
mod reads;
#[path = "../common/recorder.rs"]
mod recorder;
#[path = "../common/relay.rs"]
mod relay;
#[path = "../common/server.rs"]
mod server;
#[path = "../common/setup.rs"]
mod setup;
#[path = "../common/sql.rs"]
mod sql;
mod steps;

use options::Options;

fn main() {
    let part = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let options = Options::from_env();
    match part.as_deref() {
        Some("engine") => parts::engine(options),
        Some("http") => parts::http(options),
        Some("distance") => distance::measure(options),
        Some("reads") => reads::measure(options),
        Some("growth") => growth::measure(options),
        Some("process") => process::measure(options),
        Some("processes") => processes::measure(options),
        Some("memory") => parts::memory(),
        other => panic!("no such part: {other:?}"),
    }
}
