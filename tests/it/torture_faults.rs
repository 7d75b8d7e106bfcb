//! Faults of the environment under load, against the real binary. Each test prints its figures in
//! one line, and ends with an audit. `make test` runs a short version of each; the long one, with
//! the default settings, is `scripts/torture.sh faults`.

use std::io::Write;
use std::time::Duration;

use crate::support::fault_injection::Seed;
use crate::support::figures::Observation;
use crate::support::process::Process;
use crate::support::rounds;

/// Shorter limits than the defaults, so that a short fault reaches each of them.
const SHORT_LIMITS: [(&str, &str); 4] = [
    ("MATCHCAST__DATABASE__TIMEOUT_MS", "1000"),
    ("MATCHCAST__DATABASE__BATCH_TIMEOUT_MS", "1500"),
    ("MATCHCAST__ENGINE__MAX_WAIT_MS", "1000"),
    ("MATCHCAST__HTTP__REQUEST_TIMEOUT_MS", "3000"),
];

pub type Variables = Vec<(&'static str, String)>;

/// Whether `MATCHCAST_TORTURE` asks for the long version.
pub fn is_long() -> bool {
    rounds(1) > 1
}

/// `short`, or `long` in the long version.
pub fn choose<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// The settings of a process that publishes nothing.
pub fn settings() -> Variables {
    let mut variables = vec![
        ("BROADCAST_CONNECTION", "null".to_owned()),
        // The clients of an observation leave many orders open.
        ("MATCHCAST__MARKET__MAX_OPEN_ORDERS", "0".to_owned()),
    ];
    if !is_long() {
        variables.extend(SHORT_LIMITS.map(|(name, value)| (name, value.to_owned())));
    }
    variables
}

/// Lets the fault last: longer than every limit in use.
pub async fn endure() {
    tokio::time::sleep(choose(Duration::from_secs(2), Duration::from_secs(25))).await;
}

/// Alice and Bob trade ETH, and Charlie trades BTC.
pub async fn observe(process: &Process, seed: &Seed) -> Observation {
    let clients = [process.log_in("alice").await, process.log_in("bob").await];
    let observation = Observation::start(seed, &clients, &process.log_in("charlie").await);
    observation.wait_for_success().await;
    observation
}

/// Says that this machine cannot produce a fault.
pub fn say_impossible(fault: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "fault {fault}: not possible on this machine: {reason}");
}
