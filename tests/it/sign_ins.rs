//! The end of tokens and sessions: by a logout and by a change of the password. A process rejects
//! the tokens that it revoked immediately, although these tests cache look-ups for a long time.

use diesel::connection::SimpleConnection;
use matchcast::events::EventKind;
use matchcast::store::AnyConnection;
use matchcast::store::outbox;
use reqwest::Method;
use serde_json::json;

use crate::bad_input::{INVALID_BODIES, check_error};
use crate::golden::check;
use crate::on_both;
use crate::sessions::Browser;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::{rounds, run_concurrently};

const PATH: &str = "/api/user/password";
const LONG_CACHE: [(&str, &str); 1] = [("MATCHCAST__AUTH__CACHE_SECONDS", "600")];

/// The number of events, pending or delivered, that tell the provider to terminate the connections
/// of a user. They are counted in one snapshot, because the publisher moves events meanwhile.
pub fn terminations(database: &Database) -> i64 {
    let mut connection = database.connect();
    let begin = match connection {
        AnyConnection::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        AnyConnection::Sqlite(_) => "BEGIN",
    };
    connection.batch_execute(begin).unwrap();
    outbox::total(&mut connection, EventKind::TerminateConnections).unwrap()
}

async fn put(client: &Client, body: &str) -> Response {
    let headers = [("content-type", "application/json")];
    client.send(Method::PUT, PATH, &headers, body.as_bytes().to_vec()).await
}

fn new_password(current: &str, new: &str) -> String {
    let body = json!({
        "current_password": current, "password": new, "password_confirmation": new,
    });
    body.to_string()
}

async fn try_log_in(client: &Client, email: &str, password: &str) -> Response {
    let body = json!({ "email": email, "password": password });
    client.post("/api/login", &body.to_string()).await
}

on_both! {
    async fn the_last_logout_terminates_the_connections(database: Database) {
        let app = TestApp::start_with(&database, &LONG_CACHE).await;
        let (first, second) = (app.log_in("alice").await, app.log_in("alice").await);
        let bob = app.log_in("bob").await;
        for (client, expected) in [(&first, 0), (&second, 1), (&bob, 2)] {
            assert_eq!(client.get("/api/user").await.status, 200);
            assert_eq!(client.post("/api/logout", "").await.status, 200);
            assert_eq!(client.get("/api/user").await.status, 401);
            assert_eq!(terminations(&database), expected);
        }
        app.stop();
    }

    async fn a_browser_logout_ends_its_session_and_its_token(database: Database) {
        let app = TestApp::start_with(&database, &LONG_CACHE).await;
        let (mut page, mut other) = (Browser::new(&app), Browser::logged_in(&app).await);
        page.get("/sanctum/csrf-cookie").await;
        let csrf = page.csrf();
        let login = r#"{"email":"alice@example.com","password":"password"}"#;
        let response = page.post("/api/login", login, &[("x-xsrf-token", &csrf)]).await;
        let mut bearer = app.visitor();
        bearer.token = response.json()["token"].as_str().map(str::to_owned);
        assert_eq!(bearer.get("/api/user").await.status, 200);
        for (page, expected) in [(&mut page, 0), (&mut other, 1)] {
            assert_eq!(page.get("/api/user").await.status, 200);
            let mut stolen = page.clone();
            let csrf = page.csrf();
            let response = page.post("/api/logout", "", &[("x-xsrf-token", &csrf)]).await;
            assert_eq!(response.status, 200, "{}", response.body);
            assert_eq!(stolen.get("/api/user").await.status, 401);
            assert_eq!(terminations(&database), expected);
        }
        assert_eq!(bearer.get("/api/user").await.status, 401, "the token of that login");
        app.stop();
    }

    async fn concurrent_logouts_terminate_the_connections_once(database: Database) {
        let app = TestApp::start(&database).await;
        let mut expected = 0;
        for _ in 0..rounds(5) {
            let clients = [app.log_in("alice").await, app.log_in("alice").await];
            let responses = run_concurrently(clients.map(|client| async move {
                client.post("/api/logout", "").await.status
            }));
            assert_eq!(responses.await, [200, 200]);
            expected += 1;
            assert_eq!(terminations(&database), expected);
        }
        app.stop();
    }
}

