//! How long calls of the store may wait.

use std::time::{Duration, Instant};

/// How long the calls of a store may wait for connections, locks and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For calls on pooled connections: requests of clients.
    pub request: Duration,
    /// For calls on connections that have an owner: batches of the engine, the publisher.
    pub batch: Duration,
}

impl Default for Timeouts {
    /// The defaults of `database.timeout_ms` and `database.batch_timeout_ms`.
    fn default() -> Self {
        Self { request: Duration::from_secs(5), batch: Duration::from_secs(10) }
    }
}

/// The end of all waits of one call: they share one limit instead of adding up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub fn after(timeout: Duration) -> Self {
        Self(Instant::now() + timeout)
    }

    pub fn instant(self) -> Instant {
        self.0
    }

    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }
}
