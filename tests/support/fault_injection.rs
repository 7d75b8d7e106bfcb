//! Random faults of the provider, reproducible from a seed.
//!
//! The fault of a request depends on the seed, the first event of the request and how often a
//! request began with that event. It does not depend on how requests of different lanes interleave.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::provider::{Action, ReceivedRequest, ok, respond, response};

/// A random seed, which is printed if the test fails. `MATCHCAST_SEED` sets it.
pub struct Seed(pub u64);

impl Seed {
    pub fn new() -> Self {
        let given = std::env::var("MATCHCAST_SEED").ok().and_then(|text| text.parse().ok());
        Self(given.unwrap_or_else(rand::random))
    }

    /// A generator of random numbers that depend on the seed only; each `stream` has its own.
    pub fn numbers(&self, stream: u64) -> StdRng {
        StdRng::seed_from_u64(self.0 ^ stream)
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "to repeat this test: MATCHCAST_SEED={}", self.0);
        }
    }
}

/// A fault in the handling of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    None,
    SlowResponse,
    ServerError,
    RateLimited,
    ConnectionReset,
    /// The events are accepted, and the connection closes in the middle of the response.
    TruncatedResponse,
    /// The events are accepted, and the connection is reset before the response.
    ResetAfterAccept,
    /// The events are accepted, and the client times out before there is a response.
    TimeoutAfterAccept,
}

/// The probability of each fault, in percent.
const PROBABILITIES: [(Fault, u32); 8] = [
    (Fault::None, 50),
    (Fault::SlowResponse, 12),
    (Fault::ServerError, 10),
    (Fault::RateLimited, 10),
    (Fault::ConnectionReset, 6),
    (Fault::TruncatedResponse, 5),
    (Fault::ResetAfterAccept, 5),
    (Fault::TimeoutAfterAccept, 2),
];

/// The delay of a slow response.
const SLOW: Duration = Duration::from_millis(15);

/// Chooses a fault for each request.
pub struct FaultInjection {
    seed: u64,
    /// How often a request began with each event (channel and id).
    attempts: BTreeMap<(String, String), u64>,
}

impl FaultInjection {
    pub fn new(seed: &Seed) -> Self {
        Self { seed: seed.0, attempts: BTreeMap::new() }
    }

    /// The provider's action for this request. A request without events always succeeds.
    pub fn action_for(&mut self, request: &ReceivedRequest) -> Action {
        let Some(first) = request.events.first() else { return Action::Respond(ok()) };
        let attempt = self.attempts.entry(first.key()).or_default();
        *attempt += 1;
        let text = format!("{} {} {attempt}", first.channel, first.event_id);
        let hash = text.bytes().fold(self.seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
        });
        match fault(StdRng::seed_from_u64(hash).random_range(0..100)) {
            Fault::None => Action::Respond(ok()),
            Fault::SlowResponse => Action::RespondAfter(SLOW, ok()),
            Fault::ServerError => respond("500 Internal Server Error", "oops"),
            Fault::RateLimited => {
                Action::Respond(response("429 Too Many Requests", &["Retry-After: 0"], "slow down"))
            }
            Fault::ConnectionReset => Action::Reset,
            Fault::TruncatedResponse => Action::RespondAndClose("HTTP/1.1 200 O".to_owned()),
            Fault::ResetAfterAccept => Action::AcceptAndReset,
            Fault::TimeoutAfterAccept => Action::AcceptAndHang,
        }
    }
}

/// The fault for a random number from 0 to 99.
fn fault(percent: u32) -> Fault {
    let mut rest = percent;
    for (fault, probability) in PROBABILITIES {
        if rest < probability {
            return fault;
        }
        rest -= probability;
    }
    Fault::None
}
