//! Passwords for one log-in, and the other commands about users.

use matchcast::store::admin_tokens::AdminAbility::Read;
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin_users::{acts, refused};
use crate::on_both;
use crate::sign_ins::terminations;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::{admin, logs, process, rounds, run_concurrently};

async fn log_in(client: &Client, password: &str) -> Response {
    let body = json!({ "email": "alice@example.com", "password": password });
    client.post("/api/login", &body.to_string()).await
}

async fn run(database: &Database, arguments: &str) -> (i32, String) {
    process::run(&format!("user {arguments}"), &database.url, &[]).await
}

/// What a command writes with `--json`.
async fn json_of(database: &Database, arguments: &str) -> Value {
    let (exit, output) = run(database, &format!("{arguments} --json")).await;
    assert_eq!(exit, 0, "{arguments}: {output}");
    // Log lines may follow, from standard error.
    serde_json::from_str(output.lines().next().unwrap()).unwrap()
}

/// Creates a password for one log-in of alice.
async fn create(database: &Database) -> String {
    let created = json_of(database, "one-time-password ALICE@example.com").await;
    let password = created["one_time_password"].as_str().unwrap().to_owned();
    logs::record_secret(&password);
    password
}

async fn change_password(client: &Client, current: &str, new: &str) -> Response {
    let body = json!({
        "current_password": current, "password": new, "password_confirmation": new,
    });
    let headers = [("content-type", "application/json")];
    let body = body.to_string().into_bytes();
    client.send(Method::PUT, "/api/user/password", &headers, body).await
}

