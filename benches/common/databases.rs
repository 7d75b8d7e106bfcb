//! The databases to measure.

use crate::database::Database;

/// The name of a database, and a function that creates an empty one.
pub type DatabaseKind = (&'static str, fn() -> Database);

/// SQLite, and PostgreSQL if TEST_DATABASE_URL is set, as `make bench` does.
pub fn all() -> Vec<DatabaseKind> {
    let mut all: Vec<DatabaseKind> = vec![("sqlite", Database::sqlite)];
    if std::env::var_os("TEST_DATABASE_URL").is_some() {
        all.insert(0, ("postgres", Database::postgres));
    }
    all
}
