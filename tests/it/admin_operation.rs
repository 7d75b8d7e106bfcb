//! What administrators who run the system may see and change: dead letters, markets and health.

use matchcast::store::admin_tokens::AdminAbility::{Markets, Read};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::admin;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::outbox::start_with_events;
use crate::support::{process, run_concurrently};

const DEAD_LETTERS: &str = "/api/admin/dead-letters";

/// Dead letters with the ids 1 to `count`, of trades that do not exist.
fn add_dead_letters(database: &Database, count: i64) {
    for id in 1..=count {
        database.execute(&format!(
            "INSERT INTO dead_letters (id, channel, name, data, created_at, dead_lettered_at, \
             error, attempts) VALUES ({id}, 'private-user.{id}', 'order.updated', \
             '{{\"secret\":1}}', '2026-01-31 12:00:0{id}', '2026-01-31 13:00:00', \
             '413 too large', 2)"
        ));
    }
}

/// What was done, the newest first.
async fn acts(auditor: &Client, action: &str) -> Vec<Value> {
    let log = auditor.get("/api/admin/log").await.data();
    log.as_array().unwrap().iter().filter(|act| act["action"] == action).cloned().collect()
}

on_both! {
    async fn dead_letters_are_listed_page_by_page(database: Database) {
        let (app, _provider) = start_with_events(&database, &[], &[]).await;
        let auditor = admin::client(&app, &database, &[Read]);
        assert_eq!(auditor.get(DEAD_LETTERS).await.data(), json!([]));
        add_dead_letters(&database, 5);
        let mut response = auditor.get(&format!("{DEAD_LETTERS}?limit=2")).await;
        assert_eq!(response.data()[0], json!({
            "id": 5, "name": "order.updated", "channel": "private-user.5", "attempts": 2,
            "error": "413 too large", "created_at": "2026-01-31T12:00:05.000000Z",
            "dead_lettered_at": "2026-01-31T13:00:00.000000Z",
        }));
        let mut ids = Vec::new();
        loop {
            assert!(!response.body.contains("secret"), "{}", response.body);
            let rows = response.data();
            ids.extend(rows.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
            let Some(next) = auditor.next_page(DEAD_LETTERS, &response).await else { break };
            response = next;
        }
        assert_eq!(ids, [5, 4, 3, 2, 1]);
        let times = "from=2026-01-31T12:00:02Z&to=2026-01-31T12:00:04Z";
        let found = auditor.get(&format!("{DEAD_LETTERS}?{times}")).await.data();
        assert_eq!(found.as_array().unwrap().len(), 2, "{found}");
        app.stop();
    }

    /// Also when it is retried many times at once, through two processes.
    async fn a_dead_letter_is_queued_once(database: Database) {
        let (app, _provider) = start_with_events(&database, &[], &[]).await;
        let (other, _provider) = start_with_events(&database, &[], &[]).await;
        let operator = admin::client(&app, &database, &[Markets]);
        let auditor = admin::client(&app, &database, &[Read]);
        add_dead_letters(&database, 3);
        let clients = [operator.clone(), operator.at(other.address)];
        let calls = (0..16).map(|n| {
            let client = clients[n % 2].clone();
            async move { client.post(&format!("{DEAD_LETTERS}/2/retry"), "").await }
        });
        let responses = run_concurrently(calls).await;
        let statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 15, "{statuses:?}");
        let refused = responses.iter().find(|response| response.status == 404).unwrap();
        assert_eq!(refused.json()["message"], "Dead letter not found.");
        assert_eq!(database.dead_letters().len(), 2);
        assert_eq!(database.pending_count(), 1);

        let acts = acts(&auditor, "dead_letter.retried").await;
        let [act] = acts.as_slice() else { panic!("{acts:?}") };
        assert!(act["token_id"].is_i64() && act["request_id"].is_string());
        assert_eq!(act["after"], Value::Null);
        assert_eq!(act["before"], json!({
            "id": 2, "name": "order.updated", "channel": "private-user.2", "attempts": 2,
            "error": "413 too large",
        }));
        for unknown in ["2", "99", "x", "-1", "1.0"] {
            let response = operator.post(&format!("{DEAD_LETTERS}/{unknown}/retry"), "").await;
            assert_eq!(response.status, 404, "{unknown}");
        }
        assert_eq!(auditor.post(&format!("{DEAD_LETTERS}/1/retry"), "").await.status, 403);
        assert_eq!(database.dead_letters().len(), 2);
        for app in [app, other] {
            app.stop();
        }
        database.audit();
    }

    async fn what_commands_do_with_events_is_logged(database: Database) {
        let (app, _provider) = start_with_events(&database, &[], &[]).await;
        let auditor = admin::client(&app, &database, &[Read]);
        add_dead_letters(&database, 5);
        let run = async |arguments: &str| {
            let (code, output) = process::run(arguments, &database.url, &[]).await;
            assert_eq!(code, 0, "{output}");
            serde_json::from_str::<Value>(output.lines().next().unwrap()).unwrap()
        };
        assert_eq!(run("events drop 1 --json").await, json!({ "id": 1, "action": "dropped" }));
        assert_eq!(run("events retry 2 --json").await, json!({ "id": 2, "action": "queued" }));
        assert_eq!(run("events retry --all --json").await, json!({ "count": 3 }));
        assert_eq!(run("events retry --all --json").await, json!({ "count": 0 }));
        let ids = |acts: &[Value]| -> Vec<i64> {
            acts.iter().map(|act| act["before"]["id"].as_i64().unwrap()).collect()
        };
        let retried = acts(&auditor, "dead_letter.retried").await;
        assert_eq!(ids(&retried), [5, 4, 3, 2]);
        let dropped = acts(&auditor, "event.dropped").await;
        assert_eq!(ids(&dropped), [1]);
        assert!(retried.iter().chain(&dropped).all(|act| act["token_id"].is_null()));
        app.stop();
        database.audit();
    }

    async fn the_status_of_a_market_is_changed_and_logged(database: Database) {
        let (app, _provider) = start_with_events(&database, &[], &[]).await;
        let alice = app.log_in("alice").await;
        let operator = admin::client(&app, &database, &[Markets]);
        let auditor = admin::client(&app, &database, &[Read]);
        let path = "/api/admin/markets/BTC/status";
        let set = async |status: &str| {
            operator.post(path, &json!({ "status": status }).to_string()).await.data()
        };
        assert_eq!(set("halted").await["status"], "halted");
        let refused = alice.place("BTC", "buy", "90", "0.1").await;
        assert_eq!(refused.json()["code"], "market_halted");
        let markets = auditor.get("/api/admin/markets").await.data();
        let statuses: Vec<[&Value; 2]> = markets.as_array().unwrap().iter()
            .map(|market| [&market["symbol"], &market["status"]]).collect();
        let expected = [[&json!("BTC"), &json!("halted")], [&json!("ETH"), &json!("open")]];
        assert_eq!(statuses, expected);
        // Again: that is no change, no event and no act.
        assert_eq!(set("halted").await["status"], "halted");
        let (code, output) =
            process::run("market BTC open --json", &database.url, &[]).await;
        let written: Value = serde_json::from_str(output.lines().next().unwrap()).unwrap();
        assert_eq!((code, written), (0, json!({
            "symbol": "BTC", "status": "open", "previous_status": "halted",
        })));
        alice.place("BTC", "buy", "90", "0.1").await.data();

        let acts = acts(&auditor, "market.status_changed").await;
        let states: Vec<[&Value; 2]> = acts.iter()
            .map(|act| [&act["before"]["status"], &act["after"]["status"]]).collect();
        let (open, halted) = (json!("open"), json!("halted"));
        assert_eq!(states, [[&halted, &open], [&open, &halted]]);
        assert!(acts.iter().all(|act| act["after"]["symbol"] == "BTC"));
        assert!(acts[0]["token_id"].is_null() && acts[1]["token_id"].is_i64());
        assert!(acts[1]["request_id"].is_string());
        let events = database.events_named("market.updated");
        assert_eq!(events.len(), 2);

        for body in ["{}", r#"{"status":"closed"}"#, r#"{"status":1}"#, r#"{"status":null}"#] {
            let refused = operator.post(path, body).await;
            assert_eq!(refused.status, 422, "{body}");
            assert!(refused.json()["errors"]["status"].is_array(), "{body}");
        }
        for symbol in ["DOGE", "btc", "BTC%2FETH", "%00"] {
            let path = format!("/api/admin/markets/{symbol}/status");
            let unknown = operator.post(&path, r#"{"status":"halted"}"#).await;
            assert_eq!(unknown.json()["code"], "market_not_found", "{symbol}: {}", unknown.body);
        }
        assert_eq!(auditor.post(path, r#"{"status":"halted"}"#).await.status, 403);
        assert_eq!(auditor.get("/api/admin/markets").await.data()[0]["status"], "open");
        app.stop();
        database.audit();
    }

    /// Each change is in the log with the status that it really replaced.
    async fn concurrent_changes_of_a_status_are_a_chain(database: Database) {
        let apps = [TestApp::start(&database).await, TestApp::start(&database).await];
        let operator = admin::client(&apps[0], &database, &[Markets, Read]);
        let calls = (0..24).map(|n: usize| {
            let client = operator.at(apps[n % 2].address);
            let status = ["open", "cancel_only", "halted"][n % 3];
            let body = json!({ "status": status }).to_string();
            async move { client.post("/api/admin/markets/BTC/status", &body).await.status }
        });
        let statuses = run_concurrently(calls).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        let mut acts = acts(&operator, "market.status_changed").await;
        acts.reverse();
        let mut status = json!("open");
        for act in &acts {
            assert_eq!(act["before"]["status"], status, "{acts:?}");
            status = act["after"]["status"].clone();
            assert_ne!(act["before"], act["after"]);
        }
        assert_eq!(operator.get("/api/admin/markets").await.data()[0]["status"], status);
        for app in apps {
            app.stop();
        }
        database.audit();
    }

    async fn health_tells_what_waits(database: Database) {
        let (app, _provider) = start_with_events(&database, &["order.updated"], &[]).await;
        let auditor = admin::client(&app, &database, &[Read]);
        let health = async || auditor.get("/api/admin/health").await.data();
        let idle = health().await;
        assert_eq!(idle["outbox"], json!({
            "pending": 0, "oldest_pending_at": null, "last_error": null, "dead_letters": 0,
        }));
        assert_eq!(idle["readiness"]["checks"]["database"], "ok", "{idle}");
        assert_eq!(idle["provider"]["embedded"], false);
        assert_eq!(idle["version"], env!("CARGO_PKG_VERSION"));
        let alice = app.log_in("alice").await;
        alice.place("BTC", "buy", "90", "0.1").await.data();
        add_dead_letters(&database, 2);
        let busy = health().await;
        assert_eq!((&busy["outbox"]["pending"], &busy["outbox"]["dead_letters"]),
            (&json!(1), &json!(2)));
        assert!(busy["outbox"]["oldest_pending_at"].is_string(), "{busy}");
        app.stop();
    }
}
