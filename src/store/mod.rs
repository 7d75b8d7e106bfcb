//! The database: the only module that contains SQL.
//!
//! Every write goes through [`Store::write`]: one transaction, all or nothing, retried after a
//! conflict. No transaction and no pooled connection is held across an await: [`Store::run`] runs
//! a closure on a thread that may block.

pub mod audit;
mod clock;
mod codes;
mod connection;
mod error;
pub mod leases;
pub mod markets;
mod migrations;
pub mod occupancy;
pub mod outbox;
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

use diesel::connection::SimpleConnection;
use parking_lot::Mutex;
use rand::Rng;
use tokio::sync::Semaphore;

pub use clock::now;
pub use connection::{AnyConnection, DatabaseUrl};
pub use error::StoreError;
pub use migrations::{migrate, revert_last_migration, revert_migrations, run_next_migration};

/// How often a transaction is tried before its conflict becomes the caller's error.
const WRITE_ATTEMPTS: u32 = 5;
/// Upper bound of the random wait before the second attempt; it doubles with each further one.
const RETRY_JITTER: Duration = Duration::from_millis(10);
/// How long a request waits for a pooled connection before it fails.
const POOL_TIMEOUT: Duration = Duration::from_secs(5);

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    url: DatabaseUrl,
    pool: diesel::r2d2::Pool<connection::Manager>,
    /// One permit per pooled connection: requests queue here without occupying a thread.
    permits: Arc<Semaphore>,
    /// SQLite allows one writer at a time and lets the others poll; here they queue, in order.
    sqlite_writer: Option<Mutex<()>>,
}

impl Store {
    /// Opens the pool. The schema must exist, see [`migrate`].
    pub fn open(url: DatabaseUrl, pool_size: u32) -> Result<Self, StoreError> {
        let pool = diesel::r2d2::Pool::builder()
            .max_size(pool_size)
            .min_idle(Some(1))
            .connection_timeout(POOL_TIMEOUT)
            .test_on_check_out(matches!(url, DatabaseUrl::Postgres(_)))
            .build(connection::Manager(url.clone()))?;
        let sqlite_writer = matches!(url, DatabaseUrl::Sqlite(_)).then(|| Mutex::new(()));
        let permits = Semaphore::new(usize::try_from(pool_size).unwrap_or(Semaphore::MAX_PERMITS));
        let permits = Arc::new(permits);
        Ok(Self { inner: Arc::new(Inner { url, pool, permits, sqlite_writer }) })
    }

    /// A connection outside the pool, for an owner that keeps it.
    pub fn connect(&self) -> Result<AnyConnection, StoreError> {
        AnyConnection::open(&self.inner.url)
    }

    /// Runs `work` with a pooled connection on a thread that may block.
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
        let permit = Arc::clone(&self.inner.permits).acquire_owned();
        let Ok(Ok(permit)) = tokio::time::timeout(POOL_TIMEOUT, permit).await else {
            return Err(StoreError::Unavailable("all connections are in use".to_owned()));
        };
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut connection = store.inner.pool.get()?;
            work(&store, &mut connection)
        });
        task.await.unwrap_or_else(|error| Err(StoreError::Other(error.to_string())))
    }

    /// Checks that the database responds.
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

    /// Runs `work` in one write transaction, and commits or rolls back.
    ///
    /// A transaction is tried up to five times, so `work` may run more than once.
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
                // The first writer in the queue is next, not the fastest: none starves.
                parking_lot::MutexGuard::unlock_fair(writer);
            }
            match outcome {
                Err(StoreError::Conflict(cause)) if attempt < WRITE_ATTEMPTS => {
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
