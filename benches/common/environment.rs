//! The versions, the machine and the settings of the databases, as they are in this run.

use std::process::Command;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use matchcast::store::AnyConnection;
use serde_json::{Map, Value, json};

use crate::database::Database;
use crate::databases;

/// The settings of PostgreSQL that figures depend on.
const POSTGRES_SETTINGS: [&str; 9] = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "shared_buffers",
    "max_wal_size",
    "autovacuum",
    "max_connections",
];

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

#[derive(QueryableByName)]
struct Synchronous {
    #[diesel(sql_type = BigInt)]
    synchronous: i64,
}

/// Everything that a reader needs to judge the figures.
pub fn read() -> Value {
    let mut environment = json!({
        "commit": output("git", &["describe", "--always", "--dirty", "--abbrev=10"]),
        "rustc": output("rustc", &["--version"]),
        "kernel": output("uname", &["-sr"]),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "processor": field("/proc/cpuinfo", "model name"),
        "memory": field("/proc/meminfo", "MemTotal"),
    });
    for (name, create) in databases::all() {
        environment[name] = settings(&create());
    }
    environment
}

fn settings(database: &Database) -> Value {
    if !database.is_postgres() {
        return sqlite_settings(database);
    }
    let mut connection = database.connect();
    let setting = |name: &&str| {
        let sql = format!("SELECT current_setting('{name}') AS text");
        ((*name).to_owned(), Value::String(query(&mut connection, &sql)))
    };
    Value::Object(POSTGRES_SETTINGS.iter().map(setting).collect::<Map<_, _>>())
}

fn sqlite_settings(database: &Database) -> Value {
    // Migrations choose the journal of the file.
    drop(database.open_store());
    let mut connection = database.connect();
    let journal = diesel::sql_query("PRAGMA journal_mode").get_result(&mut connection);
    let JournalMode { journal_mode } = journal.expect("a setting");
    let level = diesel::sql_query("PRAGMA synchronous").get_result(&mut connection);
    let Synchronous { synchronous } = level.expect("a setting");
    let names = ["OFF", "NORMAL", "FULL", "EXTRA"];
    let name = usize::try_from(synchronous).ok().and_then(|level| names.get(level));
    json!({
        "version": query(&mut connection, "SELECT sqlite_version() AS text"),
        "journal_mode": journal_mode,
        "synchronous": name,
    })
}

fn query(connection: &mut AnyConnection, sql: &str) -> String {
    diesel::sql_query(sql).get_result::<Row>(connection).expect(sql).text
}

fn output(program: &str, arguments: &[&str]) -> String {
    let command =
        Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = command.unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The value behind the first colon of the line that begins with `name`.
fn field(path: &str, name: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, value)| value.trim()).into()
}
