//! Limits how many client events a connection may send per second.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::pusher::MAX_CLIENT_EVENTS_PER_SECOND;

const WINDOW: Duration = Duration::from_secs(1);

/// A sliding window: the times of the events accepted during the last second.
#[derive(Debug, Default)]
pub struct RateLimit(VecDeque<Instant>);

impl RateLimit {
    /// Whether one more event is allowed at `now`. Only allowed events count.
    ///
    /// `now` must not go backwards.
    pub fn allow(&mut self, now: Instant) -> bool {
        while self.0.front().is_some_and(|then| now.duration_since(*then) >= WINDOW) {
            self.0.pop_front();
        }
        let is_allowed = self.0.len() < MAX_CLIENT_EVENTS_PER_SECOND;
        if is_allowed {
            self.0.push_back(now);
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_ten_events_are_allowed_in_any_second() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut limit = RateLimit::default();
        for number in 0..10 {
            assert!(limit.allow(at(number * 50)), "{number}");
        }
        assert!(!limit.allow(at(460)));
        assert!(!limit.allow(at(999)));
        assert!(limit.allow(at(1_000)), "the first event has left the window");
        assert!(!limit.allow(at(1_049)));
        assert!(limit.allow(at(1_050)), "the second event has left the window");
    }
}
