//! The circuit breaker: whether a request to the provider may start now.
//!
//! All lanes share one breaker, because they send to one destination. It is closed while requests
//! succeed, and any number of them may be in flight. A failure opens it for the time that the
//! backoff gives. Then it is half-open: one request goes out as a probe, and its outcome closes the
//! breaker or opens it again. Requests that were started before the breaker opened do not count:
//! lanes that fail at the same moment are one failure.
//!
//! The breaker reads no clock and draws no random number; both are arguments.

use std::time::{Duration, Instant};

use super::backoff::Backoff;

/// One circuit breaker.
pub struct CircuitBreaker {
    state: State,
    generation: Generation,
    backoff: Backoff,
    /// The wait while the provider refuses every request.
    hold: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// The probe is in flight.
    HalfOpen,
}

/// How often the breaker had opened when a request was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u64);

/// What the breaker allows now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Any number of requests.
    Unlimited,
    /// One request, the probe.
    Probe,
    /// None until this time.
    NoneUntil(Instant),
    /// None until the probe has an outcome.
    NoneDuringProbe,
}

impl Permit {
    /// Whether a request may start.
    pub fn is_granted(self) -> bool {
        matches!(self, Self::Unlimited | Self::Probe)
    }
}

impl CircuitBreaker {
    /// A closed breaker.
    pub fn new(backoff: Backoff, hold: Duration) -> Self {
        Self { state: State::Closed, generation: Generation(0), backoff, hold }
    }

    pub fn permit(&self, now: Instant) -> Permit {
        match self.state {
            State::Closed => Permit::Unlimited,
            State::Open { until } if until <= now => Permit::Probe,
            State::Open { until } => Permit::NoneUntil(until),
            State::HalfOpen => Permit::NoneDuringProbe,
        }
    }

    /// Notes that a request starts. The generation belongs to its outcome.
    ///
    /// # Panics
    /// If no request may start now.
    pub fn start_request(&mut self, now: Instant) -> Generation {
        assert!(self.permit(now).is_granted(), "a request started without a permit");
        if self.state != State::Closed {
            self.state = State::HalfOpen;
        }
        self.generation
    }

    /// Closes the breaker: the provider processed the request, even if it rejected its events.
    pub fn record_success(&mut self, generation: Generation) {
        // A success from before the last failure does not undo that failure.
        if !self.is_stale(generation) {
            self.state = State::Closed;
            self.backoff.reset();
        }
    }

    /// Opens the breaker after a temporary failure; returns when the next request may start.
    pub fn record_failure(
        &mut self,
        generation: Generation,
        retry_after: Option<Duration>,
        random: f64,
        now: Instant,
    ) -> Instant {
        if self.is_stale(generation) {
            return self.retry_at(now);
        }
        let wait = self.backoff.next_wait(retry_after, random);
        self.open(now + wait)
    }

    /// Opens the breaker because every request will be refused until an operator acts; returns when
    /// the next request may start.
    pub fn hold(&mut self, generation: Generation, now: Instant) -> Instant {
        if self.is_stale(generation) { self.retry_at(now) } else { self.open(now + self.hold) }
    }

    /// Discards the outcome of a request. If it was the probe, another one may start.
    pub fn discard(&mut self, generation: Generation, now: Instant) {
        if self.state == State::HalfOpen && !self.is_stale(generation) {
            self.state = State::Open { until: now };
        }
    }

    /// Whether the breaker has opened since the request was started.
    pub fn is_stale(&self, generation: Generation) -> bool {
        generation != self.generation
    }

    /// When the next request may start, as far as that is known.
    pub fn retry_at(&self, now: Instant) -> Instant {
        match self.state {
            State::Open { until } => until.max(now),
            State::Closed | State::HalfOpen => now,
        }
    }

    fn open(&mut self, until: Instant) -> Instant {
        self.state = State::Open { until };
        self.generation.0 += 1;
        until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::fixtures::settings;

    const HOLD: Duration = Duration::from_secs(30);

    fn closed() -> (CircuitBreaker, Instant) {
        (CircuitBreaker::new(Backoff::new(&settings().backoff), HOLD), Instant::now())
    }

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn lanes_that_fail_together_are_one_failure() {
        let (mut breaker, now) = closed();
        let generations: Vec<Generation> = (0..16).map(|_| breaker.start_request(now)).collect();
        for generation in generations {
            assert_eq!(breaker.record_failure(generation, None, 0.0, now), now + ms(100));
        }
        assert_eq!(breaker.permit(now), Permit::NoneUntil(now + ms(100)));
    }

    #[test]
    fn the_outcome_of_one_probe_decides() {
        let (mut breaker, now) = closed();
        let first = breaker.start_request(now);
        let until = breaker.record_failure(first, None, 0.0, now);
        assert_eq!(breaker.permit(until), Permit::Probe);
        let probe = breaker.start_request(until);
        assert_eq!(breaker.permit(until + HOLD), Permit::NoneDuringProbe);
        let later = breaker.record_failure(probe, None, 0.0, until);
        assert_eq!(later, until + ms(200), "the wait grows");
        let probe = breaker.start_request(later);
        breaker.record_success(probe);
        assert_eq!(breaker.permit(later), Permit::Unlimited);
        let next = breaker.start_request(later);
        let until = breaker.record_failure(next, None, 0.0, later);
        assert_eq!(until, later + ms(100), "the first wait again");
    }

    #[test]
    fn an_outcome_from_an_earlier_generation_changes_nothing() {
        let (mut breaker, now) = closed();
        let (slow, failing) = (breaker.start_request(now), breaker.start_request(now));
        let until = breaker.record_failure(failing, Some(ms(5_000)), 0.0, now);
        assert_eq!(until, now + ms(5_000), "Retry-After is honoured");
        breaker.record_success(slow);
        assert_eq!(breaker.permit(now), Permit::NoneUntil(until));
        assert_eq!(breaker.hold(slow, now), until);
        assert_eq!(breaker.record_failure(slow, None, 0.0, now), until);
        breaker.discard(slow, now);
        assert_eq!(breaker.permit(now), Permit::NoneUntil(until));
    }

    #[test]
    fn a_hold_ends_with_a_successful_probe() {
        let (mut breaker, now) = closed();
        let generation = breaker.start_request(now);
        let until = breaker.hold(generation, now);
        assert_eq!(until, now + HOLD);
        let probe = breaker.start_request(until);
        breaker.record_success(probe);
        assert_eq!(breaker.permit(until), Permit::Unlimited);
    }

    #[test]
    fn a_discarded_probe_is_followed_by_another_one() {
        let (mut breaker, now) = closed();
        let first = breaker.start_request(now);
        let until = breaker.record_failure(first, None, 0.0, now);
        let probe = breaker.start_request(until);
        breaker.discard(first, until);
        assert_eq!(breaker.permit(until), Permit::NoneDuringProbe, "that was not the probe");
        breaker.discard(probe, until);
        assert_eq!(breaker.permit(until), Permit::Probe);
    }

    #[test]
    #[should_panic(expected = "without a permit")]
    fn a_second_probe_is_a_bug() {
        let (mut breaker, now) = closed();
        let first = breaker.start_request(now);
        let until = breaker.record_failure(first, None, 0.0, now);
        breaker.start_request(until);
        breaker.start_request(until);
    }
}
