//! Sources with other tables and columns, and sources that cannot be read.

use serde_json::Value;

use crate::import;
use crate::source::Source;
use crate::support::database::Database;

const USERS: &str = "CREATE TABLE users (id integer PRIMARY KEY, name text, email text, \
    password text, created_at datetime, updated_at datetime); \
    INSERT INTO users VALUES (1, 'Ann', 'ann@example.com', NULL, '2026-01-01 00:00:00', NULL), \
    (2, 'Ben', 'ben@example.com', NULL, NULL, NULL)";

fn source(sql: &str) -> Source {
    Source::sqlite(&[USERS, sql])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balances_symbols_commissions_and_string_statuses_are_found_by_themselves() {
    let source = source(
        "CREATE TABLE symbols (id integer PRIMARY KEY, code text); \
         INSERT INTO symbols VALUES (1, 'USD'), (2, 'BTC'); \
         CREATE TABLE balances (id integer PRIMARY KEY, user_id integer, symbol_id integer, \
             available numeric, locked numeric); \
         INSERT INTO balances VALUES (1, 1, 1, 1000, 101.5), (2, 2, 2, 3, 0); \
         CREATE TABLE orders (id integer PRIMARY KEY, user_id integer, symbol_id integer, \
             side text, price numeric, quantity numeric, filled numeric, status text, \
             created_at datetime); \
         INSERT INTO orders VALUES \
             (1, 1, 2, 'BUY', 100, 2, 1, 'partially_filled', '2026-01-01 00:00:00'), \
             (2, 2, 2, 'sell', 100, 1, 1, 'filled', '2026-01-01 00:00:01'); \
         CREATE TABLE trades (id integer PRIMARY KEY, buy_order_id integer, \
             sell_order_id integer, price numeric, amount numeric, commission numeric, \
             created_at datetime); \
         INSERT INTO trades VALUES (1, 1, 2, 100, 1, 1.5, '2026-01-01 00:00:01')",
    );
    let target = Database::sqlite();
    let (code, output) = import(&source, &target, "--apply").await;
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("everything adds up"), "{output}");
    assert!(output.contains("amount = quantity"), "{output}");
    target.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_names_what_is_not_found() {
    let source = source(
        "CREATE TABLE purses (id integer PRIMARY KEY, holder integer, money numeric); \
         INSERT INTO purses VALUES (1, 1, 12.5), (2, 1, 0.3)",
    );
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map.toml");
    let text = "[balances]\ntable = \"purses\"\nuser = \"holder\"\navailable = \"money\"\n";
    std::fs::write(&map, text).unwrap();
    let target = Database::sqlite();
    let arguments = format!("--json --map {}", map.display());
    let (code, output) = import(&source, &target, &arguments).await;
    assert_eq!(code, 0, "{output}");
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["corrections"][0]["name"], "duplicate_balance", "{report}");

    std::fs::write(&map, "[balances]\ntable = \"purses\"\nowner = \"holder\"\n").unwrap();
    let (code, output) = import(&source, &target, &arguments).await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("unknown key owner in [balances]"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_value_is_named_and_nothing_is_written() {
    let source = source(
        "CREATE TABLE orders (id integer PRIMARY KEY, user_id integer, symbol text, side text, \
             price text, amount text, status text); \
         INSERT INTO orders VALUES (7, 1, 'BTC', 'buy', '1', '1', '3'), \
             (8, 1, 'BTC', 'buy', 'cheap', '1', '3')",
    );
    let target = Database::sqlite();
    let (code, output) = import(&source, &target, "--apply").await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("table orders, column price, row 8"), "{output}");
    assert!(!std::path::Path::new(target.url.trim_start_matches("sqlite://")).exists());

    for (url, expected) in [
        ("sqlite:///nowhere/to/be/found.sqlite", "there is no file"),
        ("oracle://x", "the URL must be mysql://"),
        ("mysql://root@127.0.0.1:1/x?ssl-mode=perhaps", "ssl-mode must be disabled"),
        ("mysql://root:hidden-word@127.0.0.1:1/x", "cannot be read"),
    ] {
        let command = format!("import-laravel --from {url}");
        let (code, output) = crate::process::run(&command, &target.url, &[]).await;
        assert_eq!(code, 1, "{output}");
        assert!(output.contains(expected) && !output.contains("hidden-word"), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_in_use_is_left_as_it_is() {
    // Somebody took the Laravel application's own database for the target.
    let source = source("");
    let target = Database::existing(source.url().to_owned());
    let (code, output) = import(&source, &target, "--apply").await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("the database already has users"), "{output}");
    target.assert("(SELECT count(*) FROM sqlite_master WHERE type = 'table') = 1");
}
