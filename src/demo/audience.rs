//! Whether somebody uses the API: the traders pause when nobody does, so that a server that is left
//! running does not fill its disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long after the last request somebody is believed to look. A visible page fetches at least
/// every five minutes.
const PATIENCE: Duration = Duration::from_secs(600);
/// There was no request yet.
const NEVER: u64 = u64::MAX;

/// The time of the last request. Cheap to clone and to note.
#[derive(Clone, Debug)]
pub struct Audience {
    started: Instant,
    /// In milliseconds after the start, or [`NEVER`].
    last_request_ms: Arc<AtomicU64>,
    patience: Duration,
}

impl Default for Audience {
    fn default() -> Self {
        Self::with_patience(PATIENCE)
    }
}

impl Audience {
    fn with_patience(patience: Duration) -> Self {
        let last_request_ms = Arc::new(AtomicU64::new(NEVER));
        Self { started: Instant::now(), last_request_ms, patience }
    }

    /// There is a request now.
    pub fn note(&self) {
        self.last_request_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    /// Whether there was a request not long ago.
    pub fn is_present(&self) -> bool {
        let last = self.last_request_ms.load(Ordering::Relaxed);
        let since = Duration::from_millis(self.elapsed_ms().saturating_sub(last));
        last != NEVER && since < self.patience
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_present_for_a_while_after_a_request() {
        let audience = Audience::default();
        assert!(!audience.is_present(), "there was no request");
        audience.note();
        assert!(audience.is_present());

        let impatient = Audience::with_patience(Duration::ZERO);
        impatient.note();
        assert!(!impatient.is_present());
    }
}
