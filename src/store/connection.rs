//! A connection to either database.
//!
//! The scheme of the URL selects the database; an unknown scheme is an error. The `establish` that
//! Diesel derives for [`AnyConnection`] is never called: it would try one database after the other,
//! and turn a misspelt URL into an empty SQLite file.

use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::StoreError;

/// The time-outs are far longer than any statement of matchcast takes: one that reaches them is
/// broken and must not keep its locks.
///
/// Every query follows an index from a few rows. The plans that are disabled read whole tables: a
/// planner without statistics chooses them while a table is small, and keeps them for the prepared
/// statement while it grows.
const POSTGRES_SESSION: &str = "SET TIME ZONE 'UTC'; SET client_min_messages = warning; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET max_parallel_workers_per_gather = 0; \
    SET lock_timeout = '10s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '30s'; SET jit = off";
/// `synchronous = FULL`: an acknowledged commit survives a power failure, also with WAL.
const SQLITE_SESSION: &str = "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; \
    PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; \
    PRAGMA wal_autocheckpoint = 4000";
/// The `busy_timeout` of [`SQLITE_SESSION`].
pub(super) const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to PostgreSQL or SQLite.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// A database and its address. Parsed from `DATABASE_URL`.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// The whole URL. It may hold a password and is never printed.
    Postgres(String),
    /// The path of the file.
    Sqlite(String),
}

impl DatabaseUrl {
    /// # Errors
    /// A sentence when the scheme is neither `postgres`, `postgresql` nor `sqlite`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err("DATABASE_URL must be sqlite://path or postgres://…".to_owned());
        };
        match scheme {
            "postgres" | "postgresql" => Ok(Self::Postgres(url.to_owned())),
            "sqlite" if rest.is_empty() || rest == ":memory:" => {
                Err("DATABASE_URL must name a file after sqlite://".to_owned())
            }
            "sqlite" => Ok(Self::Sqlite(rest.to_owned())),
            _ => Err(format!(
                "DATABASE_URL has the unknown scheme {scheme:?}: use sqlite or postgres"
            )),
        }
    }
}

/// Names the database without the secrets of its URL.
impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Postgres(_) => f.write_str("PostgreSQL"),
            Self::Sqlite(path) => write!(f, "SQLite at {path}"),
        }
    }
}

impl AnyConnection {
    pub fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let unavailable = |error: ConnectionError| StoreError::Unavailable(error.to_string());
        match url {
            DatabaseUrl::Postgres(url) => {
                let mut connection = PgConnection::establish(url).map_err(unavailable)?;
                connection.batch_execute(POSTGRES_SESSION)?;
                Ok(Self::Postgres(connection))
            }
            DatabaseUrl::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(path).map_err(unavailable)?;
                connection.batch_execute(SQLITE_SESSION)?;
                Ok(Self::Sqlite(connection))
            }
        }
    }

    pub fn begin_write(&mut self) -> QueryResult<()> {
        match self {
            Self::Postgres(c) => AnsiTransactionManager::begin_transaction_sql(
                c,
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            ),
            // A deferred transaction that becomes a writer fails at once while another one writes.
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        }
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

/// Opens pooled connections.
#[derive(Debug)]
pub struct Manager(pub DatabaseUrl);

impl diesel::r2d2::ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = StoreError;

    fn connect(&self) -> Result<AnyConnection, StoreError> {
        AnyConnection::open(&self.0)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        Ok(connection.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        use diesel::r2d2::R2D2Connection;
        std::thread::panicking() || connection.is_broken()
    }
}
