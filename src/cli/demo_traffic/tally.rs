//! What became of the requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;

use super::latency::Latencies;

/// What the server said about a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The order rests in the book, unfilled.
    Rested,
    /// It rests, and a part of it is filled.
    PartlyFilled,
    Filled,
    /// It is immediate or cancel, and a part of it or all of it found no match.
    Ended,
    /// The code of an error.
    Refused(String),
    /// There was no answer, or one that says that the outcome is unknown.
    Unanswered,
    /// The order was cancelled on request.
    Cancelled,
    /// It was not open any more when it was to be cancelled.
    NotOpen,
}

impl Outcome {
    pub fn name(&self) -> String {
        match self {
            Self::Rested => "rested".to_owned(),
            Self::PartlyFilled => "partly filled".to_owned(),
            Self::Filled => "filled".to_owned(),
            Self::Ended => "ended, not all filled".to_owned(),
            Self::Refused(code) => format!("refused: {code}"),
            Self::Unanswered => "no answer".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
            Self::NotOpen => "cancelled too late".to_owned(),
        }
    }

    /// Whether a request to place an order has it.
    pub fn is_of_order(&self) -> bool {
        !matches!(self, Self::Cancelled | Self::NotOpen)
    }

    /// Whether there is an order.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Rested | Self::PartlyFilled | Self::Filled | Self::Ended)
    }
}

/// An order that the server has acknowledged, or may have executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// Its user, by position.
    pub participant: usize,
    pub client_order_id: String,
}

/// What is known so far. Shared by all tasks.
#[derive(Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Clone, Default)]
pub struct Counts {
    pub latencies: BTreeMap<Outcome, Latencies>,
    /// The acknowledged orders of each user, by position.
    pub acknowledged: BTreeMap<usize, BTreeSet<i64>>,
    /// Orders whose requests have no answer.
    pub unclear: Vec<Unclear>,
    pub trades: BTreeSet<i64>,
    /// Acknowledged orders that the server does not list.
    pub lost: usize,
    /// Orders of which cannot be found out whether they were executed.
    pub unknown: usize,
    /// What went wrong after the last order, each once.
    pub problems: BTreeSet<String>,
}

impl Tally {
    pub fn add(&self, outcome: Outcome, latency: Duration) {
        let micros = i64::try_from(latency.as_micros()).unwrap_or(i64::MAX);
        self.0.lock().latencies.entry(outcome).or_default().add(micros);
    }

    pub fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock());
    }

    /// Remembers what went wrong.
    pub fn note_problem(&self, problem: String) {
        self.0.lock().problems.insert(problem);
    }

    pub fn counts(&self) -> Counts {
        self.0.lock().clone()
    }
}
