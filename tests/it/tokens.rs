//! Tokens that users create for their programs.

use chrono::TimeDelta;
use matchcast::store::now;
use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::wait_for;

const CACHE: [(&str, &str); 1] = [("MATCHCAST__AUTH__CACHE_SECONDS", "600")];

/// Creates a token with this body; returns a client with it and what the API says about it.
async fn create(user: &Client, body: &Value) -> (Client, Value) {
    let created = user.post("/api/tokens", &body.to_string()).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let mut program = user.clone();
    program.set_token(&created.data());
    (program, created.data())
}

async fn revoke(user: &Client, id: &Value) -> Response {
    user.send(Method::DELETE, &format!("/api/tokens/{id}"), &[], Vec::new()).await
}

async fn place(client: &Client) -> Response {
    client.place("BTC", "buy", "100", "0.001").await
}

on_both! {
    async fn tokens_are_listed_in_pages(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let mut created = Vec::new();
        for number in 0..5 {
            let body = json!({ "name": format!("bot {number}"), "abilities": ["read"] });
            created.push(create(&alice, &body).await.1["id"].clone());
        }
        created.reverse();
        let mut page = alice.get("/api/tokens?limit=2").await;
        let mut listed: Vec<Value> = Vec::new();
        loop {
            let rows = page.data().as_array().unwrap().clone();
            assert!(rows.len() <= 2, "{rows:?}");
            listed.extend(rows.iter().map(|row| row["id"].clone()));
            match alice.next_page("/api/tokens", &page).await {
                Some(next) => page = next,
                None => break,
            }
        }
        assert_eq!(listed, created, "newest first, each once");
        let all = alice.get("/api/tokens").await;
        assert_eq!((all.data().as_array().unwrap().len(), all.header("link")), (5, None));
        let none = alice.get("/api/tokens?to=2020-01-01T00:00:00Z").await.data();
        assert_eq!(none, json!([]));
        app.stop();
    }

    async fn a_token_does_what_it_may_until_it_is_revoked(database: Database) {
        let app = TestApp::start_with(&database, &CACHE).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let (bot, created) = create(&alice, &json!({ "name": "bot", "abilities": ["read"] })).await;
        assert_eq!(bot.get("/api/profile").await.status, 200);
        let refused = place(&bot).await;
        assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("missing_ability")));
        assert_eq!(refused.json()["message"], "This token does not have the ability trade.");

        let list = alice.get("/api/tokens").await.data();
        let [token] = list.as_array().unwrap().as_slice() else { panic!("{list}") };
        assert_eq!(token["id"], created["id"]);
        assert_eq!((&token["name"], &token["abilities"]), (&json!("bot"), &json!(["read"])));
        assert_eq!(token.get("token"), None, "the secret is shown once");
        assert!(token["expires_at"].is_null(), "{token}");
        assert_eq!(bob.get("/api/tokens").await.data(), json!([]));

        for stranger in [&bob, &bot] {
            assert!([403, 404].contains(&revoke(stranger, &created["id"]).await.status));
        }
        assert_eq!(revoke(&alice, &created["id"]).await.status, 200);
        assert_eq!(bot.get("/api/profile").await.status, 401, "although it was cached");
        let again = revoke(&alice, &created["id"]).await;
        assert_eq!((again.status, &again.json()["code"]), (404, &json!("token_not_found")));
        let own = alice.token.as_deref().and_then(|token| token.split('|').next()).unwrap();
        let own: Value = own.parse().unwrap();
        assert_eq!(revoke(&alice, &own).await.status, 404, "the one of a log-in ends by a log-out");
        assert_eq!(alice.get("/api/user").await.status, 200);
        app.stop();
    }

    async fn a_token_grants_no_more_than_it_has(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let abilities = json!({ "name": "a", "abilities": ["account", "read"] });
        let (manager, _) = create(&alice, &abilities).await;
        let body = json!({ "name": "b", "abilities": ["read", "trade"] }).to_string();
        let refused = manager.post("/api/tokens", &body).await;
        assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("missing_ability")));
        let (reader, _) = create(&manager, &json!({ "name": "c", "abilities": ["read"] })).await;
        assert_eq!(reader.get("/api/my-orders").await.status, 200);
        assert_eq!(reader.get("/api/tokens").await.status, 403);
        let (trader, _) = create(&alice, &json!({ "name": "d", "abilities": ["trade"] })).await;
        assert_eq!(place(&trader).await.status, 200);
        assert_eq!(trader.get("/api/my-orders").await.status, 403);
        let change = json!({ "current_password": "password", "password": "another one",
            "password_confirmation": "another one" });
        let headers = [("content-type", "application/json")];
        let body = change.to_string().into_bytes();
        let changed = alice.send(Method::PUT, "/api/user/password", &headers, body).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        for program in [&manager, &reader, &trader] {
            assert_eq!(program.get("/api/user").await.status, 401, "ended by the new password");
        }
        app.stop();
    }

    async fn a_token_ends_at_its_time(database: Database) {
        let lifetime = [("MATCHCAST__AUTH__TOKEN_LIFETIME_MINUTES", "60"), CACHE[0]];
        let app = TestApp::start_with(&database, &lifetime).await;
        let alice = app.log_in("alice").await;
        let at = |offset: TimeDelta| (now() + offset).and_utc().to_rfc3339();
        let body = |expires_at: Value| {
            json!({ "name": "bot", "abilities": ["read"], "expires_at": expires_at })
        };
        for invalid in [json!(at(TimeDelta::seconds(-1))), json!(at(TimeDelta::hours(2))),
            json!("tomorrow"), json!(1)] {
            let response = alice.post("/api/tokens", &body(invalid.clone()).to_string()).await;
            assert_eq!(response.status, 422, "{invalid}: {}", response.body);
            assert!(response.json()["errors"]["expires_at"].is_array(), "{}", response.body);
        }
        let (_, without) = create(&alice, &body(Value::Null)).await;
        assert!(without["expires_at"].is_string(), "the lifetime of all tokens: {without}");
        let (bot, _) = create(&alice, &body(json!(at(TimeDelta::seconds(2))))).await;
        assert_eq!(bot.get("/api/user").await.status, 200);
        wait_for("the end of the token", || async {
            (bot.get("/api/user").await.status == 401).then_some(())
        }).await;
        assert_eq!(alice.get("/api/tokens").await.data().as_array().unwrap().len(), 1);
        app.stop();
    }

    async fn invalid_tokens_are_errors_that_name_the_field(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        for (body, field) in [
            (json!({ "abilities": ["read"] }), "name"),
            (json!({ "name": "", "abilities": ["read"] }), "name"),
            (json!({ "name": "x".repeat(256), "abilities": ["read"] }), "name"),
            (json!({ "name": 7, "abilities": ["read"] }), "name"),
            (json!({ "name": "bot" }), "abilities"),
            (json!({ "name": "bot", "abilities": [] }), "abilities"),
            (json!({ "name": "bot", "abilities": "read" }), "abilities"),
            (json!({ "name": "bot", "abilities": ["read", "*"] }), "abilities"),
        ] {
            let response = alice.post("/api/tokens", &body.to_string()).await;
            assert_eq!(response.status, 422, "{body}: {}", response.body);
            assert!(response.json()["errors"][field].is_array(), "{body}: {}", response.body);
        }
        let body = json!({ "name": "bot", "abilities": ["read", "trade", "read"] });
        for number in 0..50 {
            let (_, created) = create(&alice, &body).await;
            assert_eq!(created["abilities"], json!(["read", "trade"]), "{number}");
        }
        let refused = alice.post("/api/tokens", &body.to_string()).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("too_many_tokens")));
        app.stop();
    }

    async fn the_last_use_is_written_once_a_minute(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let (bot, created) = create(&alice, &json!({ "name": "bot", "abilities": ["read"] })).await;
        assert!(created["last_used_at"].is_null());
        let last_use = async || {
            alice.get("/api/tokens").await.data()[0]["last_used_at"].as_str().map(str::to_owned)
        };
        bot.get("/api/user").await.data();
        let first = wait_for("the first use", &last_use).await;
        bot.get("/api/user").await.data();
        let other = TestApp::start(&database).await;
        bot.at(other.address).get("/api/user").await.data();
        assert_eq!(last_use().await.as_ref(), Some(&first), "also by another process");
        database.execute("UPDATE tokens SET last_used_at = '2001-01-01 00:00:00'");
        let third = TestApp::start(&database).await;
        bot.at(third.address).get("/api/user").await.data();
        wait_for("a later use", async || last_use().await.filter(|last| *last > first)).await;
        for app in [app, other, third] {
            app.stop();
        }
    }

    async fn a_request_does_not_wait_until_the_last_use_is_written(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let (bot, _) = create(&alice, &json!({ "name": "bot", "abilities": ["read"] })).await;
        let lock = database.lock_rows("SELECT id FROM tokens FOR UPDATE");
        bot.get("/api/user").await.data();
        let last_use = async || alice.get("/api/tokens").await.data()[0]["last_used_at"].clone();
        assert!(last_use().await.is_null());
        drop(lock);
        wait_for("the last use", async || last_use().await.as_str().map(drop)).await;
        app.stop();
    }
}
