//! Users as administrators see and change them: found, created, frozen, unfrozen and closed.

use matchcast::store::admin_tokens::AdminAbility::{Funds, Read, Users};
use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::sessions::Browser;
use crate::sign_ins::terminations;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::{admin, process};

const USERS: &str = "/api/admin/users";
pub const LONG_CACHE: [(&str, &str); 1] = [("MATCHCAST__AUTH__CACHE_SECONDS", "600")];

pub async fn change(client: &Client, user: i64, what: &str, body: &Value) -> Response {
    client.post(&format!("{USERS}/{user}/{what}"), &body.to_string()).await
}

pub async fn freeze(client: &Client, user: i64) -> Value {
    change(client, user, "freeze", &json!({})).await.data()
}

pub fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn log_in(client: &Client, email: &str, password: &str) -> Response {
    let body = json!({ "email": email, "password": password });
    client.post("/api/login", &body.to_string()).await
}

async fn subscribe(client: &Client, user: i64) -> Response {
    let body = format!("socket_id=1.1&channel_name=private-user.{user}");
    client.post_form("/broadcasting/auth", &body).await
}

/// The actions of the log, the oldest first, except those about tokens of administrators.
pub async fn acts(auditor: &Client) -> Vec<Value> {
    let log = auditor.get("/api/admin/log").await.data();
    let mut acts: Vec<Value> = log.as_array().unwrap().clone();
    acts.retain(|act| !act["action"].as_str().unwrap().starts_with("token."));
    acts.reverse();
    acts
}

