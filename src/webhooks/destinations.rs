//! The endpoints as the dispatcher sees them: how many requests each has in flight, and which of
//! them pause because they fail.

use std::collections::HashMap;
use std::time::Instant;

use super::schedule;

/// The most requests to one endpoint at a time.
const MOST_IN_FLIGHT: usize = 8;

#[derive(Default)]
pub struct Destinations(HashMap<i64, Progress>);

#[derive(Default)]
struct Progress {
    /// The messages.
    in_flight: Vec<i64>,
    /// Failures since the last success, one per pause.
    failures: u32,
    paused_until: Option<Instant>,
}

impl Destinations {
    /// How many more messages may be sent to an endpoint now. While it fails it gets one at a time.
    pub fn room(&self, endpoint: i64, now: Instant) -> usize {
        let Some(progress) = self.0.get(&endpoint) else { return MOST_IN_FLIGHT };
        if progress.paused_until.is_some_and(|until| now < until) {
            return 0;
        }
        let most = if progress.failures == 0 { MOST_IN_FLIGHT } else { 1 };
        most.saturating_sub(progress.in_flight.len())
    }

    /// The messages of an endpoint that are in flight.
    pub fn in_flight(&self, endpoint: i64) -> Vec<i64> {
        self.0.get(&endpoint).map(|progress| progress.in_flight.clone()).unwrap_or_default()
    }

    pub fn begin(&mut self, endpoint: i64, message: i64) {
        self.0.entry(endpoint).or_default().in_flight.push(message);
    }

    /// Takes in the outcome of an attempt. Requests that fail together are one failure.
    pub fn end(&mut self, endpoint: i64, message: i64, has_failed: bool, now: Instant) {
        let progress = self.0.entry(endpoint).or_default();
        progress.in_flight.retain(|other| *other != message);
        if !has_failed {
            (progress.failures, progress.paused_until) = (0, None);
        } else if progress.paused_until.is_none_or(|until| until <= now) {
            progress.failures = progress.failures.saturating_add(1);
            progress.paused_until = Some(now + schedule::pause_after(progress.failures));
        }
    }

    /// When the next pause ends.
    pub fn next_end_of_pause(&self, now: Instant) -> Option<Instant> {
        self.0.values().filter_map(|progress| progress.paused_until).filter(|at| *at > now).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_endpoint_that_fails_pauses_and_is_then_tried_with_one_request() {
        let (mut destinations, now) = (Destinations::default(), Instant::now());
        assert_eq!(destinations.room(1, now), MOST_IN_FLIGHT);
        destinations.begin(1, 10);
        destinations.begin(1, 11);
        assert_eq!(destinations.room(1, now), MOST_IN_FLIGHT - 2);
        assert_eq!(destinations.in_flight(1), [10, 11]);
        destinations.end(1, 10, true, now);
        destinations.end(1, 11, true, now);
        assert_eq!((destinations.room(1, now), destinations.room(2, now)), (0, MOST_IN_FLIGHT));

        let first = destinations.next_end_of_pause(now).unwrap();
        assert!(first < now + Duration::from_secs(2), "both are one failure");
        assert_eq!(destinations.room(1, first), 1);
        destinations.begin(1, 10);
        assert_eq!(destinations.room(1, first), 0);
        destinations.end(1, 10, true, first);
        let second = destinations.next_end_of_pause(first).unwrap();
        assert!(second - first > first - now, "the pause grows");

        destinations.begin(1, 10);
        destinations.end(1, 10, false, second);
        assert_eq!(destinations.room(1, second), MOST_IN_FLIGHT);
        assert_eq!(destinations.next_end_of_pause(second), None);
    }
}
