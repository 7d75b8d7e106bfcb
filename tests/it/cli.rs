//! The command line of an operator beside a running server, with the real binary.

use chrono::TimeDelta;
use matchcast::events::EventKind;
use matchcast::store::{now, outbox};
use serde_json::{Value, json};

use crate::on_both;
use crate::sessions::Browser;
use crate::sign_ins::terminations;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::provider::{Action, Provider, ok, response};
use crate::support::{process, wait_for};

/// Runs a command; returns its exit code and its output.
async fn run(database: &Database, arguments: &str) -> (i32, String) {
    process::run(arguments, &database.url, &[]).await
}

on_both! {
    async fn log_out_ends_the_tokens_and_sessions_of_a_user_in_another_process(database: Database) {
        let variables = [("MATCHCAST__AUTH__CACHE_SECONDS", "1")];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = [app.log_in("alice").await, app.log_in("alice").await];
        let (bob, mut page) = (app.log_in("bob").await, Browser::logged_in(&app).await);
        assert_eq!(bob.get("/api/user").await.status, 200);

        let (code, output) = run(&database, "log-out Alice@Example.com").await;
        assert_eq!(code, 0, "{output}");
        assert!(output.contains("user 1: 3 tokens and 1 session revoked"), "{output}");
        for part in ["are terminated by a running server", "only subscribe still receive events"] {
            assert!(output.contains(part), "{output}");
        }
        assert_eq!(terminations(&database), 1);
        for client in &alice {
            wait_for("the cached token to expire", || async {
                (client.get("/api/user").await.status == 401).then_some(())
            })
            .await;
        }
        let ended = std::cell::Cell::new(false);
        wait_for("the session to end", || {
            let mut page = page.clone();
            let ended = &ended;
            async move {
                ended.set(page.get("/api/user").await.status == 401);
                ended.get().then_some(())
            }
        })
        .await;
        page.get("/sanctum/csrf-cookie").await;
        assert_eq!(page.get("/api/user").await.status, 401, "nothing brings the session back");
        assert_eq!(bob.get("/api/user").await.status, 200);

        let (code, output) = run(&database, "log-out 1").await;
        assert_eq!(code, 0, "{output}");
        assert!(output.contains("user 1: 0 tokens and 0 sessions revoked"), "{output}");
        for unknown in ["log-out nobody@example.com", "log-out 999", "log-out 1.5", "log-out %"] {
            let (code, output) = run(&database, unknown).await;
            assert_eq!(code, 1, "{output}");
            let name = unknown.split_once(' ').unwrap().1;
            assert!(output.contains(&format!("there is no user {name}")), "{output}");
        }
        assert_eq!(bob.get("/api/user").await.status, 200);
        assert_eq!(terminations(&database), 2);
        app.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_database_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nothing.sqlite");
    let url = format!("sqlite://{}", path.display());
    let (code, output) = process::run("log-out 1", &url, &[]).await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("there is no database") && !path.exists(), "{output}");
}

const PAYLOAD: &str = "for-subscribers-of-the-channel-only";

/// Three pending events, two of which have failed before, and two dead letters.
fn write_events(database: &Database) {
    let ago = |minutes: i64| now() - TimeDelta::minutes(minutes);
    database.execute(&format!(
        "INSERT INTO outbox (id, channel, name, data, created_at, shard, attempts, \
         next_attempt_at, last_error) VALUES \
         (1, 'private-user.1', 'order.matched', '\"{PAYLOAD}\"', '{}', 1, 12, '{}', \
         '500: down'), \
         (2, 'private-encrypted-user.2', 'balance.updated', '\"{PAYLOAD}\"', '{}', 2, 0, NULL, \
         NULL), \
         (30, 'market.BTC', 'trade.executed', '\"{PAYLOAD}\"', '{}', 3, 1, '{}', NULL)",
        ago(180),
        ago(-30),
        ago(5),
        ago(4),
        ago(1)
    ));
    database.execute(&format!(
        "INSERT INTO dead_letters (id, channel, name, data, created_at, dead_lettered_at, error, \
         attempts) VALUES \
         (4, 'private-user.1', 'order.matched', '\"{PAYLOAD}\"', '{}', '{}', '413: too large', 1), \
         (5, 'private-user.2', 'order.matched', '\"{PAYLOAD}\"', '{}', '{}', \
         '422: odd \u{1b}[2J\u{7}', 3)",
        ago(60 * 24 * 3),
        ago(60),
        ago(3),
        ago(2)
    ));
}

