//! A connection to either database.
//!
//! The scheme of the URL selects the database; an unknown scheme is an error. The `establish` that
//! Diesel derives for [`AnyConnection`] is never called: it would try one database after the other,
//! and turn a misspelt URL into an empty SQLite file.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::Pool;
use diesel::sqlite::SqliteConnection;

use super::hosts::Host;
use super::libpq::{establish, unavailable};
use super::pooling::{self, POOLED_LOCK_TIMEOUT, Pooling};
use super::postgres_errors::Observer;
use super::{Call, DatabaseUrl, StoreError};
use crate::market::MarketId;

/// An explicit READ WRITE would fail on a standby with an error of no known kind.
///
/// Sequences may cache values in each session: YugabyteDB's do unless it is told otherwise, others'
/// with `CACHE`. A session that has not been used for a while would number rows with values from
/// before those that other sessions have written since. Without cached values, the ids that a
/// transaction takes while it holds a lock are greater than those of its holders before: the
/// entries of an account and the events of a channel are in the order of their ids.
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; DISCARD SEQUENCES";
/// Tells other processes that this transaction has committed. With its beginning, because that
/// costs no round trip.
const NOTIFY: &str = "NOTIFY matchcast_outbox";
/// `synchronous = FULL`: an acknowledged commit survives a power failure, also with WAL.
const SQLITE_SESSION: &str = "PRAGMA foreign_keys = ON; \
    PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; \
    PRAGMA wal_autocheckpoint = 4000";
/// Time-outs of a connection without an owner that knows better.
const MAINTENANCE_LOCK_TIMEOUT: Duration = Duration::from_secs(10);
const MAINTENANCE_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest pause of the pool between two attempts to connect to a server that is gone.
const MAX_RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// How long SQLite waits for a lock of another process.
pub(super) const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to PostgreSQL or SQLite.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl AnyConnection {
    /// Opens a connection for commands and maintenance: statements may take a minute.
    pub fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Self::open_with(url, MAINTENANCE_LOCK_TIMEOUT, MAINTENANCE_TIMEOUT)
    }

    /// Opens a connection whose attempt to connect, waits for locks, and statements end in time.
    pub(super) fn open_with(
        url: &DatabaseUrl,
        lock_timeout: Duration,
        statement_timeout: Duration,
    ) -> Result<Self, StoreError> {
        Self::open_on_host(url, lock_timeout, statement_timeout).map(|(connection, _)| connection)
    }

    /// [`Self::open_with`], with the host if there is one.
    fn open_on_host(
        url: &DatabaseUrl,
        lock_timeout: Duration,
        statement_timeout: Duration,
    ) -> Result<(Self, Option<Arc<Host>>), StoreError> {
        match url {
            DatabaseUrl::Postgres { hosts, pooling, .. } => {
                let pooling = pooling.get(hosts)?;
                let (mut connection, host) = hosts.connect(|url| establish(url, lock_timeout))?;
                let shortest_limit = match pooling {
                    Pooling::Session => lock_timeout.min(statement_timeout),
                    Pooling::Transaction => POOLED_LOCK_TIMEOUT,
                };
                let waited_for = Arc::clone(&host);
                let begins = move || Call::waits_for(&waited_for);
                connection.set_instrumentation(Observer::new(shortest_limit, begins));
                if pooling == Pooling::Session {
                    pooling::set_up(&mut connection, lock_timeout, statement_timeout)?;
                }
                Ok((Self::Postgres(connection), Some(host)))
            }
            DatabaseUrl::Sqlite(path) => {
                let mut connection =
                    Self::Sqlite(SqliteConnection::establish(path).map_err(unavailable)?);
                // First, because the others may have to wait.
                connection.set_sqlite_busy_timeout(SQLITE_BUSY_TIMEOUT)?;
                connection.batch_execute(SQLITE_SESSION)?;
                Ok((connection, None))
            }
        }
    }

    pub fn begin_write(&mut self) -> QueryResult<()> {
        match self {
            Self::Postgres(c) => begin_with(c, BEGIN_WRITE),
            // A deferred transaction that becomes a writer fails at once while another one writes.
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        }
    }

    /// [`Self::begin_write`], and locks markets by id, with the same round trip. The write
    /// transaction of SQLite is the lock of everything. `notifying`: other processes hear of the
    /// commit, and that it is of this sender.
    pub fn begin_write_locking(
        &mut self,
        markets: &BTreeSet<MarketId>,
        notifying: Option<&str>,
    ) -> QueryResult<()> {
        let Self::Postgres(c) = self else { return self.begin_write() };
        let mut begin = BEGIN_WRITE.to_owned();
        if let Some(sender) = notifying {
            begin = format!("{begin}; {NOTIFY}, '{sender}'");
        }
        if !markets.is_empty() {
            // In the text, because several statements have no parameters.
            let ids: Vec<String> = markets.iter().map(|id| id.0.to_string()).collect();
            let ids = ids.join(", ");
            begin =
                format!("{begin}; SELECT FROM markets WHERE id IN ({ids}) ORDER BY id FOR UPDATE");
        }
        begin_with(c, &begin)
    }

    /// All statements until the commit read the same state.
    pub fn begin_snapshot(&mut self) -> QueryResult<()> {
        match self {
            Self::Postgres(c) => AnsiTransactionManager::begin_transaction_sql(
                c,
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            ),
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN"),
        }
    }

    /// [`Self::begin_snapshot`] for statements that read whole tables, each once, unlike all
    /// others. On PostgreSQL each may take this long; zero: without a limit.
    pub fn begin_report(&mut self, statement_timeout: Duration) -> QueryResult<()> {
        self.begin_snapshot()?;
        self.plan_report(statement_timeout)
    }

    /// What [`Self::begin_report`] does besides beginning, for the transaction that is running.
    pub fn plan_report(&mut self, statement_timeout: Duration) -> QueryResult<()> {
        let Self::Postgres(c) = self else { return Ok(()) };
        c.batch_execute(&format!(
            "SET LOCAL statement_timeout = {}; SET LOCAL datestyle = 'ISO'; \
             SET LOCAL enable_nestloop = off; SET LOCAL enable_seqscan = on; \
             SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on",
            statement_timeout.as_millis(),
        ))
    }

    /// How long SQLite waits for a lock of another process. Nothing on PostgreSQL.
    pub fn set_sqlite_busy_timeout(&mut self, timeout: Duration) -> QueryResult<()> {
        match self {
            Self::Postgres(_) => Ok(()),
            // Zero would fail at once, although the lock may be free.
            Self::Sqlite(c) => {
                c.batch_execute(&format!("PRAGMA busy_timeout = {}", timeout.as_millis().max(1)))
            }
        }
    }

    /// An error of a statement, unless the server is gone: it may have said so in any language.
    pub(super) fn explain(&mut self, error: StoreError) -> StoreError {
        match error {
            StoreError::Other(cause) if self.batch_execute("SELECT 1").is_err() => {
                StoreError::Unavailable(cause)
            }
            error => error,
        }
    }

    pub fn commit(&mut self) -> QueryResult<()> {
        match self {
            Self::Postgres(c) => AnsiTransactionManager::commit_transaction(c),
            Self::Sqlite(c) => AnsiTransactionManager::commit_transaction(c),
        }
    }

    pub fn rollback(&mut self) -> QueryResult<()> {
        match self {
            Self::Postgres(c) => AnsiTransactionManager::rollback_transaction(c),
            Self::Sqlite(c) => AnsiTransactionManager::rollback_transaction(c),
        }
    }
}

