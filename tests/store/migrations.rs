//! The migrations: up, down and up again; by several processes at once.

use std::sync::Barrier;

use diesel::prelude::*;
use diesel::sql_types::Text;
use matchcast::store::{self, AnyConnection, DatabaseUrl};

use crate::on_both;
use crate::support::database::Database;

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The `name`s that a query returns.
pub fn names(database: &Database, query: &str) -> Vec<String> {
    let rows: Vec<Named> = diesel::sql_query(query).load(&mut database.connect()).unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

/// All tables and indexes, except those that the migrations need for themselves.
fn schema(database: &Database) -> Vec<String> {
    let query = if database.is_postgres() {
        "SELECT CAST(relname AS TEXT) AS name FROM pg_class JOIN pg_namespace n \
         ON n.oid = relnamespace WHERE nspname = 'public' AND relkind IN ('r', 'i') ORDER BY 1"
    } else {
        "SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS name FROM sqlite_master \
         WHERE name NOT LIKE 'sqlite_%' ORDER BY 1"
    };
    let own = ["migration_lock", "__diesel_schema_migrations"];
    let is_own = |name: &String| own.iter().any(|own| name.contains(own));
    names(database, query).into_iter().filter(|name| !is_own(name)).collect()
}

/// Runs `work` in several threads at the same moment.
fn at_once<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let run = || {
            start.wait();
            work()
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

on_both! {
    async fn up_down_and_up_again(database: Database) {
        let url = database.parsed();
        let count = store::migrate(&url).unwrap();
        let migrated = schema(&database);
        assert!(count >= 3 && migrated.len() > 15, "{count} {migrated:?}");
        assert_eq!(store::migrate(&url).unwrap(), 0, "no migration is pending");
        assert_eq!(store::revert_migrations(&url).unwrap(), count);
        assert_eq!(schema(&database), Vec::<String>::new(), "down leaves nothing");
        assert_eq!(store::migrate(&url).unwrap(), count);
        assert_eq!(schema(&database), migrated, "up is the same again");
        database.open_store();
        database.audit();
    }

    async fn processes_that_start_at_once_migrate_once(database: Database) {
        let url = database.parsed();
        let counts = at_once(6, || store::migrate(&url).unwrap());
        let count = counts.iter().sum::<usize>();
        assert!(count >= 3, "{counts:?}");
        assert_eq!(counts.iter().filter(|count| **count > 0).count(), 1, "{counts:?}");
        // Each process then creates the markets.
        at_once(4, || database.open_store());
        database.audit();
    }
}

#[test]
fn a_misspelt_url_creates_no_database() {
    for (url, named) in [
        ("", "DATABASE_URL"),
        ("postgre://localhost/x", "postgre"),
        ("Sqlite://x", "Sqlite"),
        ("mysql://x", "mysql"),
        ("matchcast.sqlite", "DATABASE_URL"),
        ("sqlite://", "sqlite"),
        ("sqlite://:memory:", "sqlite"),
    ] {
        let error = DatabaseUrl::parse(url).expect_err(url);
        assert!(error.contains(named), "{url}: {error}");
    }
    let nowhere = DatabaseUrl::parse("postgres://user:s3ntinel@127.0.0.1:1/x").unwrap();
    let Err(error) = AnyConnection::open(&nowhere) else { panic!("there is no server") };
    assert!(!error.to_string().contains("s3ntinel"), "{error}");
    assert_eq!(format!("{nowhere:?}"), "PostgreSQL");
}
