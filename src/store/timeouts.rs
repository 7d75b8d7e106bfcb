//! How long calls of the store may wait.

use std::time::Duration;

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
