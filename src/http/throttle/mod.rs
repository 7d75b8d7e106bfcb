//! Limits of attempts per minute: log-ins and what else costs a password hash or a database row.
//!
//! An attempt counts when it begins, so that many at once cannot exceed the limit. One that
//! succeeded is given back. A minute begins with the first attempt and ends all of them, as in
//! Laravel. The counts are of this process; their number is bounded, and they expire by themselves.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use moka::sync::Cache;

use super::response::{ApiError, Throttled};
use crate::auth::sha256_hex;
use crate::client_address::client_address;
use crate::config::Limits;
use crate::market::UserId;

const MINUTE: Duration = Duration::from_secs(60);
/// Most keys per limit. Some 200 bytes each.
const MAX_KEYS: u64 = 100_000;

/// The attempts of the last minute.
#[derive(Debug)]
struct Window {
    began: Instant,
    attempts: AtomicU32,
}

/// A limit of attempts per key and minute.
struct Throttle<K> {
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
    fn new(limit: Option<NonZeroU32>) -> Self {
        let windows = Cache::builder().max_capacity(MAX_KEYS).time_to_live(MINUTE).build();
        Self { limit, windows }
    }

    fn attempt(&self, key: K, attempt: &mut Attempt) -> Result<(), Throttled> {
        let Some(limit) = self.limit else { return Ok(()) };
        let window = self.windows.get_with(key, || {
            Arc::new(Window { began: Instant::now(), attempts: AtomicU32::new(0) })
        });
        let add = |count: u32| (count < limit.get()).then(|| count.saturating_add(1));
        if window.attempts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_err() {
            let left = MINUTE.saturating_sub(window.began.elapsed());
            let retry_after_s = left.as_secs().saturating_add(1).min(MINUTE.as_secs());
            return Err(Throttled { limit: limit.get(), retry_after_s });
        }
        attempt.0.push(window);
        Ok(())
    }
}

/// The calls that are limited per address, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Call {
    LogIn,
    Register,
    CsrfCookie,
}

/// The limits of one process.
pub struct Throttles {
    /// By the hash of the email address, which may be long.
    accounts: Throttle<String>,
    passwords: Throttle<UserId>,
    addresses: Throttle<(Call, IpAddr)>,
}

impl Throttles {
    pub fn new(limits: &Limits) -> Self {
        Self {
            accounts: Throttle::new(limits.log_ins_per_minute),
            passwords: Throttle::new(limits.log_ins_per_minute),
            addresses: Throttle::new(limits.log_ins_per_minute_per_address),
        }
    }

    /// A log-in to the account with this email address, whether or not it exists.
    pub fn log_in(&self, request: &HttpRequest, email: &str) -> Result<Attempt, ApiError> {
        let mut attempt = self.by_address(request, Call::LogIn)?;
        let account = sha256_hex(&email.to_lowercase());
        if let Err(throttled) = self.accounts.attempt(account, &mut attempt) {
            // One account that is throttled does not use up the address.
            attempt.give_back();
            return Err(throttled.into());
        }
        Ok(attempt)
    }

    pub fn register(&self, request: &HttpRequest) -> Result<(), ApiError> {
        self.by_address(request, Call::Register).map(Attempt::keep)
    }

    pub fn csrf_cookie(&self, request: &HttpRequest) -> Result<(), ApiError> {
        self.by_address(request, Call::CsrfCookie).map(Attempt::keep)
    }

    /// A change of the password, which verifies the current one.
    pub fn change_password(&self, user: UserId) -> Result<Attempt, ApiError> {
        let mut attempt = Attempt::default();
        self.passwords.attempt(user, &mut attempt)?;
        Ok(attempt)
    }

    fn by_address(&self, request: &HttpRequest, call: Call) -> Result<Attempt, ApiError> {
        let mut attempt = Attempt::default();
        if let Some(address) = client_address(request) {
            self.addresses.attempt((call, address), &mut attempt)?;
        }
        Ok(attempt)
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
        assert_eq!(throttled, Throttled { limit: 2, retry_after_s: 60 });
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
}
