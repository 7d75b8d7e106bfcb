//! The only place that says SQL: reads, writes, and what their errors mean.
//!
//! Every write goes through [`Store::write`]: one transaction, retried when the database asks for
//! it, all or nothing. No transaction and no pooled connection lives across an await:
//! [`Store::run`] takes a closure to a thread that may block.

pub mod audit;
mod connection;
pub mod leases;
pub mod markets;
pub mod occupancy;
pub mod outbox;
pub mod published_books;
pub mod schema;
pub mod sessions;
pub mod sign_ins;
mod statement;
pub mod trading;
pub mod users;
pub mod views;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error};
use parking_lot::Mutex;
use rand::Rng;
use tokio::sync::Semaphore;

pub use connection::{AnyConnection, DatabaseUrl, migrate, revert_migrations};

/// How often a transaction is tried before its conflict becomes the caller's error.
const WRITE_ATTEMPTS: u32 = 5;
/// Upper bound of the random wait before the second attempt; it doubles with each further one.
const RETRY_JITTER: Duration = Duration::from_millis(10);
/// How long a request waits for a pooled connection before it is told to come back.
const POOL_PATIENCE: Duration = Duration::from_secs(5);

/// What can go wrong in the database, by what the caller can do about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Two transactions got in each other's way; nothing was written. Trying again helps.
    #[error("the transaction was in conflict with another one: {0}")]
    Conflict(String),
    /// A row with this key is there already.
    #[error("{0}")]
    Duplicate(String),
    /// The database cannot be reached, or has no connection to spare.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Committing failed other than by a conflict: it may or may not have been written.
    #[error("the outcome of the commit is not known: {0}")]
    CommitUnknown(String),
    /// A constraint, a bug, a full disk.
    #[error("{0}")]
    Other(String),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match &error {
            Error::DatabaseError(kind, _) => match kind {
                DatabaseErrorKind::SerializationFailure => Self::Conflict(text),
                DatabaseErrorKind::UniqueViolation => Self::Duplicate(text),
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                    Self::Unavailable(text)
                }
                // Diesel has no name for these; the texts are the databases' own.
                _ if text.contains("deadlock detected")
                    || text.contains("database is locked")
                    || text.contains("lock timeout") =>
                {
                    Self::Conflict(text)
                }
                _ if text.contains("server closed the connection")
                    || text.contains("terminating connection")
                    || text.contains("no connection to the server") =>
                {
                    Self::Unavailable(text)
                }
                _ => Self::Other(text),
            },
            Error::BrokenTransactionManager => Self::Unavailable(text),
            _ => Self::Other(text),
        }
    }
}

impl From<diesel::r2d2::PoolError> for StoreError {
    fn from(error: diesel::r2d2::PoolError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The present, in the resolution that both databases keep.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
pub fn now() -> NaiveDateTime {
    let now: DateTime<Utc> = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now).naive_utc()
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    url: DatabaseUrl,
    pool: diesel::r2d2::Pool<connection::Manager>,
    /// One permit per pooled connection: requests queue here, without occupying a thread.
    permits: Semaphore,
    /// SQLite has one writer at a time and lets the others poll; here they queue, in order.
    sqlite_writer: Option<Mutex<()>>,
}

impl Store {
    /// Opens the pool. The schema must be there, see [`migrate`].
    pub fn open(url: DatabaseUrl, pool_size: u32) -> Result<Self, StoreError> {
        let pool = diesel::r2d2::Pool::builder()
            .max_size(pool_size)
            .min_idle(Some(1))
            .connection_timeout(POOL_PATIENCE)
            .test_on_check_out(matches!(url, DatabaseUrl::Postgres(_)))
            .build(connection::Manager(url.clone()))?;
        let sqlite_writer = matches!(url, DatabaseUrl::Sqlite(_)).then(|| Mutex::new(()));
        let permits = Semaphore::new(usize::try_from(pool_size).unwrap_or(usize::MAX));
        Ok(Self { inner: Arc::new(Inner { url, pool, permits, sqlite_writer }) })
    }

    /// A connection outside the pool, for an owner that keeps it.
    pub fn connect(&self) -> Result<AnyConnection, StoreError> {
        AnyConnection::open(&self.inner.url)
    }

    /// Runs `work` with a pooled connection on a thread that may block.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError::Unavailable`] when no connection comes free in time.
    pub async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let waited = tokio::time::timeout(POOL_PATIENCE, self.inner.permits.acquire()).await;
        let Ok(Ok(_permit)) = waited else {
            return Err(StoreError::Unavailable("all connections are in use".to_owned()));
        };
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut connection = store.inner.pool.get()?;
            work(&store, &mut connection)
        });
        task.await.unwrap_or_else(|error| Err(StoreError::Other(error.to_string())))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|connection| Ok(connection.batch_execute("SELECT 1")?)).await
    }

    /// [`Store::run`] for work that reads.
    pub async fn read<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.run(move |_, connection| work(connection)).await
    }

    /// [`Store::run`] for work that is one write transaction.
    pub async fn transact<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.run(move |store, connection| store.write(connection, work)).await
    }

    /// Runs `work` in one write transaction and commits it, or leaves no trace of it.
    ///
    /// A conflict is retried up to five times, so `work` may run more than once.
    pub fn write<T>(
        &self,
        connection: &mut AnyConnection,
        mut work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut attempt = 1;
        loop {
            let writer = self.inner.sqlite_writer.as_ref().map(Mutex::lock);
            let outcome = write_once(connection, &mut work);
            if let Some(writer) = writer {
                // The next in the queue, not whoever is fastest: nobody starves.
                parking_lot::MutexGuard::unlock_fair(writer);
            }
            match outcome {
                Err(StoreError::Conflict(cause)) if attempt < WRITE_ATTEMPTS => {
                    metrics::counter!("matchcast_store_retries_total").increment(1);
                    tracing::debug!(attempt, cause, "a transaction is tried again");
                    pause(RETRY_JITTER * 2_u32.pow(attempt));
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }
}

fn write_once<T>(
    connection: &mut AnyConnection,
    work: &mut impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.begin_write()?;
    match work(connection) {
        Ok(value) => match connection.commit().map_err(StoreError::from) {
            Ok(()) => Ok(value),
            // The database said no: nothing was written.
            Err(error @ (StoreError::Conflict(_) | StoreError::Duplicate(_))) => Err(error),
            // However a lost connection is worded: what may have been written is not tried again.
            Err(error) => Err(StoreError::CommitUnknown(error.to_string())),
        },
        Err(error) => {
            if let Err(rollback) = connection.rollback() {
                tracing::warn!(%error, %rollback, "a transaction could not be rolled back");
            }
            Err(error)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a blocking thread, between two transactions")]
fn pause(at_most: Duration) {
    std::thread::sleep(rand::rng().random_range(Duration::ZERO..=at_most));
}
