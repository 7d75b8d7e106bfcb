//! Counts of attempts per key and minute.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use crate::http::response::Throttled;

const MINUTE: Duration = Duration::from_secs(60);
/// Most keys per limit. Some 200 bytes each.
const MAX_KEYS: u64 = 100_000;

/// The attempts of a minute.
#[derive(Debug)]
pub struct Window {
    began: Instant,
    attempts: AtomicU32,
}

impl Window {
    /// The number of attempts so far.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }
}

/// A limit of attempts per key and minute.
pub struct Throttle<K> {
    /// `None`: no limit.
    limit: Option<NonZeroU32>,
    windows: Cache<K, Arc<Window>>,
}

/// Attempts that count until they are given back.
#[must_use = "an attempt that succeeded is given back"]
#[derive(Debug, Default)]
pub struct Attempt(Vec<Arc<Window>>);

impl Attempt {
    /// Does not count this attempt, because it succeeded.
    pub fn give_back(self) {
        for window in self.0 {
            window.attempts.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts this attempt, whether or not it succeeded.
    pub fn keep(self) {}
}

impl<K: Hash + Eq + Send + Sync + 'static> Throttle<K> {
    pub fn new(limit: Option<NonZeroU32>) -> Self {
        let windows = Cache::builder().max_capacity(MAX_KEYS).time_to_live(MINUTE).build();
        Self { limit, windows }
    }

    pub fn limit(&self) -> Option<NonZeroU32> {
        self.limit
    }

    /// Counts an attempt.
    pub fn attempt(&self, key: K, attempt: &mut Attempt) -> Result<(), Throttled> {
        attempt.0.extend(self.count(key, 1)?);
        Ok(())
    }

    /// Counts several attempts at once: all of them or none. The window is `None` if there is no
    /// limit.
    pub fn count(&self, key: K, attempts: u32) -> Result<Option<Arc<Window>>, Throttled> {
        let Some(limit) = self.limit else { return Ok(None) };
        let window = self.windows.get_with(key, || {
            Arc::new(Window { began: Instant::now(), attempts: AtomicU32::new(0) })
        });
        let add = |count: u32| count.checked_add(attempts).filter(|sum| *sum <= limit.get());
        if window.attempts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_err() {
            let left = MINUTE.saturating_sub(window.began.elapsed());
            let retry_after_s = left.as_secs().saturating_add(1).min(MINUTE.as_secs());
            let remaining = limit.get().saturating_sub(window.attempts());
            return Err(Throttled { limit: limit.get(), remaining, retry_after_s });
        }
        Ok(Some(window))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{Attempt, Throttle, Throttled};

    #[test]
    fn an_attempt_counts_until_it_is_given_back() {
        let throttle = Throttle::new(NonZeroU32::new(2));
        let attempt = |key| {
            let mut attempt = Attempt::default();
            throttle.attempt(key, &mut attempt).map(|()| attempt)
        };
        attempt("alice").unwrap().keep();
        let second = attempt("alice").unwrap();
        let throttled = attempt("alice").unwrap_err();
        assert_eq!(throttled, Throttled { limit: 2, remaining: 0, retry_after_s: 60 });
        attempt("bob").unwrap().keep();
        second.give_back();
        attempt("alice").unwrap().keep();
        attempt("alice").unwrap_err();
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let throttle = Throttle::new(None);
        for _ in 0..100 {
            throttle.attempt("alice", &mut Attempt::default()).unwrap();
        }
        assert_eq!(throttle.windows.entry_count(), 0);
    }

    #[test]
    fn several_attempts_count_together_or_not_at_all() {
        let throttle = Throttle::new(NonZeroU32::new(10));
        assert_eq!(throttle.count("alice", 8).unwrap().unwrap().attempts(), 8);
        let throttled = throttle.count("alice", 3).unwrap_err();
        assert_eq!((throttled.remaining, throttled.limit), (2, 10));
        assert_eq!(throttle.count("alice", 2).unwrap().unwrap().attempts(), 10);
        throttle.count("alice", u32::MAX).unwrap_err();
    }
}
