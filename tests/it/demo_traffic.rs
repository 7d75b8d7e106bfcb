//! `matchcast demo-traffic` against a running server.

use diesel::prelude::*;
use matchcast::store::schema::orders;
use serde_json::Value;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::process;

/// Runs it for one second with 60 orders; returns its exit code and its report.
async fn run(app: &TestApp, arguments: &str) -> (i32, Value) {
    let url = app.url("");
    let command = format!("demo-traffic --url {url} --rate 60 --seconds 1 --json {arguments}");
    let (code, output) = process::run(&command, "sqlite://unused.sqlite", &[]).await;
    let line = output.lines().find(|line| line.starts_with('{'));
    let report = line.unwrap_or_else(|| panic!("{code}: {output}"));
    (code, serde_json::from_str(report).expect("one JSON object"))
}

/// The output of a run that cannot begin.
async fn refusal(app: &TestApp, arguments: &str) -> String {
    let command = format!("demo-traffic {arguments}");
    let has_url = arguments.contains("--url");
    let command = if has_url { command } else { format!("{command} --url {}", app.url("")) };
    let (code, output) = process::run(&command, "sqlite://unused.sqlite", &[]).await;
    assert_ne!(code, 0, "{output}");
    output
}

fn check_complete(report: &Value) {
    let orders = &report["orders"];
    assert_eq!(orders["sent"], 60, "{report}");
    assert_eq!(orders["accepted"], 60, "{report}");
    for key in ["refused", "unanswered", "lost", "unknown"] {
        assert_eq!(orders[key], 0, "{key}: {report}");
    }
    let events = &report["events"];
    assert!(report["trades"].as_u64() > Some(5), "{report}");
    assert!(events["expected"].as_u64() >= report["trades"].as_u64(), "{report}");
    assert_eq!(events["heard"], events["expected"], "{report}");
    assert_eq!(events["missed"], 0, "{report}");
    assert!(events["after_answer"]["max_ms"].is_number(), "{report}");
    assert!(report["latency"]["p99_ms"].is_number(), "{report}");
    assert_eq!(report["problems"], serde_json::json!([]), "{report}");
}

fn open_orders(database: &Database) -> i64 {
    let open = orders::table.filter(orders::status.eq(1));
    open.count().get_result(&mut database.connect()).unwrap()
}

on_both! {
    async fn every_event_of_every_trade_is_heard(database: Database) {
        let app = TestApp::start(&database).await;
        let (code, report) = run(&app, "--seed 1").await;
        assert_eq!((code, &report["market"], &report["users"]), (0, &"ETH".into(), &4.into()));
        check_complete(&report);
        assert_eq!(open_orders(&database), 0, "what rested was cancelled");
        app.stop();
        database.audit();
    }

    async fn it_runs_beside_the_traders_of_the_demo(database: Database) {
        let app = TestApp::start_with(&database, &[("MATCHCAST__DEMO__TRADERS", "true")]).await;
        let (code, report) = run(&app, "--traders 2").await;
        assert_eq!(code, 0, "{report}");
        check_complete(&report);
        app.stop();
        database.audit();
    }

    async fn users_with_tokens_take_part_in_any_market(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        // They stay as they are, and the price is between them.
        let order = alice.place("BTC", "buy", "40000", "0.01").await.data();
        bob.place("BTC", "sell", "60000", "0.01").await.data();
        let tokens = [&alice, &bob].map(|user| user.token.clone().unwrap());
        let arguments = format!("--market BTC --token {} --token {}", tokens[0], tokens[1]);
        let (code, report) = run(&app, &arguments).await;
        assert_eq!((code, &report["market"], &report["users"]), (0, &"BTC".into(), &2.into()));
        check_complete(&report);
        assert_eq!(open_orders(&database), 2, "those of before");
        let path = format!("/api/orders/{}", order["order"]["id"]);
        assert_eq!(alice.get(&path).await.data()["order"]["status"], 1, "nobody is logged out");
        app.stop();
        database.audit();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_not_published_are_missed() {
    let database = Database::sqlite();
    let off = ("MATCHCAST__EVENTS__ORDER_MATCHED", "false");
    let app = TestApp::start_with(&database, &[off]).await;
    let (code, report) = run(&app, "").await;
    assert_eq!(code, 1, "{report}");
    assert_eq!(report["orders"]["lost"], 0, "{report}");
    assert_eq!(report["events"]["heard"], 0, "{report}");
    assert_eq!(report["events"]["missed"], report["events"]["expected"], "{report}");
    app.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_events_are_heard() {
    let database = Database::sqlite();
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let variables = [
        ("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", key),
        ("MATCHCAST__BROADCASTING__USER_CHANNELS", "encrypted"),
    ];
    let app = TestApp::start_with(&database, &variables).await;
    let (code, report) = run(&app, "").await;
    assert_eq!(code, 0, "{report}");
    check_complete(&report);
    app.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_begin_says_why() {
    let database = Database::sqlite();
    let app = TestApp::start_with(&database, &[("MATCHCAST__DEMO__ENABLED", "false")]).await;
    for (arguments, expected) in [
        ("", "has no demo: give the tokens of at least two users"),
        ("--market DOGE", "there is no DOGE"),
        ("--token 1|wrong --token 2|wrong", "Unauthenticated."),
        ("--token 1|a", "give two tokens"),
        ("--token 1|a --traders 3", "cannot be used with"),
        ("--rate 2000 --seconds 501", "may be at most 1000000"),
        ("--rate 0", "0 is not in 1..=2000"),
        ("--url ftp://a.example", "begins with http:// or https://"),
    ] {
        let output = refusal(&app, arguments).await;
        assert!(output.contains(expected), "{arguments}: {output}");
    }
    app.stop();
}
