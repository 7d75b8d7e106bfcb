//! How many client events a connection has sent in the last second.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::pusher::MAX_CLIENT_EVENTS_PER_SECOND;

const WINDOW: Duration = Duration::from_secs(1);

/// The times of the last events that were let through, at most as many as a second may have.
#[derive(Debug, Default)]
pub struct Rate(VecDeque<Instant>);

impl Rate {
    /// Whether one more event may pass at `now`; counts it when it may.
    ///
    /// `now` must not run backwards. What is refused does not count.
    pub fn take(&mut self, now: Instant) -> bool {
        while self.0.front().is_some_and(|then| now.duration_since(*then) >= WINDOW) {
            self.0.pop_front();
        }
        let may_pass = self.0.len() < MAX_CLIENT_EVENTS_PER_SECOND;
        if may_pass {
            self.0.push_back(now);
        }
        may_pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_second_has_ten_events_at_most() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut rate = Rate::default();
        for number in 0..10 {
            assert!(rate.take(at(number * 50)), "{number}");
        }
        assert!(!rate.take(at(460)));
        assert!(!rate.take(at(999)));
        assert!(rate.take(at(1_000)), "the first has left the window");
        assert!(!rate.take(at(1_049)));
        assert!(rate.take(at(1_050)), "the second has left the window");
    }
}
