//! The events `order.matched` that are expected, and those that were heard.

use std::collections::HashMap;
use std::time::Instant;

use parking_lot::Mutex;
use serde::Serialize;

use super::latency::{Latencies, Summary};

/// A user and a trade: the user hears of the trade.
type Key = (i64, i64);

/// What is known so far. Shared by all tasks.
#[derive(Debug, Default)]
pub struct Expected(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// With the time of the answer that contained the trade, if there was one.
    expected: HashMap<Key, Option<Instant>>,
    /// With the time of the first event, and the number of events.
    heard: HashMap<Key, (Instant, u32)>,
}

/// All events of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EventFigures {
    pub expected: usize,
    /// Of the expected ones.
    pub heard: usize,
    pub missed: usize,
    /// Further events of a trade that was heard of before.
    pub repeated: u32,
    /// From the answer to the event; 0 if the event was faster. Trades that somebody else's order
    /// caused have no answer.
    pub after_answer: Summary,
}

impl Expected {
    /// A user takes part in a trade.
    pub fn expect(&self, user: i64, trade: i64, answered_at: Option<Instant>) {
        let mut known = self.0.lock();
        let time = known.expected.entry((user, trade)).or_default();
        *time = time.or(answered_at);
    }

    pub fn hear(&self, user: i64, trade: i64, at: Instant) {
        let mut known = self.0.lock();
        known.heard.entry((user, trade)).or_insert((at, 0)).1 += 1;
    }

    pub fn is_complete(&self) -> bool {
        let known = self.0.lock();
        known.expected.keys().all(|key| known.heard.contains_key(key))
    }

    pub fn figures(&self) -> EventFigures {
        let known = self.0.lock();
        let (mut heard, mut delays) = (0, Latencies::default());
        for (key, answered_at) in &known.expected {
            let Some((at, _)) = known.heard.get(key) else { continue };
            heard += 1;
            if let Some(answered_at) = answered_at {
                let delay = at.saturating_duration_since(*answered_at).as_micros();
                delays.add(i64::try_from(delay).unwrap_or(i64::MAX));
            }
        }
        EventFigures {
            expected: known.expected.len(),
            heard,
            missed: known.expected.len() - heard,
            repeated: known.heard.values().map(|(_, count)| count - 1).sum(),
            after_answer: delays.summary(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_are_heard_missed_or_repeated() {
        let (expected, start) = (Expected::default(), Instant::now());
        let after = |ms| start + Duration::from_millis(ms);
        assert!(expected.is_complete());
        expected.expect(1, 7, Some(after(10)));
        expected.expect(2, 7, None);
        expected.expect(2, 7, Some(after(10)));
        expected.expect(3, 9, None);
        // The event may be faster than the answer.
        expected.hear(1, 7, after(8));
        expected.hear(2, 7, after(14));
        expected.hear(2, 7, after(20));
        // Somebody else's trade.
        expected.hear(1, 8, after(20));
        assert!(!expected.is_complete());
        let figures = expected.figures();
        assert_eq!((figures.expected, figures.heard), (3, 2));
        assert_eq!((figures.missed, figures.repeated), (1, 1));
        assert_eq!(figures.after_answer.count, 2);
        assert_eq!(figures.after_answer.p50_ms, Some(0.0));
        assert_eq!(figures.after_answer.max_ms, Some(4.0));
        expected.hear(3, 9, after(30));
        assert!(expected.is_complete());
    }
}
