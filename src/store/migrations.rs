//! The migrations, which are embedded in the binary and run one process at a time.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::SQLITE_BUSY_TIMEOUT;
use super::{AnyConnection, DatabaseUrl, StoreError};

const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// For one transaction, because a pooler may give the next one another session of the server.
const UNLIMITED: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
    SET LOCAL idle_in_transaction_session_timeout = 0";
/// Set once for the file, before other connections open it: changing the mode needs exclusive
/// access.
const SQLITE_FILE: &str = "PRAGMA journal_mode = WAL";

/// Creates the SQLite file and its folder if they are missing.
fn prepare_file(url: &DatabaseUrl) -> Result<(), StoreError> {
    let DatabaseUrl::Sqlite(path) = url else {
        return Ok(());
    };
    if let Some(folder) = Path::new(path).parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", folder.display())))?;
    }
    let mut connection = SqliteConnection::establish(path)
        .map_err(|error| StoreError::Unavailable(format!("{path}: {error}")))?;
    enable_wal(&mut connection)
}

/// SQLite does not wait for other connections while it changes the mode, so this does.
fn enable_wal(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let deadline = Instant::now() + SQLITE_BUSY_TIMEOUT;
    loop {
        match connection.batch_execute(SQLITE_FILE).map_err(StoreError::from) {
            Err(StoreError::Conflict(_)) if Instant::now() < deadline => pause(),
            outcome => return outcome,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a blocking thread, before anything is served")]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

/// Runs the pending migrations and returns their number.
///
/// One process migrates at a time: the others wait (on PostgreSQL for a row, on SQLite for the
/// file), and find nothing left to do.
pub fn migrate(url: &DatabaseUrl) -> Result<usize, StoreError> {
    let run = |connection: &mut AnyConnection| {
        let mut done = 0;
        while !is_migrated(connection)? {
            done += without_limits(connection, run_next)?;
        }
        Ok(done)
    };
    with_migration_lock(url, run)
}

fn run_next(connection: &mut AnyConnection) -> Result<usize, StoreError> {
    match connection {
        AnyConnection::Postgres(c) => one(c.run_next_migration(POSTGRES_MIGRATIONS)),
        AnyConnection::Sqlite(c) => one(c.run_next_migration(SQLITE_MIGRATIONS)),
    }
}

/// Whether all migrations of this version have run.
pub fn is_migrated(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let is_pending = match connection {
        AnyConnection::Postgres(c) => c.has_pending_migration(POSTGRES_MIGRATIONS),
        AnyConnection::Sqlite(c) => c.has_pending_migration(SQLITE_MIGRATIONS),
    };
    is_pending.map(|is_pending| !is_pending).map_err(|error| StoreError::Other(error.to_string()))
}

/// Runs the next pending migration. For tests of the migrations.
///
/// # Errors
/// When no migration is pending.
pub fn run_next_migration(url: &DatabaseUrl) -> Result<(), StoreError> {
    with_migration_lock(url, |connection| without_limits(connection, run_next)).map(|_| ())
}

/// Reverts the last migration. For tests of the migrations.
///
/// # Errors
/// When no migration was run.
pub fn revert_last_migration(url: &DatabaseUrl) -> Result<(), StoreError> {
    let run = |connection: &mut AnyConnection| match connection {
        AnyConnection::Postgres(c) => one(c.revert_last_migration(POSTGRES_MIGRATIONS)),
        AnyConnection::Sqlite(c) => one(c.revert_last_migration(SQLITE_MIGRATIONS)),
    };
    with_migration_lock(url, run).map(|_| ())
}

/// Reverts all migrations, which deletes all data. For tests of the migrations.
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

fn one<T, E: std::fmt::Display>(done: Result<T, E>) -> Result<usize, StoreError> {
    count(done.map(|migration| vec![migration]))
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
    create_lock_row(&mut guard)?;
    guard.transaction(|guard| {
        guard.batch_execute(UNLIMITED)?;
        guard.batch_execute("SELECT 1 FROM migration_lock FOR UPDATE")?;
        run(&mut worker)
    })
}

/// One transaction, which may take any time.
fn without_limits(
    connection: &mut AnyConnection,
    run: impl Fn(&mut AnyConnection) -> Result<usize, StoreError>,
) -> Result<usize, StoreError> {
    if let AnyConnection::Sqlite(_) = connection {
        return run(connection);
    }
    connection.transaction(|connection| {
        connection.batch_execute(UNLIMITED)?;
        run(connection)
    })
}

/// All migrations in one transaction of SQLite: other processes wait for the lock of the file, and
/// look for pending migrations only when they hold it.
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

/// When two processes create the same table at the same time, one of them fails, and tries again.
fn create_lock_row(connection: &mut PgConnection) -> Result<(), StoreError> {
    const ATTEMPTS: usize = 5;
    let create = "CREATE TABLE IF NOT EXISTS migration_lock (id INTEGER PRIMARY KEY); \
                  INSERT INTO migration_lock VALUES (1) ON CONFLICT DO NOTHING";
    let mut outcome = connection.batch_execute(create);
    for _ in 1..ATTEMPTS {
        match outcome {
            Err(Error::DatabaseError(..)) => outcome = connection.batch_execute(create),
            _ => break,
        }
    }
    Ok(outcome?)
}
