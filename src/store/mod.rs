//! The database: the only module that contains SQL.
//!
//! Every write goes through [`Store::write`]: one transaction, all or nothing, retried after a
//! conflict. No transaction and no pooled connection is held across an await: [`Store::run`] runs
//! a closure on a thread that may block.

pub mod audit;
mod clock;
mod codes;
mod connection;
mod database_url;
mod deadline;
mod error;
pub mod leases;
pub mod markets;
mod migrations;
pub mod occupancy;
pub mod outbox;
mod postgres_url;
pub mod pruning;
pub mod published_books;
mod rows;
pub mod schema;
pub mod sessions;
pub mod sign_ins;
mod statement;
pub mod trading;
pub mod users;
pub mod views;

use std::sync::Arc;
use std::time::Duration;

use connection::SQLITE_BUSY_TIMEOUT;
use deadline::Deadline;
use diesel::connection::SimpleConnection;
use parking_lot::Mutex;
use rand::Rng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use clock::now;
pub use connection::AnyConnection;
pub use database_url::DatabaseUrl;
pub use deadline::Timeouts;
pub use error::StoreError;
pub use migrations::{
    is_migrated, migrate, revert_last_migration, revert_migrations, run_next_migration,
};

/// How often a transaction is tried before its conflict becomes the caller's error.
const WRITE_ATTEMPTS: u32 = 5;
/// A busy time-out that is too long by less than this is not worth a statement.
const BUSY_TIMEOUT_TOLERANCE: Duration = Duration::from_millis(100);
/// Upper bound of the random wait before the second attempt; it doubles with each further one.
const RETRY_JITTER: Duration = Duration::from_millis(10);

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    url: DatabaseUrl,
    timeouts: Timeouts,
    pool: diesel::r2d2::Pool<connection::Manager>,
    /// One permit per pooled connection: requests queue here without occupying a thread.
    permits: Arc<Semaphore>,
    sqlite_writer: Option<SqliteWriter>,
}

/// SQLite allows one writer at a time and lets the others poll; here they queue, in order.
struct SqliteWriter {
    lock: Mutex<()>,
    /// One permit, for an additional connection of the pool: calls that wait for the lock occupy
    /// neither a thread nor a connection that calls that read could use.
    permits: Arc<Semaphore>,
}

impl Store {
    /// Opens the pool, with default time-outs. The schema must exist, see [`migrate`].
    pub fn open(url: DatabaseUrl, pool_size: u32) -> Result<Self, StoreError> {
        Self::open_with(url, pool_size, Timeouts::default())
    }

    /// Opens the pool. The schema must exist, see [`migrate`].
    pub fn open_with(
        url: DatabaseUrl,
        pool_size: u32,
        timeouts: Timeouts,
    ) -> Result<Self, StoreError> {
        let sqlite_writer = matches!(url, DatabaseUrl::Sqlite(_))
            .then(|| SqliteWriter { lock: Mutex::new(()), permits: Arc::new(Semaphore::new(1)) });
        let connections = pool_size.saturating_add(u32::from(sqlite_writer.is_some()));
        let pool = diesel::r2d2::Pool::builder()
            .max_size(connections)
            .min_idle(Some(1))
            .connection_timeout(timeouts.request)
            .test_on_check_out(matches!(url, DatabaseUrl::Postgres { .. }))
            .build(connection::Manager { url: url.clone(), timeout: timeouts.request })?;
        let permits = Semaphore::new(usize::try_from(pool_size).unwrap_or(Semaphore::MAX_PERMITS));
        let permits = Arc::new(permits);
        Ok(Self { inner: Arc::new(Inner { url, timeouts, pool, permits, sqlite_writer }) })
    }

    /// A connection outside the pool, for an owner that keeps it.
    pub fn connect(&self) -> Result<AnyConnection, StoreError> {
        let timeout = self.inner.timeouts.batch;
        AnyConnection::open_with(&self.inner.url, timeout, timeout)
    }

