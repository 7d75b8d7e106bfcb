//! Write transactions: retried after conflicts, and on SQLite one after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rand::Rng;
use tokio::sync::Semaphore;

use super::connection::SQLITE_BUSY_TIMEOUT;
use super::{AnyConnection, Call, Store, StoreError};
use crate::deadline::Deadline;
use crate::market::MarketId;

/// How often a transaction is tried before its conflict becomes the caller's error.
const ATTEMPTS: u32 = 5;
/// Upper bound of the random wait before the second attempt; it doubles with each further one.
const RETRY_JITTER: Duration = Duration::from_millis(10);
/// A busy time-out that is too long by less than this is not worth a statement.
const BUSY_TIMEOUT_TOLERANCE: Duration = Duration::from_millis(100);

/// SQLite allows one writer at a time and lets the others poll; here they queue, in order.
pub(super) struct SqliteWriter {
    lock: Mutex<()>,
    permits: Arc<Semaphore>,
}

impl Default for SqliteWriter {
    fn default() -> Self {
        Self { lock: Mutex::new(()), permits: Arc::new(Semaphore::new(1)) }
    }
}

impl SqliteWriter {
    /// One permit, for an additional connection of the pool: calls that wait for the lock occupy
    /// neither a thread nor a connection that calls that read could use.
    pub const fn permits(&self) -> &Arc<Semaphore> {
        &self.permits
    }
}

/// Markets that the running transaction has locked: no other one changes their books, and what it
/// reads now is what they are until it commits.
#[derive(Clone, Debug, Default)]
pub struct LockedMarkets(BTreeSet<MarketId>);

impl LockedMarkets {
    pub fn contains(&self, market: MarketId) -> bool {
        self.0.contains(&market)
    }
}

impl Store {
    /// [`Store::write`] with these markets locked, which exist.
    pub fn write_locking<T>(
        &self,
        connection: &mut AnyConnection,
        markets: BTreeSet<MarketId>,
        mut work: impl FnMut(&mut AnyConnection, &LockedMarkets) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let deadline = Deadline::after(self.inner.timeouts.batch);
        let locked = LockedMarkets(markets);
        self.write_with(deadline, connection, &locked.0, |c| work(c, &locked))
    }

    pub(super) fn write_by<T>(
        &self,
        deadline: Deadline,
        connection: &mut AnyConnection,
        work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write_with(deadline, connection, &BTreeSet::new(), work)
    }

    fn write_with<T>(
        &self,
        deadline: Deadline,
        connection: &mut AnyConnection,
        markets: &BTreeSet<MarketId>,
        mut work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _entered = self.call.as_ref().map(Call::enter);
        let mut write = |connection: &mut AnyConnection| {
            let notifying = self.inner.notifying.sender();
            write_once(self.call.as_deref(), connection, markets, notifying, &mut work)
        };
        let mut attempt = 1;
        loop {
            let outcome = match &self.inner.sqlite_writer {
                None => write(connection),
                Some(writer) => write_in_turn(writer, deadline, connection, &mut write),
            };
            match outcome {
                Err(StoreError::Conflict(cause))
                    if attempt < ATTEMPTS && !deadline.has_passed() =>
                {
                    metrics::counter!("matchcast_store_retries_total").increment(1);
                    tracing::debug!(attempt, cause, "a transaction is retried after a conflict");
                    pause(RETRY_JITTER * 2_u32.pow(attempt));
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }
}

/// Waits for the other writers of this process, then for those of others, until the deadline.
fn write_in_turn<T>(
    writer: &SqliteWriter,
    deadline: Deadline,
    connection: &mut AnyConnection,
    write: &mut impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let Some(turn) = writer.lock.try_lock_until(deadline.instant()) else {
        return Err(StoreError::Unavailable("other transactions did not end in time".to_owned()));
    };
    let remaining = deadline.remaining();
    let outcome = if remaining + BUSY_TIMEOUT_TOLERANCE < SQLITE_BUSY_TIMEOUT {
        connection.set_sqlite_busy_timeout(remaining)?;
        let outcome = write(connection);
        // A shorter time-out than usual is no reason to lose the outcome.
        if let Err(error) = connection.set_sqlite_busy_timeout(SQLITE_BUSY_TIMEOUT) {
            tracing::warn!(%error, "the busy time-out of a connection could not be reset");
        }
        outcome
    } else {
        write(connection)
    };
    // The first writer in the queue is next, not the fastest: none starves.
    MutexGuard::unlock_fair(turn);
    outcome
}

/// One attempt. Neither begins nor commits once its call is given up.
fn write_once<T>(
    call: Option<&Call>,
    connection: &mut AnyConnection,
    markets: &BTreeSet<MarketId>,
    notifying: Option<&str>,
    work: &mut impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    call.map_or(Ok(()), Call::begin)?;
    let begun = connection.begin_write_locking(markets, notifying);
    if let Err(error) = begun.map_err(StoreError::from) {
        return Err(connection.explain(error));
    }
    let done = work(connection).and_then(|value| {
        call.map_or(Ok(()), Call::begin_commit)?;
        Ok(value)
    });
    match done {
        Ok(value) => match connection.commit().map_err(StoreError::from) {
            Ok(()) => Ok(value),
            // The database refused the commit: nothing was written.
            Err(error @ (StoreError::Conflict(_) | StoreError::Duplicate(_))) => Err(error),
            // The commit may have succeeded, so it is not retried.
            Err(error) => Err(StoreError::CommitUnknown(error.to_string())),
        },
        Err(error) => {
            if let Err(rollback) = connection.rollback() {
                tracing::debug!(%error, %rollback, "a transaction could not be rolled back");
            }
            Err(connection.explain(error))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a blocking thread, between two transactions")]
fn pause(at_most: Duration) {
    std::thread::sleep(rand::rng().random_range(Duration::ZERO..=at_most));
}
