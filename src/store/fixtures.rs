//! A database for unit tests.

use super::{DatabaseUrl, Store, migrate};

/// An empty SQLite database with `connections` connections, which is deleted with the folder.
pub fn temporary(connections: u32) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
    let url = DatabaseUrl::parse(&url).expect("a valid URL");
    migrate(&url).expect("an empty database can be migrated");
    let store = Store::open(url, connections).expect("the database exists");
    (folder, store)
}