    /// Runs `work`, which may write, with a pooled connection on a thread that may block.
    ///
    /// The permit belongs to the work, which continues if the call is dropped.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError::Unavailable`] if no connection becomes free in time.
    pub async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.run_by(Deadline::after(self.inner.timeouts.request), work).await
    }

    async fn run_by<T, W>(&self, deadline: Deadline, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let writer = self.inner.sqlite_writer.as_ref();
        let permits = writer.map_or(&self.inner.permits, |writer| &writer.permits);
        let permit = acquire(permits, deadline).await?;
        self.run_with(permit, deadline, work).await
    }

    async fn run_with<T, W>(
        &self,
        permit: OwnedSemaphorePermit,
        deadline: Deadline,
        work: W,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut pooled = store.inner.pool.get_timeout(deadline.remaining())?;
            let outcome = work(&store, &mut pooled.connection);
            pooled.is_lost =
                matches!(outcome, Err(StoreError::Unavailable(_) | StoreError::CommitUnknown(_)));
            outcome
        });
        task.await.unwrap_or_else(|error| Err(StoreError::Other(error.to_string())))
    }

    /// Checks that the database responds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|connection| Ok(connection.batch_execute("SELECT 1")?)).await
    }

    /// [`Store::run`] for work that reads: it waits for no writer.
    pub async fn read<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let deadline = Deadline::after(self.inner.timeouts.request);
        let permit = acquire(&self.inner.permits, deadline).await?;
        self.run_with(permit, deadline, move |_, connection| work(connection)).await
    }

    /// [`Store::read`] for several statements that must read the same state.
    pub async fn read_snapshot<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let in_snapshot = |connection: &mut AnyConnection| {
            connection.begin_snapshot()?;
            let outcome = work(connection);
            // Nothing was written, so a rollback is as good as a commit.
            connection.rollback()?;
            outcome
        };
        self.read(in_snapshot).await
    }

    /// [`Store::run`] for work that is one write transaction. Its waits for the permit, the
    /// connection and the lock share one deadline.
    pub async fn transact<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let deadline = Deadline::after(self.inner.timeouts.request);
        let write = move |store: &Store, connection: &mut AnyConnection| {
            store.write_or_reconnect(deadline, connection, work)
        };
        self.run_by(deadline, write).await
    }

    /// [`Store::write`], once more on a new connection if the pooled one led to a server that is
    /// gone or read-only. Nothing was written then.
    fn write_or_reconnect<T>(
        &self,
        deadline: Deadline,
        connection: &mut AnyConnection,
        mut work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.write_by(deadline, connection, &mut work) {
            Err(StoreError::Unavailable(cause)) if !deadline.has_passed() => {
                tracing::debug!(cause, "a write is retried on a new connection");
                let timeout = self.inner.timeouts.request;
                *connection = AnyConnection::open_with(&self.inner.url, timeout, timeout)?;
                self.write_by(deadline, connection, work)
            }
            outcome => outcome,
        }
    }

    /// Runs `work` in one write transaction, and commits or rolls back.
    ///
    /// A transaction is tried up to five times, so `work` may run more than once.
    pub fn write<T>(
        &self,
        connection: &mut AnyConnection,
        work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write_by(Deadline::after(self.inner.timeouts.batch), connection, work)
    }

    fn write_by<T>(
        &self,
        deadline: Deadline,
        connection: &mut AnyConnection,
        mut work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut attempt = 1;
        loop {
            let outcome = match &self.inner.sqlite_writer {
                None => write_once(connection, &mut work),
                Some(writer) => write_in_turn(writer, deadline, connection, &mut work),
            };
            match outcome {
                Err(StoreError::Conflict(cause))
                    if attempt < WRITE_ATTEMPTS && !deadline.has_passed() =>
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

async fn acquire(
    permits: &Arc<Semaphore>,
    deadline: Deadline,
) -> Result<OwnedSemaphorePermit, StoreError> {
    let permit = Arc::clone(permits).acquire_owned();
    match tokio::time::timeout(deadline.remaining(), permit).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(StoreError::Unavailable("all connections are in use".to_owned())),
    }
}

/// Waits for the other writers of this process, then for those of others, until the deadline.
fn write_in_turn<T>(
    writer: &SqliteWriter,
    deadline: Deadline,
    connection: &mut AnyConnection,
    work: &mut impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let Some(turn) = writer.lock.try_lock_until(deadline.instant()) else {
        return Err(StoreError::Unavailable("other transactions did not end in time".to_owned()));
    };
    let remaining = deadline.remaining();
    let is_shorter = remaining + BUSY_TIMEOUT_TOLERANCE < SQLITE_BUSY_TIMEOUT;
    let outcome = if is_shorter {
        connection.set_sqlite_busy_timeout(remaining)?;
        let outcome = write_once(connection, work);
        connection.set_sqlite_busy_timeout(SQLITE_BUSY_TIMEOUT)?;
        outcome
    } else {
        write_once(connection, work)
    };
    // The first writer in the queue is next, not the fastest: none starves.
    parking_lot::MutexGuard::unlock_fair(turn);
    outcome
}

fn write_once<T>(
    connection: &mut AnyConnection,
    work: &mut impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.begin_write()?;
    match work(connection) {
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
            Err(error)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a blocking thread, between two transactions")]
fn pause(at_most: Duration) {
    std::thread::sleep(rand::rng().random_range(Duration::ZERO..=at_most));
}