on_both! {
    async fn users_are_found(database: Database) {
        let app = TestApp::start(&database).await;
        let auditor = admin::client(&app, &database, &[Read]);
        let mut dora = app.visitor();
        dora.register("Dora_100%").await;
        let mut zoe = app.visitor();
        zoe.register("Zo\u{eb}").await;
        let operator = admin::client(&app, &database, &[Users]);
        freeze(&operator, 2).await;
        let ids = async |query: &str| {
            let found = auditor.get(&format!("{USERS}{query}")).await.data();
            let ids = found.as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap());
            ids.collect::<Vec<_>>()
        };
        // Not the houses of the markets.
        assert_eq!(ids("").await, [zoe.user_id, dora.user_id, 3, 2, 1]);
        for (query, expected) in [
            ("?search=2", vec![2]),
            ("?search=0", vec![]),
            ("?search=-1", vec![]),
            ("?search=house", vec![]),
            ("?search=BOB%40", vec![2]),
            ("?search=bob", vec![2]),
            ("?search=ob", vec![]),
            ("?search=dora_1", vec![dora.user_id]),
            ("?search=doraX1", vec![]),
            ("?search=dora_100%25", vec![dora.user_id]),
            ("?search=%25", vec![]),
            ("?search=_", vec![]),
            ("?search=%5C", vec![]),
            ("?search=Zo%C3%AB", vec![zoe.user_id]),
            ("?search=%27", vec![]),
            ("?status=frozen", vec![2]),
            ("?status=active&search=bob", vec![]),
            ("?status=closed", vec![]),
        ] {
            assert_eq!(ids(query).await, expected, "{query}");
        }
        let mut page = auditor.get(&format!("{USERS}?limit=2&status=active")).await;
        let mut seen = Vec::new();
        loop {
            seen.extend(page.data().as_array().unwrap().iter().map(|user| user["id"].clone()));
            let Some(next) = auditor.next_page(USERS, &page).await else { break };
            page = next;
        }
        assert_eq!(json!(seen), json!([zoe.user_id, dora.user_id, 3, 1]));
        for query in ["?status=open", "?limit=0", "?cursor=AQ", "?from=now"] {
            assert_eq!(auditor.get(&format!("{USERS}{query}")).await.status, 422, "{query}");
        }
        app.stop();
    }

    async fn a_user_is_shown_with_balances_and_open_orders(database: Database) {
        let app = TestApp::start(&database).await;
        let auditor = admin::client(&app, &database, &[Read]);
        let bob = app.log_in("bob").await;
        bob.place("BTC", "sell", "90", "0.25").await.data();
        bob.place("BTC", "sell", "91", "0.25").await.data();
        let shown = auditor.get(&format!("{USERS}/2")).await.data();
        assert_eq!(shown, json!({
            "id": 2, "name": shown["name"], "email": "bob@example.com", "status": "active",
            "status_reason": null, "status_changed_at": null, "has_password": true,
            "created_at": shown["created_at"], "balances": shown["balances"], "open_orders": 2,
        }));
        let balances = shown["balances"].as_array().unwrap();
        let btc = balances.iter().find(|balance| balance["asset"] == "BTC").unwrap();
        assert_eq!(*btc, json!({ "asset": "BTC", "available": 0.5, "locked": 0.5 }));
        for id in ["0", "-1", "99", "bob", "99999999999999999999"] {
            assert_eq!(auditor.get(&format!("{USERS}/{id}")).await.status, 404, "{id}");
        }
        app.stop();
    }

    async fn a_created_user_has_no_password(database: Database) {
        let app = TestApp::start(&database).await;
        let operator = admin::client(&app, &database, &[Users]);
        let auditor = admin::client(&app, &database, &[Read]);
        let body = json!({ "name": " Dora ", "email": "Dora@Test.example" });
        let created = operator.post(USERS, &body.to_string()).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let data = created.data();
        assert_eq!((&data["name"], &data["email"]), (&json!("Dora"), &json!("dora@test.example")));
        assert_eq!((&data["status"], &data["has_password"]), (&json!("active"), &json!(false)));
        let shown = auditor.get(&format!("{USERS}/{}", data["id"])).await.data();
        assert!(shown["balances"].as_array().unwrap().len() >= 3, "{shown}");
        for password in ["password", "null"] {
            let refused = log_in(&app.visitor(), "dora@test.example", password).await;
            assert_eq!(refused.status, 422, "{}", refused.body);
        }
        for (name, email, fields) in [
            (json!("Dora"), json!("dora@test.example"), ["email"].as_slice()),
            (json!("Dora"), json!("DORA@TEST.example"), &["email"]),
            (json!("Dora"), json!("no address"), &["email"]),
            (json!(""), json!(7), &["email", "name"]),
            (json!("x".repeat(256)), json!("a@b.c"), &["name"]),
        ] {
            let body = json!({ "name": name, "email": email });
            let refused = operator.post(USERS, &body.to_string()).await;
            assert_eq!(refused.status, 422, "{body}");
            let errors = refused.json()["errors"].clone();
            let mut named: Vec<&String> = errors.as_object().unwrap().keys().collect();
            named.sort_unstable();
            assert_eq!(named, fields, "{body}");
        }
        let [act] = acts(&auditor).await.try_into().unwrap();
        assert_eq!(act["action"], "user.created");
        let created = json!({
            "id": data["id"], "name": "Dora", "email": "dora@test.example", "status": "active",
        });
        assert_eq!((&act["before"], &act["after"]), (&Value::Null, &created));
        database.audit();
        app.stop();
    }

    async fn a_frozen_user_can_neither_order_nor_log_in(database: Database) {
        let app = TestApp::start_with(&database, &LONG_CACHE).await;
        let operator = admin::client(&app, &database, &[Users]);
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let created = alice.post("/api/tokens", r#"{"name":"bot","abilities":["trade","read"]}"#);
        let mut bot = alice.clone();
        bot.set_token(&created.await.data());
        let mut browser = Browser::logged_in(&app).await;
        for client in [&alice, &bot, &bob] {
            assert_eq!(client.get("/api/user").await.status, 200);
        }
        assert_eq!(browser.get("/api/user").await.status, 200);
        let before = terminations(&database);
        let headers = [("content-type", "application/json"), ("x-request-id", "case-7")];
        let body = br#"{"reason":" Reported as stolen "}"#.to_vec();
        let path = format!("{USERS}/1/freeze");
        let frozen = operator.send(Method::POST, &path, &headers, body).await;
        let data = frozen.data();
        assert_eq!((&data["status"], &data["cancelled"]), (&json!("frozen"), &Value::Null));
        assert_eq!(data["status_reason"], "Reported as stolen");
        assert_eq!(terminations(&database), before + 1);

        for client in [&alice, &bot] {
            assert_eq!(client.get("/api/user").await.status, 401);
            assert_eq!(client.place("BTC", "buy", "1", "1").await.status, 401);
            assert_eq!(subscribe(client, 1).await.status, 401);
            let sign_in = client.post_form("/broadcasting/user-auth", "socket_id=1.1").await;
            assert_eq!(sign_in.status, 401);
        }
        assert_eq!(browser.get("/api/user").await.status, 401);
        let visitor = app.visitor();
        let right = log_in(&visitor, "alice@example.com", "password").await;
        assert_eq!(right.refusal(), refused(403, "account_frozen"));
        let wrong = log_in(&visitor, "alice@example.com", "passwort").await;
        assert_eq!(wrong.refusal(), refused(422, "validation_failed"));
        assert_eq!(bob.get("/api/user").await.status, 200);
        // Again, which changes nothing.
        assert_eq!(freeze(&operator, 1).await, data);

        let back = change(&operator, 1, "unfreeze", &json!({ "reason": "Identified" })).await;
        let back = back.data();
        assert_eq!((&back["status"], &back["status_reason"]),
            (&json!("active"), &json!("Identified")));
        assert_eq!(bot.get("/api/user").await.status, 200, "the token is valid again");
        assert_eq!(alice.get("/api/user").await.status, 401, "the log-in has ended");
        assert_eq!(browser.get("/api/user").await.status, 401);
        let alice = app.log_in("alice").await;
        assert_eq!(alice.place("BTC", "buy", "1", "1").await.status, 200);
        let auditor = admin::client(&app, &database, &[Read]);
        let [frozen, unfrozen] = acts(&auditor).await.try_into().unwrap();
        let state = |status: &str, reason: Value| {
            json!({ "id": 1, "status": status, "reason": reason })
        };
        let is_frozen = state("frozen", json!("Reported as stolen"));
        assert_eq!((&frozen["action"], &frozen["request_id"]),
            (&json!("user.frozen"), &json!("case-7")));
        assert_eq!((&frozen["before"], &frozen["after"]),
            (&state("active", Value::Null), &is_frozen));
        assert!(frozen["token_id"].is_i64());
        assert_eq!(unfrozen["action"], "user.unfrozen");
        assert_eq!((&unfrozen["before"], &unfrozen["after"]),
            (&is_frozen, &state("active", json!("Identified"))));
        database.audit();
        app.stop();
    }

    async fn a_closed_user_is_closed_for_ever(database: Database) {
        let app = TestApp::start(&database).await;
        let operator = admin::client(&app, &database, &[Users, Funds, Read]);
        let mut dora = app.visitor();
        dora.register("dora").await;
        let id = dora.user_id;
        let not_empty = change(&operator, 1, "close", &json!({})).await;
        assert_eq!(not_empty.refusal(), refused(409, "account_not_empty"));
        let terminated = terminations(&database);
        let closed = change(&operator, id, "close", &json!({ "reason": "On request" })).await;
        let data = closed.data();
        assert_eq!((&data["status"], &data["has_password"]), (&json!("closed"), &json!(false)));
        assert_eq!(terminations(&database), terminated + 1);
        assert_eq!(dora.get("/api/user").await.status, 401);
        let again = log_in(&app.visitor(), "dora@test.example", "password").await;
        assert_eq!(again.refusal(), refused(422, "validation_failed"));
        let deposit = json!({ "user_id": id, "asset": "USD", "amount": "1", "reference": "late" });
        let deposited = operator.post("/api/admin/deposits", &deposit.to_string()).await;
        assert_eq!(deposited.refusal(), refused(409, "account_closed"));
        for what in ["freeze", "unfreeze"] {
            let response = change(&operator, id, what, &json!({})).await;
            assert_eq!(response.refusal(), refused(409, "account_closed"), "{what}");
        }
        assert_eq!(change(&operator, id, "close", &json!({})).await.data(), data);
        let body = json!({ "name": "Dora", "email": "dora@test.example" });
        assert_eq!(operator.post(USERS, &body.to_string()).await.status, 422, "it stays taken");
        let run = async |arguments: &str| process::run(arguments, &database.url, &[]).await;
        let (exit, output) = run("deposit dora@test.example USD 1 --reference late").await;
        assert!(exit == 1 && output.contains("is closed"), "{output}");
        let (exit, output) = run("user one-time-password dora@test.example").await;
        assert!(exit == 1 && output.contains("is closed"), "{output}");
        let [act] = acts(&operator).await.try_into().unwrap();
        assert_eq!(act["action"], "user.closed");
        assert_eq!(act["after"], json!({ "id": id, "status": "closed", "reason": "On request" }));
        database.audit();
        app.stop();
    }

    async fn invalid_changes_change_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let operator = admin::client(&app, &database, &[Users, Read]);
        for what in ["freeze", "unfreeze", "close"] {
            for id in ["0", "-1", "99", "alice", "99999999999999999999"] {
                let path = format!("{USERS}/{id}/{what}");
                assert_eq!(operator.post(&path, "").await.refusal(), refused(404, "not_found"));
            }
            for reason in [json!(7), json!("x".repeat(1001)), json!(["a"])] {
                let response = change(&operator, 1, what, &json!({ "reason": reason })).await;
                assert_eq!(response.status, 422, "{what} {reason}");
                assert!(response.json()["errors"]["reason"].is_array(), "{}", response.body);
            }
        }
        let response = change(&operator, 1, "freeze", &json!({ "cancel_orders": "yes" })).await;
        assert!(response.json()["errors"]["cancel_orders"].is_array(), "{}", response.body);
        assert_eq!(operator.get(&format!("{USERS}/1")).await.data()["status"], "active");
        assert_eq!(acts(&operator).await, Vec::<Value>::new());
        app.stop();
    }
}
