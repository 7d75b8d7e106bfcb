//! Exponential backoff with jitter, as plain data.

use std::time::Duration;

use crate::config;

/// The wait after each consecutive failure.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    factor: f64,
    cap: Duration,
    jitter: f64,
    retry_after_cap: Duration,
    /// Consecutive failures so far.
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

    /// The next failure gets the first wait again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure.
    ///
    /// `random` is from 0 to 1 and decides the jitter. A longer `retry_after`, which is what the
    /// provider asks for, replaces the computed wait, up to its own cap.
    pub fn next_wait(&mut self, retry_after: Option<Duration>, random: f64) -> Duration {
        // 2^64 times any wait exceeds every cap.
        let exponent = i32::try_from(self.failures.min(64)).unwrap_or(64);
        self.failures = self.failures.saturating_add(1);
        let seconds = self.first.as_secs_f64() * self.factor.powi(exponent);
        let seconds = seconds.min(self.cap.as_secs_f64()) * (1.0 + self.jitter * random);
        let computed = Duration::try_from_secs_f64(seconds).unwrap_or(self.cap);
        computed.max(retry_after.unwrap_or_default().min(self.retry_after_cap))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;
    use crate::config;
    use crate::publisher::fixtures::settings;

    #[test]
    fn waits_grow_up_to_the_cap_and_start_again_after_a_reset() {
        let mut backoff = Backoff::new(&config::Backoff { jitter: 0.5, ..settings().backoff });
        let waits: Vec<u128> = (0..6).map(|_| backoff.next_wait(None, 0.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        backoff.reset();
        assert_eq!(backoff.next_wait(None, 1.0).as_millis(), 150);
    }

    #[test]
    fn a_longer_retry_after_is_honoured_up_to_its_cap() {
        let mut backoff = Backoff::new(&settings().backoff);
        let retry_after = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(backoff.next_wait(retry_after(7), 0.0).as_secs(), 7);
        assert_eq!(backoff.next_wait(retry_after(3600), 0.0).as_secs(), 60);
        assert_eq!(backoff.next_wait(retry_after(0), 0.0).as_millis(), 400);
    }
}