on_both! {
    async fn events_are_listed_oldest_first(database: Database) {
        database.open_store();
        let (code, output) = run(&database, "events").await;
        assert_eq!((code, output.as_str()), (0, "no pending events\nno dead letters\n"));
        write_events(&database);
        let (code, output) = run(&database, "events").await;
        assert_eq!(code, 0, "{output}");
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(lines, [
            "3 pending events:",
            "  ID  NAME             CHANNEL                   AGE  ATTEMPTS  NEXT ATTEMPT  \
             LAST ERROR",
            "   1  order.matched    private-user.1             3h        12        in 29m  \
             500: down",
            "   2  balance.updated  private-encrypted-user.2   5m         0           now",
            "  30  trade.executed   market.BTC                 4m         1           now",
            "2 dead letters:",
            "  ID  NAME           CHANNEL         AGE  ATTEMPTS  ERROR",
            "   4  order.matched  private-user.1   3d         1  413: too large",
            "   5  order.matched  private-user.2   3m         3  422: odd  [2J",
        ]);
        let (code, output) = run(&database, "events --limit 1").await;
        assert_eq!((code, output.lines().count()), (0, 6), "{output}");
        for heading in ["3 pending events, the oldest 1:", "2 dead letters, the oldest 1:"] {
            assert!(output.lines().any(|line| line == heading), "{output}");
        }
    }

    async fn events_are_listed_as_json_without_their_payloads(database: Database) {
        database.open_store();
        write_events(&database);
        let (code, output) = run(&database, "events --json").await;
        assert_eq!(code, 0, "{output}");
        assert!(!output.contains(PAYLOAD), "{output}");
        let listed: Value = serde_json::from_str(&output).unwrap();
        assert_eq!(listed["pending_total"], 3);
        assert_eq!(listed["dead_letters_total"], 2);
        let ids = |kind: &str| -> Vec<i64> {
            let events = listed[kind].as_array().unwrap().iter();
            events.map(|event| event["id"].as_i64().unwrap()).collect()
        };
        assert_eq!((ids("pending"), ids("dead_letters")), (vec![1, 2, 30], vec![4, 5]));
        let mut first = listed["pending"][0].clone();
        for time in ["created_at", "next_attempt_at"] {
            let text = first[time].take();
            assert!(text.as_str().is_some_and(|t| t.len() == 27 && t.ends_with('Z')), "{text}");
        }
        assert_eq!(first, json!({
            "id": 1, "name": "order.matched", "channel": "private-user.1", "created_at": null,
            "attempts": 12, "next_attempt_at": null, "error": "500: down",
        }));
        assert_eq!(listed["pending"][1]["error"], Value::Null);
        assert_eq!(listed["dead_letters"][0]["error"], "413: too large");
        let (_, output) = run(&database, "events --json --limit 2").await;
        let listed: Value = serde_json::from_str(&output).unwrap();
        assert_eq!(listed["pending"].as_array().unwrap().len(), 2);
        assert_eq!(listed["pending_total"], 3);
    }

    async fn an_unknown_event_is_neither_retried_nor_dropped(database: Database) {
        database.open_store();
        write_events(&database);
        for (arguments, expected, words) in [
            ("events retry 99", 1, "there is no dead letter 99"),
            ("events retry 1", 1, "there is no dead letter 1"),
            ("events drop 99", 1, "there is no event 99"),
            ("events retry", 2, "--all"),
            ("events retry 4 --all", 2, "--all"),
            ("events retry x", 2, "invalid value 'x'"),
            ("events drop", 2, "<ID>"),
            ("events drop 99999999999999999999", 2, "invalid value"),
            ("events --limit 0", 2, "1..=100000"),
            ("events --limit -1", 2, "'-1'"),
            ("events --json drop 4", 2, "drop"),
        ] {
            let (code, text) = run(&database, arguments).await;
            assert_eq!(code, expected, "{arguments}: {text}");
            assert!(text.contains(words), "{arguments}: {text}");
        }
        assert_eq!(outbox::counts(&mut database.connect()).unwrap(), (3, 2));
    }

    async fn dropped_events_are_counted(database: Database) {
        database.open_store();
        write_events(&database);
        for id in [1, 4] {
            let (code, output) = run(&database, &format!("events drop {id}")).await;
            assert_eq!((code, output), (0, format!("event {id} is dropped\n")));
            assert_eq!(run(&database, &format!("events drop {id}")).await.0, 1, "once");
        }
        let mut c = database.connect();
        assert_eq!(outbox::counts(&mut c).unwrap(), (2, 1));
        assert_eq!(outbox::total(&mut c, EventKind::OrderMatched).unwrap(), 3, "none is lost");
    }

    /// While a server is publishing.
    async fn retried_dead_letters_are_published(database: Database) {
        let provider = Provider::start().await;
        let variables = provider.variables();
        let app = TestApp::start_with(&database, &variables).await;
        provider.always(Action::Respond(response("413 Big", &[], "too large")));
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        for _ in 0..2 {
            alice.place("BTC", "sell", "10", "0.001").await.data();
            bob.place("BTC", "buy", "10", "0.001").await.data();
        }
        wait_for("four dead letters", || async {
            (database.dead_letters().len() == 4).then_some(())
        })
        .await;
        provider.always(Action::Respond(ok()));
        let (code, output) = run(&database, "events retry 1").await;
        assert_eq!((code, output.as_str()), (0, "event 1 is queued again\n"));
        wait_for("one event", || async { (provider.received().len() == 1).then_some(()) }).await;
        for (expected, left) in [("3 events are queued again\n", 0),
            ("there are no dead letters\n", 0)]
        {
            let (code, output) = run(&database, "events retry --all").await;
            assert_eq!((code, output.as_str()), (0, expected));
            assert_eq!(database.dead_letters().len(), left);
        }
        wait_for("all events", || async { (provider.received().len() == 4).then_some(()) }).await;
        app.stop();
        database.audit();
    }
}
