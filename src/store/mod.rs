//! The database: the only module that contains SQL.
//!
//! Every write goes through [`Store::write`]: one transaction, all or nothing, retried after a
//! conflict. No transaction and no pooled connection is held across an await: [`Store::run`] runs
//! a closure on a thread that may block, and gives the thread up if the server does not respond.

pub mod abilities;
pub mod address_range;
pub mod adjustments;
pub mod admin_log;
pub mod admin_tokens;
pub mod api_tokens;
pub mod audit;
pub mod audit_runs;
pub mod book_depth;
mod call;
pub mod candles;
mod client_info;
mod clock;
mod codes;
mod connection;
mod database_url;
pub mod demo_traders;
pub mod deposits;
mod error;
#[cfg(test)]
pub mod fixtures;
mod hosts;
pub mod idempotency;
pub mod laravel;
pub mod leases;
mod libpq;
pub mod log_ins;
mod long_reads;
pub mod markets;
mod migrations;
mod notifications;
mod numbering;
pub mod occupancy;
pub mod one_time_passwords;
pub mod outbox;
mod permits;
mod pooling;
mod postgres_errors;
mod postgres_url;
pub mod pruning;
pub mod published_books;
pub mod publishers;
mod replicas;
pub mod reports;
mod rows;
pub mod schema;
pub mod sessions;
mod shared_reads;
pub mod sign_in_uses;
pub mod sign_ins;
mod statement;
mod timeouts;
pub mod trading;
pub mod user_status;
pub mod users;
pub mod views;
pub mod webhook_endpoints;
pub mod webhook_messages;
pub mod withdrawals;
mod write;

use std::sync::Arc;
use std::time::Duration;

use call::GivenUpCalls;
use diesel::connection::SimpleConnection;
use diesel::r2d2::State;
use notifications::Notifying;
use permits::acquire;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use write::SqliteWriter;

use crate::deadline::Deadline;

pub use call::Call;
pub use client_info::{ClientInfo, UserAgent};
pub use clock::{from_unix_micros, now, unix_micros};
pub use connection::AnyConnection;
pub use database_url::DatabaseUrl;
pub use error::StoreError;
pub use migrations::{
    is_migrated, migrate, revert_last_migration, revert_migrations, run_next_migration,
};
pub use notifications::Listener;
pub use replicas::{Reader, Replicas};
pub use shared_reads::{Found, SharedReads};
pub use timeouts::Timeouts;
pub use write::LockedMarkets;

/// More than there are owners of connections, each with one call at a time: others may have been
/// given up.
const MAX_OWNERS: usize = 8;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    /// The call that transactions belong to: none begins or commits once it is given up.
    call: Option<Arc<Call>>,
}

struct Inner {
    url: DatabaseUrl,
    timeouts: Timeouts,
    pool: diesel::r2d2::Pool<connection::Manager>,
    /// One permit per pooled connection: requests queue here without occupying a thread.
    permits: Arc<Semaphore>,
    /// One permit per page of an export.
    bulk_permits: Arc<Semaphore>,
    /// One permit per report.
    report_permits: Arc<Semaphore>,
    /// One permit per call on a connection that has an owner.
    owner_permits: Arc<Semaphore>,
    given_up: GivenUpCalls,
    sqlite_writer: Option<SqliteWriter>,
    notifying: Notifying,
}

impl Store {
    /// Opens the pool, with default time-outs. The schema must exist, see [`migrate`].
    pub fn open(url: DatabaseUrl, pool_size: u32) -> Result<Self, StoreError> {
        Self::open_with(url, pool_size, Timeouts::default())
    }

    /// Opens the pool. The schema must exist, see [`migrate`].
    ///
    /// As many connections again are opened only while calls hang that were given up.
    pub fn open_with(
        url: DatabaseUrl,
        pool_size: u32,
        timeouts: Timeouts,
    ) -> Result<Self, StoreError> {
        let sqlite_writer = matches!(url, DatabaseUrl::Sqlite(_)).then(SqliteWriter::default);
        let writers = u32::from(sqlite_writer.is_some());
        let max_size = pool_size.saturating_mul(2).saturating_add(writers);
        let pool = connection::open_pool(&url, max_size, timeouts.request)?;
        let permits = Semaphore::new(usize::try_from(pool_size).unwrap_or(Semaphore::MAX_PERMITS));
        let inner = Inner {
            url,
            timeouts,
            pool,
            permits: Arc::new(permits),
            bulk_permits: Arc::new(Semaphore::new(long_reads::MAX_BULK_READS)),
            report_permits: Arc::new(Semaphore::new(long_reads::MAX_REPORTS)),
            owner_permits: Arc::new(Semaphore::new(MAX_OWNERS)),
            given_up: GivenUpCalls::at_most(pool_size),
            sqlite_writer,
            notifying: Notifying::default(),
        };
        Ok(Self { inner: Arc::new(inner), call: None })
    }