on_both! {
    async fn a_one_time_password_is_valid_for_one_log_in(database: Database) {
        let cache = [("MATCHCAST__AUTH__CACHE_SECONDS", "0")];
        let app = TestApp::start_with(&database, &cache).await;
        let (visitor, mut alice) = (app.visitor(), app.log_in("alice").await);
        let terminated = terminations(&database);
        let password = create(&database).await;
        assert_eq!(alice.get("/api/user").await.status, 401, "all sign-ins have ended");
        assert_eq!(terminations(&database), terminated + 1);
        assert_eq!(log_in(&visitor, "password").await.status, 422, "it replaces the other one");
        let logged_in = log_in(&visitor, &password).await;
        assert_eq!(logged_in.status, 200, "{}", logged_in.body);
        alice.set_token(&logged_in.data());
        assert_eq!(log_in(&visitor, &password).await.refusal(), refused(422, "validation_failed"));
        // It is the current password until a new one is set.
        assert_eq!(change_password(&alice, "password", "correct horse").await.status, 422);
        let changed = change_password(&alice, &password, "correct horse").await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        for _ in 0..2 {
            assert_eq!(log_in(&visitor, "correct horse").await.status, 200);
        }
        assert_eq!(log_in(&visitor, &password).await.status, 422);
        let auditor = admin::client(&app, &database, &[Read]);
        let [act] = acts(&auditor).await.try_into().unwrap();
        assert_eq!(act["action"], "user.one_time_password_created");
        assert_eq!((&act["token_id"], &act["request_id"]), (&Value::Null, &Value::Null));
        let (before, after) = (&act["before"], &act["after"]);
        assert_eq!(before["one_time_password_expires_at"], Value::Null);
        assert!(after["one_time_password_expires_at"].is_string(), "{after}");
        let log = auditor.get("/api/admin/log").await.body;
        assert!(!log.contains(&password) && !log.contains("argon2"), "{log}");
        database.audit();
        app.stop();
    }

    async fn a_one_time_password_expires(database: Database) {
        let cache = [("MATCHCAST__AUTH__CACHE_SECONDS", "0")];
        let app = TestApp::start_with(&database, &cache).await;
        let expire = || {
            database.execute("UPDATE users SET one_time_password_expires_at = \
                '2001-01-01 00:00:00' WHERE id = 1");
        };
        let visitor = app.visitor();
        let password = create(&database).await;
        expire();
        assert_eq!(log_in(&visitor, &password).await.status, 422);
        let password = create(&database).await;
        let mut alice = app.visitor();
        alice.set_token(&log_in(&visitor, &password).await.data());
        expire();
        let late = change_password(&alice, &password, "correct horse").await;
        assert_eq!(late.status, 422, "{}", late.body);
        app.stop();
    }

    async fn of_two_log_ins_with_a_one_time_password_one_wins(database: Database) {
        let apps = [TestApp::start(&database).await, TestApp::start(&database).await];
        for _ in 0..rounds(3) {
            let password = create(&database).await;
            let calls = (0..4).map(|n: usize| {
                let (visitor, password) = (apps[n % 2].visitor(), password.clone());
                async move { log_in(&visitor, &password).await.status }
            });
            let mut statuses = run_concurrently(calls).await;
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 422, 422, 422]);
        }
        for app in apps {
            app.stop();
        }
    }

    async fn commands_find_create_freeze_and_close_users(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        alice.place("BTC", "buy", "90", "0.1").await.data();
        let created = json_of(&database, "create --name Dora --email Dora@test.example").await;
        assert_eq!(created["email"], "dora@test.example", "{created}");
        assert_eq!((&created["status"], &created["has_password"]),
            (&json!("active"), &json!(false)));
        let dora = created["id"].clone();
        let listed = json_of(&database, "list --search dora").await;
        assert_eq!(listed, json!([created]));
        let shown = json_of(&database, "show alice@example.com").await;
        assert_eq!((&shown["id"], &shown["open_orders"]), (&json!(1), &json!(1)));
        assert!(shown["balances"][0]["locked"].is_string(), "{shown}");
        let frozen = json_of(&database, "freeze 1 --cancel-orders --reason stolen").await;
        assert_eq!((&frozen["status"], &frozen["status_reason"]),
            (&json!("frozen"), &json!("stolen")));
        let cancelled = json!({ "order_ids": [1], "halted_symbols": [] });
        assert_eq!(frozen["cancelled"], cancelled);
        let listed = json_of(&database, "list --status frozen").await;
        assert_eq!(listed[0]["id"], 1);
        assert_eq!(json_of(&database, "unfreeze 1").await["status"], "active");
        let closed = json_of(&database, &format!("close {dora}")).await;
        assert_eq!(closed["status"], "closed");
        for (arguments, exit, expected) in [
            ("list", 0, "alice@example.com"),
            ("show 1", 0, "open orders: 0"),
            ("freeze 2", 0, "user 2 is frozen"),
            ("freeze 2 --cancel-orders", 0, "user 2 is frozen, and 0 orders cancelled"),
            ("unfreeze 2", 0, "user 2 is active"),
            ("close 1", 1, "user 1 has money or open orders; nothing was changed"),
            ("unfreeze dora@test.example", 1, "user dora@test.example is closed"),
            ("freeze nobody", 1, "there is no user nobody"),
            ("show -- -1", 1, "there is no user -1"),
            ("freeze -- -1", 1, "there is no user -1"),
            ("one-time-password 99", 1, "there is no user 99"),
            ("create --name A --email dora@test.example", 1, "is taken"),
            ("create --name A --email dora", 1, "the e-mail address is invalid"),
        ] {
            let (code, output) = run(&database, arguments).await;
            assert!(code == exit && output.contains(expected), "{arguments}: {code} {output}");
        }
        let auditor = admin::client(&app, &database, &[Read]);
        let acts = acts(&auditor).await;
        let actions: Vec<&Value> = acts.iter().map(|act| &act["action"]).collect();
        assert_eq!(actions, [
            "user.created", "user.frozen", "user.orders_cancelled", "user.unfrozen", "user.closed",
            "user.frozen", "user.unfrozen",
        ]);
        database.audit();
        app.stop();
    }
}
