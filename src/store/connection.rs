//! One connection to either database, how it is opened, and how its schema is brought up to date.
//!
//! Which database it is follows from the scheme of the URL; an unknown scheme is an error. The
//! `establish` that Diesel derives for [`AnyConnection`] would try one after the other and silently
//! make an empty SQLite file out of a typing error, so nothing here calls it.

use std::path::Path;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::StoreError;

const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Nothing that matchcast asks takes this long; what does is broken and must not hold its locks.
///
/// Every query of ours follows an index from a few rows. The plans that are switched off read whole
/// tables; a planner without statistics takes them while a table is small, and keeps them for the
/// prepared statement while it grows.
const POSTGRES_SESSION: &str = "SET TIME ZONE 'UTC'; SET client_min_messages = warning; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET max_parallel_workers_per_gather = 0; \
    SET lock_timeout = '10s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '30s'; SET jit = off";
/// `synchronous = FULL`: what was acknowledged survives a power cut, also with WAL.
const SQLITE_SESSION: &str = "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; \
    PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; \
    PRAGMA wal_autocheckpoint = 4000";
/// Set once for the file, before anything else opens it: switching needs it alone.
const SQLITE_FILE: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL";

/// A connection to PostgreSQL or SQLite.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Which database, and where. Parsed from `DATABASE_URL`.
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

/// Names the database without what is secret in its URL.
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
            // A deferred transaction that turns into a writer fails at once when another one
            // writes.
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
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

/// Makes the SQLite file and its folder where they are missing.
pub fn prepare_file(url: &DatabaseUrl) -> Result<(), StoreError> {
    let DatabaseUrl::Sqlite(path) = url else {
        return Ok(());
    };
    if let Some(folder) = Path::new(path).parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", folder.display())))?;
    }
    let mut connection = SqliteConnection::establish(path)
        .map_err(|error| StoreError::Unavailable(format!("{path}: {error}")))?;
    connection.batch_execute(SQLITE_FILE)?;
    Ok(())
}

/// Brings the schema up to date and says how many migrations that took.
///
/// One process migrates at a time: the others wait (on PostgreSQL at a row, on SQLite at the file),
/// and find nothing to do.
pub fn migrate(url: &DatabaseUrl) -> Result<usize, StoreError> {
    let run = |connection: &mut AnyConnection| match connection {
        AnyConnection::Postgres(c) => count(c.run_pending_migrations(POSTGRES_MIGRATIONS)),
        AnyConnection::Sqlite(c) => count(c.run_pending_migrations(SQLITE_MIGRATIONS)),
    };
    with_migration_lock(url, run)
}

/// Takes every migration back, and with it all data. For tests of the migrations.
pub fn revert_migrations(url: &DatabaseUrl) -> Result<usize, StoreError> {
    let run = |connection: &mut AnyConnection| match connection {
        AnyConnection::Postgres(c) => count(c.revert_all_migrations(POSTGRES_MIGRATIONS)),
        AnyConnection::Sqlite(c) => count(c.revert_all_migrations(SQLITE_MIGRATIONS)),
    };
    with_migration_lock(url, run)
}

fn count<T, E: std::fmt::Display>(done: Result<Vec<T>, E>) -> Result<usize, StoreError> {
    done.map(|migrations| migrations.len())
        .map_err(|error| StoreError::Other(format!("a migration failed: {error}")))
}

fn with_migration_lock(
    url: &DatabaseUrl,
    run: impl Fn(&mut AnyConnection) -> Result<usize, StoreError>,
) -> Result<usize, StoreError> {
    prepare_file(url)?;
    let mut worker = AnyConnection::open(url)?;
    let mut guard = match AnyConnection::open(url)? {
        AnyConnection::Sqlite(_) => return in_one_transaction(&mut worker, run),
        AnyConnection::Postgres(guard) => guard,
    };
    worker.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0")?;
    guard.batch_execute(
        "SET statement_timeout = 0; SET lock_timeout = 0; \
         SET idle_in_transaction_session_timeout = 0",
    )?;
    make_lock_row(&mut guard)?;
    guard.transaction(|guard| {
        guard.batch_execute("SELECT 1 FROM migration_lock FOR UPDATE")?;
        run(&mut worker)
    })
}

/// All migrations in one transaction of SQLite: other processes wait at the file's lock, and look
/// for what there is to do only when they have it.
fn in_one_transaction(
    connection: &mut AnyConnection,
    run: impl Fn(&mut AnyConnection) -> Result<usize, StoreError>,
) -> Result<usize, StoreError> {
    connection.begin_write()?;
    let outcome = run(connection);
    match outcome {
        Ok(_) => connection.commit()?,
        Err(_) => connection.rollback()?,
    }
    outcome
}

/// Two processes that make the same table at the same time: one of them fails, and tries again.
fn make_lock_row(connection: &mut PgConnection) -> Result<(), StoreError> {
    const ATTEMPTS: usize = 5;
    let make = "CREATE TABLE IF NOT EXISTS migration_lock (id INTEGER PRIMARY KEY); \
                INSERT INTO migration_lock VALUES (1) ON CONFLICT DO NOTHING";
    let mut outcome = connection.batch_execute(make);
    for _ in 1..ATTEMPTS {
        match outcome {
            Err(Error::DatabaseError(..)) => outcome = connection.batch_execute(make),
            _ => break,
        }
    }
    Ok(outcome?)
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
