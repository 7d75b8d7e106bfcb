//! A provider in changeable weather: what it does with a call is drawn by lot, from a seed.
//!
//! The lot of a call depends on the seed, its first event and how often that came, so it is the
//! same however calls of different lanes interleave.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::provider::{Action, ReceivedRequest, ok, respond, response};

/// A seed that is told when the test fails. `MATCHCAST_SEED` sets it.
pub struct Seed(pub u64);

impl Seed {
    pub fn new() -> Self {
        let given = std::env::var("MATCHCAST_SEED").ok().and_then(|text| text.parse().ok());
        Self(given.unwrap_or_else(rand::random))
    }

    /// Random numbers that follow from it; each `use_for` has its own.
    pub fn numbers(&self, use_for: u64) -> StdRng {
        StdRng::seed_from_u64(self.0 ^ use_for)
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "to repeat it: MATCHCAST_SEED={}", self.0);
        }
    }
}

/// What may happen to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lot {
    Good,
    Slow,
    Down,
    Busy,
    Reset,
    /// Accepted, and the connection breaks off within the answer.
    HalfAnAnswer,
    /// Accepted, and the connection breaks off before the answer.
    NoAnswer,
    /// Accepted, and no answer comes before the caller gives up.
    TooLate,
}

/// Each lot with its share of the calls that may have one of their own, in percent.
const SHARES: [(Lot, u32); 8] = [
    (Lot::Good, 50),
    (Lot::Slow, 12),
    (Lot::Down, 10),
    (Lot::Busy, 10),
    (Lot::Reset, 6),
    (Lot::HalfAnAnswer, 5),
    (Lot::NoAnswer, 5),
    (Lot::TooLate, 2),
];

/// How long a slow answer takes.
const SLOW: Duration = Duration::from_millis(15);

pub struct FaultInjection {
    seed: u64,
    /// How often a call began with this event.
    attempts: BTreeMap<(String, String), u64>,
}

impl FaultInjection {
    pub fn new(seed: &Seed) -> Self {
        Self { seed: seed.0, attempts: BTreeMap::new() }
    }

    /// Draws for this call. What asks for the channels is answered.
    pub fn action_for(&mut self, call: &ReceivedRequest) -> Action {
        let Some(first) = call.events.first() else { return Action::Respond(ok()) };
        let attempt = self.attempts.entry(first.key()).or_default();
        *attempt += 1;
        let text = format!("{} {} {attempt}", first.channel, first.event_id);
        let hash = text.bytes().fold(self.seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
        });
        match lot(StdRng::seed_from_u64(hash).random_range(0..100)) {
            Lot::Good => Action::Respond(ok()),
            Lot::Slow => Action::RespondAfter(SLOW, ok()),
            Lot::Down => respond("500 Internal Server Error", "oops"),
            Lot::Busy => {
                Action::Respond(response("429 Too Many Requests", &["Retry-After: 0"], "slow down"))
            }
            Lot::Reset => Action::Reset,
            Lot::HalfAnAnswer => Action::RespondAndClose("HTTP/1.1 200 O".to_owned()),
            Lot::NoAnswer => Action::AcceptAndReset,
            Lot::TooLate => Action::AcceptAndHang,
        }
    }
}

/// `percent` from 0 to 99.
fn lot(percent: u32) -> Lot {
    let mut rest = percent;
    for (lot, share) in SHARES {
        if rest < share {
            return lot;
        }
        rest -= share;
    }
    Lot::Good
}