on_both! {
    async fn changing_the_password_requires_the_current_one(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let wrong = "The provided password does not match your current password.";
        check(&put(&alice, &new_password("passwort", "another one")).await, 422, &format!(
            r#"{{"success":false,"code":"validation_failed","message":"{wrong}",
                "errors":{{"current_password":["{wrong}"]}}}}"#
        ));
        check(&put(&alice, r#"{"current_password":"x","password":"short"}"#).await, 422, &format!(
            r#"{{"success":false,"code":"validation_failed",
                "message":"{wrong} (and 2 more errors)","errors":{{
                "current_password":["{wrong}"],
                "password":["The password field must be at least 8 characters.",
                    "The password field confirmation does not match."]}}}}"#
        ));
        check(&put(&alice, "{}").await, 422,
            r#"{"success":false,"code":"validation_failed",
                "message":"The current password field is required. (and 1 more error)","errors":{
                "current_password":["The current password field is required."],
                "password":["The password field is required."]}}"#);
        assert_eq!(terminations(&database), 0);
        check(&put(&alice, &new_password("password", "another one")).await, 200,
            r#"{"success":true,"message":"Password updated successfully"}"#);
        assert_eq!(terminations(&database), 1);
        let again = put(&alice, &new_password("password", "a third one")).await;
        check_error(&again, 422, "the old password");
        for (password, status) in [("password", 422), ("another one", 200), ("a third one", 422)] {
            let response = try_log_in(&app.visitor(), "alice@example.com", password).await;
            assert_eq!(response.status, status, "{password}: {}", response.body);
        }
        app.stop();
    }

    async fn an_invalid_password_changes_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        for (body, status) in INVALID_BODIES {
            check_error(&put(&alice, body).await, status, body);
        }
        let long = format!(r#""{}""#, "x".repeat(1025));
        let invalid_passwords = [
            "null", r#""""#, r#""  ""#, "[]", "{}", "true", "12345678",
            r#""a\u0000bcdefgh""#, &long,
        ];
        for value in invalid_passwords {
            let cases = [
                ("current_password", format!(
                    r#"{{"current_password":{value},"password":"another one",
                        "password_confirmation":"another one"}}"#
                )),
                ("password", format!(
                    r#"{{"current_password":"password","password":{value},
                        "password_confirmation":{value}}}"#
                )),
            ];
            for (field, body) in cases {
                let error = check_error(&put(&alice, &body).await, 422, &body);
                let fields: Vec<&String> = error["errors"].as_object().unwrap().keys().collect();
                assert_eq!(fields, [field], "{error}");
            }
        }
        let huge = new_password("password", &"x".repeat(70_000));
        check_error(&put(&alice, &huge).await, 413, "a huge body");
        assert_eq!(terminations(&database), 0);
        assert_eq!(try_log_in(&app.visitor(), "alice@example.com", "password").await.status, 200);
        app.stop();
    }

    async fn a_new_password_ends_all_other_tokens_and_sessions_immediately(database: Database) {
        let app = TestApp::start_with(&database, &LONG_CACHE).await;
        let (alice, other) = (app.log_in("alice").await, app.log_in("alice").await);
        let (bob, mut page) = (app.log_in("bob").await, Browser::logged_in(&app).await);
        for client in [&alice, &other, &bob] {
            assert_eq!(client.get("/api/user").await.status, 200);
        }
        assert_eq!(page.get("/api/user").await.status, 200);
        assert_eq!(put(&alice, &new_password("password", "another one")).await.status, 200);
        assert_eq!(page.get("/api/user").await.status, 401);
        for (client, status) in [(&alice, 200), (&other, 401), (&bob, 200)] {
            assert_eq!(client.get("/api/user").await.status, status);
        }
        app.stop();
    }

    async fn a_browser_stays_logged_in_when_it_changes_the_password(database: Database) {
        let app = TestApp::start_with(&database, &LONG_CACHE).await;
        let mut page = Browser::logged_in(&app).await;
        let mut other = Browser::logged_in(&app).await;
        let alice = app.log_in("alice").await;
        let body = new_password("password", "another one");
        let response = page.send(Method::PUT, PATH, &body, &[]).await;
        assert_eq!(response.status, 419, "a cookie without the CSRF token");
        let csrf = page.csrf();
        let response = page.send(Method::PUT, PATH, &body, &[("x-xsrf-token", &csrf)]).await;
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(page.get("/api/user").await.status, 200);
        assert_eq!(other.get("/api/user").await.status, 401);
        assert_eq!(alice.get("/api/user").await.status, 401);
        assert_eq!(terminations(&database), 1);
        // The session still exists: its logout terminates the connections.
        let response = page.post("/api/logout", "", &[("x-xsrf-token", &csrf)]).await;
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(terminations(&database), 2);
        app.stop();
    }

    /// Even if the login is concurrent with the change of the password.
    async fn no_token_from_the_old_password_outlives_it(database: Database) {
        let app = TestApp::start(&database).await;
        for round in 0..rounds(5) {
            let mut owner = app.visitor();
            owner.register(&format!("owner{round}")).await;
            let email = format!("owner{round}@test.example");
            let visitor = app.visitor();
            let change = async move {
                let changed = put(&owner, &new_password("password", "another one")).await;
                assert_eq!(changed.status, 200, "{}", changed.body);
                None
            };
            let log_ins = (0..4).map(|_| {
                let (visitor, email) = (visitor.clone(), email.clone());
                Box::pin(async move {
                    let response = try_log_in(&visitor, &email, "password").await;
                    let token = response.json()["token"].as_str().map(str::to_owned);
                    assert_eq!(response.status, if token.is_some() { 200 } else { 422 });
                    token
                }) as std::pin::Pin<Box<dyn Future<Output = Option<String>> + Send>>
            });
            let tokens = run_concurrently(log_ins.chain([Box::pin(change) as _])).await;
            for token in tokens.into_iter().flatten() {
                let mut thief = app.visitor();
                thief.token = Some(token);
                assert_eq!(thief.get("/api/user").await.status, 401);
            }
        }
        app.stop();
    }

    async fn one_of_two_concurrent_password_changes_succeeds(database: Database) {
        let app = TestApp::start(&database).await;
        let clients = [app.log_in("alice").await, app.log_in("alice").await];
        let changes = clients.into_iter().zip(["the first", "the second"]);
        let responses = run_concurrently(changes.map(|(client, new)| async move {
            (put(&client, &new_password("password", new)).await.status, new)
        }));
        let responses = responses.await;
        let new_passwords: Vec<&str> =
            responses.iter().filter(|(status, _)| *status == 200).map(|(_, new)| *new).collect();
        assert_eq!(new_passwords.len(), 1, "{responses:?}");
        let expected = responses.iter().all(|(status, _)| [200, 401, 422].contains(status));
        assert!(expected, "{responses:?}");
        let response = try_log_in(&app.visitor(), "alice@example.com", new_passwords[0]).await;
        assert_eq!(response.status, 200);
        app.stop();
    }

    /// The first login replaces the hash while the others verify the password against the old one.
    async fn concurrent_logins_with_an_outdated_hash_all_succeed(database: Database) {
        let app = TestApp::start(&database).await;
        let hash = bcrypt::hash_with_result("password", 4).unwrap();
        let hash = hash.format_for_version(bcrypt::Version::TwoY);
        for _ in 0..rounds(3) {
            database.execute(&format!("UPDATE users SET password = '{hash}' WHERE id = 1"));
            let visitor = app.visitor();
            let log_ins = (0..4).map(|_| {
                let visitor = visitor.clone();
                async move { try_log_in(&visitor, "alice@example.com", "password").await.status }
            });
            assert_eq!(run_concurrently(log_ins).await, [200; 4]);
        }
        app.stop();
    }
}