/// Begins a transaction with several statements in one message.
fn begin_with(connection: &mut PgConnection, statements: &str) -> QueryResult<()> {
    let begun = AnsiTransactionManager::begin_transaction_sql(connection, statements);
    if begun.is_err() {
        // The transaction may have begun, and waits for its end, which Diesel does not know.
        connection.batch_execute("ROLLBACK")?;
    }
    begun
}

/// Opens a pool with one connection.
pub fn open_pool(
    url: &DatabaseUrl,
    max_size: u32,
    timeout: Duration,
) -> Result<Pool<Manager>, StoreError> {
    let pool = Pool::builder()
        .max_size(max_size)
        .min_idle(Some(1))
        // Calls have their own time-outs. The pool pauses for up to half of this one between two
        // attempts to connect.
        .connection_timeout(MAX_RECONNECT_PAUSE * 2)
        // It would be a round trip of each call. Calls are repeated on a new connection.
        .test_on_check_out(false)
        .build_unchecked(Manager { url: url.clone(), timeout });
    drop(pool.get_timeout(timeout)?);
    Ok(pool)
}

/// Opens pooled connections.
#[derive(Debug)]
pub struct Manager {
    pub url: DatabaseUrl,
    pub timeout: Duration,
}

/// A connection of the pool.
pub struct Pooled {
    pub connection: AnyConnection,
    /// Set after a failure that its server may have caused: it does not return to the pool.
    pub is_lost: bool,
    host: Option<Arc<Host>>,
    opened_at: Instant,
}

impl Pooled {
    pub fn open(url: &DatabaseUrl, timeout: Duration) -> Result<Self, StoreError> {
        let opened_at = Instant::now();
        let (connection, host) = AnyConnection::open_on_host(url, timeout, timeout)?;
        Ok(Self { connection, is_lost: false, host, opened_at })
    }

    /// Replaces the connection if a call on another one to the same host was given up since this
    /// one was opened. Otherwise a frozen server would take the time-out of a call for each
    /// connection of the pool, and keep them all.
    pub fn replace_if_suspect(
        &mut self,
        url: &DatabaseUrl,
        timeout: Duration,
    ) -> Result<(), StoreError> {
        if self.host.as_ref().is_some_and(|host| host.was_suspected_after(self.opened_at)) {
            // Unless another one can be opened, it leaves the pool.
            self.is_lost = true;
            *self = Self::open(url, timeout)?;
        }
        Ok(())
    }
}

impl diesel::r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = StoreError;

    fn connect(&self) -> Result<Pooled, StoreError> {
        Pooled::open(&self.url, self.timeout)
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), StoreError> {
        Ok(pooled.connection.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        use diesel::r2d2::R2D2Connection;
        std::thread::panicking() || pooled.is_lost || pooled.connection.is_broken()
    }
}
