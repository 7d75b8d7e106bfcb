//! `matchcast import-laravel` with the real binary: a damaged database of a Laravel application is
//! imported from SQLite, PostgreSQL and MariaDB, and its users go on.

#![expect(clippy::unwrap_used, reason = "tests and their helpers may panic")]

#[path = "../support/mod.rs"]
mod support;

mod data;
#[cfg(feature = "mysql-tests")]
mod encrypted;
mod rarer;
mod siblings;
mod source;

use std::collections::BTreeSet;
use std::time::Instant;

use data::{Data, Size, secret};
use serde_json::{Value, json};
use source::Source;
use support::app::TestApp;
use support::client::Client;
use support::database::Database;
use support::{logs, process};

/// Runs `matchcast import-laravel`.
pub async fn import(source: &Source, target: &Database, arguments: &str) -> (i32, String) {
    let command = format!("import-laravel --from {} {arguments}", source.url());
    process::run(&command, &target.url, &[]).await
}

fn findings(report: &Value) -> BTreeSet<(String, String, i64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = report["findings"].as_array().unwrap();
    let found: BTreeSet<_> = all
        .iter()
        .map(|found| (text(&found["name"]), text(&found["table"]), found["row"].as_i64().unwrap()))
        .collect();
    assert_eq!(found.len(), all.len(), "no row is named twice");
    found
}

/// An argon2 hash of `password`.
fn argon2() -> String {
    matchcast::auth::hash_password("password").unwrap()
}

/// Reports, imports, and lets the users go on.
#[expect(clippy::print_stderr, reason = "shows how long a large import takes")]
async fn moves(mut source: Source, target: Database) {
    logs::start();
    let size = Size::from_environment();
    let data = data::write(&mut source, size, &argon2());

    let start = Instant::now();
    let (code, output) = import(&source, &target, "--json").await;
    let dry_run = start.elapsed();
    assert_eq!(code, 0, "{output}");
    let report: Value = serde_json::from_str(&output).unwrap();
    let found = findings(&report);
    let differences: Vec<_> = found.symmetric_difference(&data.expected).take(20).collect();
    assert!(differences.is_empty(), "in one of the two only: {differences:?}");
    assert_eq!(report["is_applied"], false);
    let rows = |kind: &str| {
        let found = report["found"].as_array().unwrap().iter();
        found.clone().find(|found| found["kind"] == kind).unwrap()["rows"].as_i64().unwrap()
    };
    assert_eq!((rows("users"), rows("tokens")), (size.users, size.users + 1));
    if target.is_postgres() {
        target.assert(
            "NOT EXISTS (SELECT * FROM information_schema.tables WHERE table_schema = 'public')",
        );
    } else {
        let path = target.url.trim_start_matches("sqlite://");
        assert!(!std::path::Path::new(path).exists(), "a dry run writes nothing");
    }

    let start = Instant::now();
    let (code, output) = import(&source, &target, "--apply").await;
    let applied = start.elapsed();
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("the audit found nothing"), "{output}");
    eprintln!("{size:?}: dry run {dry_run:?}, import {applied:?}");
    target.audit();
    let first_entry = |action: i16| {
        target.execute(&format!("UPDATE ledger_entries SET action = {action} WHERE id = 1"));
    };
    first_entry(1);
    let found = target.findings();
    assert!(found.iter().any(|finding| finding.starts_with("what was imported is the first")));
    first_entry(14);

    let (code, output) = import(&source, &target, "--apply").await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("the database already has") && output.contains("nothing was written"));

    go_on(&target, &data).await;
    target.audit();
}

/// A client with the token that the user had before.
fn with_token(app: &TestApp, user: i64) -> Client {
    with_text(app, format!("{user}|{}", secret(user)))
}

fn with_text(app: &TestApp, token: String) -> Client {
    let mut client = app.visitor();
    client.token = Some(token);
    client
}

async fn go_on(target: &Database, data: &Data) {
    let off = [("MATCHCAST__DEMO__ENABLED", "false")];
    let app = TestApp::start_with(target, &off).await;
    for user in [1, 2] {
        let mut client = app.visitor();
        client.log_in(&format!("user{user}@example.com"), "password").await;
        assert_eq!(client.get("/api/user").await.status, 200);
    }
    for user in [1, 4, data.users] {
        assert_eq!(with_token(&app, user).get("/api/user").await.status, 200, "user {user}");
    }
    let stranger = with_text(&app, format!("1|{}", secret(2)));
    assert_eq!(stranger.get("/api/user").await.status, 401);
    // One may read, the other has a second ability that is not known.
    for user in [4, 5] {
        let forbidden = with_token(&app, user).place("BTC", "buy", "100", "1").await;
        assert_eq!(forbidden.status, 403, "user {user}: {}", forbidden.body);
    }

    let (maker, taker) = (with_token(&app, 9), with_token(&app, 19));
    let before = maker.available("USD").await;
    let placed = taker.place("BTC", "buy", "61000", "0.5").await.data();
    assert_eq!(placed["trades"][0]["sell_order_id"], json!(data.ask), "{placed}");
    assert_ne!(maker.available("USD").await, before);
    // The rest of an order that was filled in part before: commission on this fill only.
    let (buyer, seller) = (with_token(&app, 10), with_token(&app, 19));
    let before = buyer.available("USD").await;
    let placed = seller.place("ETH", "sell", "50500", "1.5").await.data();
    assert_eq!(placed["trades"][0]["buy_order_id"], json!(data.partly_filled), "{placed}");
    assert_eq!(buyer.available("USD").await, before, "it was reserved before");
    let orders = buyer.get("/api/my-orders").await.data();
    assert_eq!(orders[0]["status"], 2, "{orders}");

    let history = with_token(&app, 1).get("/api/balance-history").await.data();
    let actions: Vec<&str> =
        history.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"migration_history"), "{history}");
    app.stop();
}

macro_rules! sources {
    ($($name:ident: $source:expr, $target:expr;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            moves($source, $target).await;
        }
    )+};
}

sources! {
    users_of_a_sqlite_database_go_on: Source::of(Database::sqlite()), Database::sqlite();
}

#[cfg(feature = "postgres-tests")]
sources! {
    users_of_a_sqlite_database_go_on_in_postgres:
        Source::of(Database::sqlite()), Database::postgres();
    users_of_a_postgres_database_go_on: Source::of(Database::postgres()), Database::postgres();
}

#[cfg(feature = "mysql-tests")]
sources! {
    users_of_a_mysql_database_go_on: Source::mysql(), Database::sqlite();
}

#[cfg(all(feature = "mysql-tests", feature = "postgres-tests"))]
sources! {
    users_of_a_mysql_database_go_on_in_postgres: Source::mysql(), Database::postgres();
}
