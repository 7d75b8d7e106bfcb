//! Exports as CSV: complete, of any length, safe to open, and never cut off unnoticed.

use matchcast::store::admin_tokens::AdminAbility;
use reqwest::Method;

use crate::on_both;
use crate::support::admin;
use crate::support::app::TestApp;
use crate::support::database::Database;

/// The records of a text, as RFC 4180 defines them.
///
/// # Panics
/// If it is not one.
pub fn parse(text: &str) -> Vec<Vec<String>> {
    assert!(text.ends_with("\r\n"), "the last line has no end");
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut is_quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' if is_quoted => {
                is_quoted = false;
                assert!(matches!(chars.peek(), Some(',' | '\r')), "text after a quoted cell");
            }
            _ if is_quoted => cell.push(c),
            '"' => {
                assert!(cell.is_empty(), "a quote within a cell");
                is_quoted = true;
            }
            ',' => record.push(std::mem::take(&mut cell)),
            '\r' => {
                assert_eq!(chars.next(), Some('\n'));
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            c => cell.push(c),
        }
    }
    let columns = records[0].len();
    assert!(records.iter().all(|record: &Vec<String>| record.len() == columns));
    records
}

/// Adds ledger entries to the account 1: each of these actions takes turns, an hour between two.
fn add_entries(database: &Database, count: i64, actions: i64) {
    let series = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ";
    let at = if database.is_postgres() {
        "TIMESTAMP '2021-01-01 00:00:00' + i * INTERVAL '1 hour'"
    } else {
        "strftime('%Y-%m-%d %H:%M:%S', '2021-01-01', i || ' hours')"
    };
    database.execute(&format!(
        "INSERT INTO ledger_entries (account_id, action, available_change, locked_change, \
         available_after, created_at) {series} {count}) \
         SELECT 1, 1 + i % {actions}, i, -i, i, {at} FROM n"
    ));
}

on_both! {
    async fn an_export_of_many_pages_has_each_row_once(database: Database) {
        let app = TestApp::start(&database).await;
        database.execute("DELETE FROM ledger_entries");
        add_entries(&database, 12_345, 6);
        let auditor = admin::client(&app, &database, &[AdminAbility::Read]);
        let export = async |query: &str| {
            let response = auditor.get(&format!("/api/admin/ledger.csv?{query}")).await;
            assert_eq!(response.status, 200, "{}", response.body);
            let mut table = parse(&response.body);
            assert_eq!(table.remove(0)[4], "available_change");
            let units = |line: &Vec<String>| {
                (line[4].parse::<f64>().unwrap() * 1e8).round() as i64
            };
            table.iter().map(units).collect::<Vec<i64>>()
        };
        let all: Vec<i64> = (1..=12_345).collect();
        assert_eq!(export("").await, all);
        // Neither a limit nor a position make it shorter.
        assert_eq!(export("limit=1").await, all);
        let of = |action: i64| all.iter().copied().filter(|i| i % 6 == action).collect::<Vec<_>>();
        assert_eq!(export("action=order_refund").await, of(2));
        // Of one user the newest entry is the first.
        let newest_first: Vec<i64> = of(2).into_iter().rev().collect();
        assert_eq!(export("action=order_refund&user_id=1").await, newest_first);
        assert_eq!(export("action=deposit&asset=USD").await, of(0));
        // Hours after the beginning of the year.
        let times = "from=2021-01-11T00:00:00Z&to=2021-12-27T00:00:00%2B01:00";
        let some: Vec<i64> = (240..24 * 360 - 1).collect();
        assert_eq!(export(times).await, some);
        app.stop();
    }

    async fn an_export_is_a_file_that_a_browser_stores(database: Database) {
        let app = TestApp::start(&database).await;
        let auditor = admin::client(&app, &database, &[AdminAbility::Read]);
        for name in ["users", "orders", "trades", "ledger"] {
            let response = auditor.get(&format!("/api/admin/{name}.csv")).await;
            let disposition = format!("attachment; filename=\"{name}.csv\"");
            assert_eq!(response.header("content-disposition"), Some(disposition.as_str()));
            let media_type = response.header("content-type").unwrap();
            assert!(media_type.starts_with("text/csv; charset=utf-8"), "{media_type}");
            assert_eq!(response.header("cache-control"), Some("no-store"));
            assert_eq!(parse(&response.body)[0][0], "id");
        }
        app.stop();
    }

    async fn texts_of_users_are_no_formulas(database: Database) {
        let app = TestApp::start(&database).await;
        let auditor = admin::client(&app, &database, &[AdminAbility::Read]);
        for (name, expected) in [
            ("=HYPERLINK(\"https://evil.example\",\"x\")",
                "'=HYPERLINK(\"https://evil.example\",\"x\")"),
            ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"),
            ("Lovelace, \"Ada\"", "Lovelace, \"Ada\""), ("two\nlines", "two\nlines"),
            ("Zoë 😀", "Zoë 😀"),
        ] {
            let quoted = name.replace('\'', "''");
            database.execute(&format!("UPDATE users SET name = '{quoted}' WHERE id = 1"));
            let table = parse(&auditor.get("/api/admin/users.csv").await.body);
            assert_eq!(table[0], ["id", "name", "email", "status", "created_at"]);
            assert_eq!(table.last().unwrap()[..3], ["1", expected, "alice@example.com"]);
        }
        app.stop();
    }

    async fn users_are_found_as_in_their_list(database: Database) {
        let app = TestApp::start(&database).await;
        let auditor = admin::client(&app, &database, &[AdminAbility::Read]);
        database.execute("UPDATE users SET name = '100%_Bob' WHERE id = 2");
        for (search, expected) in [
            ("", vec!["3", "2", "1"]), ("ALICE", vec!["1"]), ("example.com", vec![]),
            ("100%25", vec!["2"]), ("3", vec!["3"]), ("%5C", vec![]), ("house", vec![]),
            ("&status=frozen", vec![]), ("bob@&status=active", vec!["2"]),
        ] {
            let response = auditor.get(&format!("/api/admin/users.csv?search={search}")).await;
            let table = parse(&response.body);
            let ids: Vec<&str> = table[1..].iter().map(|line| line[0].as_str()).collect();
            assert_eq!(ids, expected, "{search}");
        }
        app.stop();
    }

    /// A client must not take the rows before an error for the whole list, compressed or not.
    async fn an_error_ends_the_connection(database: Database) {
        let app = TestApp::start(&database).await;
        database.execute("DELETE FROM ledger_entries");
        // The action of the last entry does not exist.
        add_entries(&database, 12_000, 6);
        database.execute("UPDATE ledger_entries SET action = 99 WHERE available_change = 12000");
        let auditor = admin::client(&app, &database, &[AdminAbility::Read]);
        for encoding in ["identity", "gzip", "br", "zstd"] {
            let headers = [("accept-encoding", encoding)];
            let path = "/api/admin/ledger.csv";
            let cut = auditor.try_send(Method::GET, path, &headers, Vec::new()).await;
            let error = cut.expect_err("the response is not complete");
            assert!(error.is_body() || error.is_decode(), "{encoding}: {error:?}");
        }
        // On the first page it is a response.
        database.execute("DELETE FROM ledger_entries WHERE action <> 99");
        assert_eq!(auditor.get("/api/admin/ledger.csv").await.status, 500);
        app.stop();
    }
}
