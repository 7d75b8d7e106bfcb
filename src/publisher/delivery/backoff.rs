//! How long to wait after a failure, as data.

use std::time::Duration;

use crate::config;

/// Counts failures in a row and gives the wait after each.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    factor: f64,
    cap: Duration,
    jitter: f64,
    retry_after_cap: Duration,
    failures: u32,
}

impl Backoff {
    pub fn new(settings: &config::Backoff) -> Self {
        Self {
            first: settings.first,
            factor: settings.factor,
            cap: settings.cap,
            jitter: settings.jitter,
            retry_after_cap: settings.retry_after_cap,
            failures: 0,
        }
    }

    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure. `random` from 0 to 1; `asked` is the provider's
    /// Retry-After.
    pub fn failed(&mut self, asked: Option<Duration>, random: f64) -> Duration {
        // 2^64 times anything is beyond every cap.
        let exponent = i32::try_from(self.failures.min(64)).unwrap_or(64);
        self.failures = self.failures.saturating_add(1);
        let seconds = self.first.as_secs_f64() * self.factor.powi(exponent);
        let seconds = seconds.min(self.cap.as_secs_f64()) * (1.0 + self.jitter * random);
        let own = Duration::try_from_secs_f64(seconds).unwrap_or(self.cap);
        own.max(asked.unwrap_or_default().min(self.retry_after_cap))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::Backoff;

    pub fn steps_of_100_ms() -> Backoff {
        Backoff {
            first: Duration::from_millis(100),
            factor: 2.0,
            cap: Duration::from_secs(1),
            jitter: 0.5,
            retry_after_cap: Duration::from_secs(60),
            failures: 0,
        }
    }

    #[test]
    fn waits_grow_to_the_cap_and_start_again_after_a_success() {
        let mut backoff = steps_of_100_ms();
        let waits: Vec<u128> = (0..6).map(|_| backoff.failed(None, 0.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        backoff.succeeded();
        assert_eq!(backoff.failed(None, 1.0).as_millis(), 150);
    }

    #[test]
    fn a_longer_wish_of_the_provider_is_kept_within_bounds() {
        let mut backoff = steps_of_100_ms();
        let wish = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(backoff.failed(wish(7), 0.0).as_secs(), 7);
        assert_eq!(backoff.failed(wish(3600), 0.0).as_secs(), 60);
        assert_eq!(backoff.failed(wish(0), 0.0).as_millis(), 400);
    }
}
