//! Migrations: the same tables and columns on both databases and in Diesel's schema.

use std::collections::{BTreeMap, BTreeSet};

use crate::{files, read};

type Tables = BTreeMap<String, Vec<String>>;

/// Applies what a migration creates, adds and renames.
fn apply_migration(tables: &mut Tables, sql: &str) {
    let code = |line: &str| line.split("--").next().unwrap_or("").trim().to_owned();
    let mut current = None;
    for line in sql.lines().map(code) {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            current = Some(rest.trim_end_matches('(').trim().to_owned());
        } else if line.starts_with(')') {
            current = None;
        } else if let Some(rest) = line.strip_prefix("ALTER TABLE ") {
            alter_table(tables, rest.trim_end_matches(';'));
        } else if let Some(table) = &current {
            let word = line.split_whitespace().next().unwrap_or("").to_owned();
            if word.starts_with(|c: char| c.is_ascii_lowercase()) {
                tables.entry(table.clone()).or_default().push(word);
            }
        }
    }
}

fn alter_table(tables: &mut Tables, statement: &str) {
    if let Some((table, column)) = statement.split_once(" ADD COLUMN ") {
        let column = column.split_whitespace().next().unwrap_or("").to_owned();
        tables.entry(table.to_owned()).or_default().push(column);
    } else if let Some((table, columns)) = statement.split_once(" RENAME COLUMN ") {
        let (old, new) = columns.split_once(" TO ").expect("RENAME COLUMN old TO new");
        for column in tables.get_mut(table).expect(table).iter_mut().filter(|name| *name == old) {
            new.clone_into(column);
        }
    } else if let Some((table, new)) = statement.split_once(" RENAME TO ") {
        let columns = tables.remove(table).expect(table);
        tables.insert(new.to_owned(), columns);
    }
}

/// The statements of a migration that both databases must share.
fn shared_statements(sql: &str) -> BTreeSet<String> {
    let is_shared = |line: &&str| {
        line.starts_with("DROP TABLE")
            || (line.starts_with("ALTER TABLE")
                && [" DROP COLUMN ", " RENAME COLUMN ", " RENAME TO "]
                    .iter()
                    .any(|change| line.contains(change)))
    };
    sql.lines().filter(is_shared).map(str::to_owned).collect()
}

/// The tables and columns that Diesel's schema names.
fn tables_of_schema() -> Tables {
    let mut tables = Tables::new();
    let mut current = String::new();
    let schema = read("src/store/schema.rs") + &read("src/store/schema/administration.rs");
    for line in schema.lines() {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            current = name.trim().to_owned();
        } else if line.starts_with("diesel::joinable!") {
            // Contains no columns.
        } else if let Some((column, _)) = line.split_once(" -> ") {
            tables.entry(current.clone()).or_default().push(column.trim().to_owned());
        }
    }
    tables
}

#[test]
fn migrations_are_twins() {
    let of = |database: &str| -> BTreeMap<String, String> {
        let folder = format!("migrations/{database}/");
        let files = files(&[folder.trim_end_matches('/')]).into_iter();
        files.map(|file| (file.path.replace(&folder, ""), file.text)).collect()
    };
    let (postgres, sqlite) = (of("postgres"), of("sqlite"));
    assert_eq!(postgres.keys().collect::<Vec<_>>(), sqlite.keys().collect::<Vec<_>>());
    let (mut all, mut twin) = (Tables::new(), Tables::new());
    for (name, sql) in &postgres {
        if name.ends_with("up.sql") {
            apply_migration(&mut all, sql);
            apply_migration(&mut twin, &sqlite[name]);
            assert_eq!(all, twin, "{name}");
        }
        assert_eq!(shared_statements(sql), shared_statements(&sqlite[name]), "{name}");
    }
    assert!(all.len() > 10, "{all:?}");
    assert_eq!(all, tables_of_schema(), "src/store/schema.rs");
}

/// Migrations before this rule, which change data of versions that ran on PostgreSQL and SQLite.
const MIXED: [&str; 6] =
    ["lanes", "market_rules", "stops_and_expiry", "candles", "names_first", "admin_log"];

/// Whether a migration changes both the schema and data. Where a transaction may not use what it
/// has created, as on relatives of PostgreSQL, it would fail.
fn is_mixed(sql: &str) -> bool {
    let has = |words: &[&str]| sql.lines().any(|line| words.iter().any(|w| line.starts_with(w)));
    has(&["CREATE ", "ALTER ", "DROP "]) && has(&["INSERT ", "UPDATE ", "DELETE "])
}

#[test]
fn a_migration_changes_either_the_schema_or_data() {
    assert!(is_mixed("ALTER TABLE a ADD COLUMN b;\nUPDATE a SET b = 1;"));
    assert!(!is_mixed("CREATE TABLE a (\n    b INTEGER -- UPDATE\n);"));
    let migrations = files(&["migrations/postgres"]);
    let mixed = migrations.iter().filter(|file| file.path.ends_with("up.sql"));
    let mixed: Vec<&str> =
        mixed.filter(|file| is_mixed(&file.text)).map(|file| file.path.as_str()).collect();
    let is_known =
        |path: &&str| MIXED.iter().any(|name| path.ends_with(&format!("_{name}/up.sql")));
    assert!(mixed.iter().all(is_known), "{mixed:?}");
    assert_eq!(mixed.len(), MIXED.len(), "{mixed:?}");
}