    /// Whether one transaction writes at a time, whatever it writes.
    pub fn has_one_writer(&self) -> bool {
        self.inner.sqlite_writer.is_some()
    }

    /// The same database for the transactions of one call.
    pub fn for_call(&self, call: &Arc<Call>) -> Self {
        Self { inner: Arc::clone(&self.inner), call: Some(Arc::clone(call)) }
    }

    /// A connection outside the pool, for an owner that keeps it.
    pub fn connect(&self) -> Result<AnyConnection, StoreError> {
        self.connect_with(self.inner.timeouts.batch)
    }

    /// [`Store::connect`] with another limit for waits for locks.
    pub fn connect_with(&self, lock_timeout: Duration) -> Result<AnyConnection, StoreError> {
        AnyConnection::open_with(&self.inner.url, lock_timeout, self.inner.timeouts.batch)
    }

    /// Runs `work`, which may write, with a pooled connection on a thread that may block. Unlike
    /// [`Store::read`] and [`Store::transact`] it cannot be repeated, so the connection is tested.
    ///
    /// The permit belongs to the work, which continues if the call is dropped.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError::Unavailable`] if no connection becomes free, or the
    /// database does not respond, in time.
    pub async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let tested = move |store: &Store, connection: &mut AnyConnection| {
            if connection.batch_execute("SELECT 1").is_err() {
                store.reconnect(connection)?;
            }
            work(store, connection)
        };
        self.run_by(Deadline::within(self.inner.timeouts.request), tested).await
    }

    async fn run_by<T, W>(&self, deadline: Deadline, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let writer = self.inner.sqlite_writer.as_ref();
        let permits = writer.map_or(&self.inner.permits, SqliteWriter::permits);
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
        let on_thread = move |call: &Arc<Call>| {
            let mut pooled = store.inner.pool.get_timeout(deadline.remaining())?;
            pooled.replace_if_suspect(&store.inner.url, store.inner.timeouts.request)?;
            let outcome = work(&store.for_call(call), &mut pooled.connection)
                .map_err(|error| pooled.connection.explain(error));
            pooled.is_lost = call.is_given_up()
                || matches!(
                    outcome,
                    Err(StoreError::Unavailable(_) | StoreError::CommitUnknown(_))
                );
            outcome
        };
        self.inner.given_up.run(deadline, permit, on_thread).await
    }

    /// Runs `work` on a thread that may block, with the connection of an owner: `open`, or a new
    /// one. Returns the connection, unless the call fails.
    pub async fn run_on<T, W>(
        &self,
        open: Option<AnyConnection>,
        work: W,
    ) -> Result<(AnyConnection, T), StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let store = self.clone();
        let on_thread = move |call: &Arc<Call>| {
            let mut connection = open.map_or_else(|| store.connect(), Ok)?;
            match work(&store.for_call(call), &mut connection) {
                Ok(value) => Ok((connection, value)),
                Err(error) => Err(connection.explain(error)),
            }
        };
        let deadline = Deadline::within(self.inner.timeouts.batch);
        let permit = acquire(&self.inner.owner_permits, deadline).await?;
        self.inner.given_up.run(deadline, permit, on_thread).await
    }

    /// Updates the metrics of the pool.
    pub fn count_connections(&self) {
        let State { connections, idle_connections, .. } = self.inner.pool.state();
        let busy = connections.saturating_sub(idle_connections);
        for (state, count) in [("idle", idle_connections), ("busy", busy)] {
            metrics::gauge!("matchcast_store_connections", "state" => state).set(f64::from(count));
        }
    }

    /// Checks that the database responds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|connection| Ok(connection.batch_execute("SELECT 1")?)).await
    }

    /// [`Store::run`] for work that reads: it waits for no writer, and `work` runs once more on a
    /// new connection if the pooled one led to a server that is gone.
    pub async fn read<T, W>(&self, mut work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let deadline = Deadline::within(self.inner.timeouts.request);
        let permit = acquire(&self.inner.permits, deadline).await?;
        let read = move |store: &Store, connection: &mut AnyConnection| match work(connection)
            .map_err(|error| connection.explain(error))
        {
            Err(StoreError::Unavailable(cause)) if !deadline.has_passed() => {
                tracing::debug!(cause, "a read is repeated on a new connection");
                store.reconnect(connection)?;
                work(connection)
            }
            outcome => outcome,
        };
        self.run_with(permit, deadline, read).await
    }

    /// Replaces a pooled connection.
    fn reconnect(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        let timeout = self.inner.timeouts.request;
        *connection = AnyConnection::open_with(&self.inner.url, timeout, timeout)?;
        Ok(())
    }

    /// [`Store::read`] for several statements that must read the same state.
    pub async fn read_snapshot<T, W>(&self, mut work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let in_snapshot = move |connection: &mut AnyConnection| {
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
        let deadline = Deadline::within(self.inner.timeouts.request);
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
                self.reconnect(connection)?;
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
}
