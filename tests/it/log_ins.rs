//! Where a user is signed in: the list of log-ins, and how they are ended from elsewhere.

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::sessions::Browser;
use crate::sign_ins::terminations;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::wait_for;

const PATH: &str = "/api/sessions";
const LONG_CACHE: [(&str, &str); 1] = [("MATCHCAST__AUTH__CACHE_SECONDS", "600")];
const SHORT_CACHE: (&str, &str) = ("MATCHCAST__AUTH__CACHE_SECONDS", "1");
/// Processes with the same key accept each other's cookies.
const APP_KEY: (&str, &str) = ("APP_KEY", "the key of several processes, which is long");
const LOG_IN: &str = r#"{"email":"alice@example.com","password":"password"}"#;
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Alice, logged in from this address with this `User-Agent`.
async fn log_in_from(app: &TestApp, address: &str, user_agent: &str) -> Client {
    let headers = [
        ("content-type", "application/json"),
        ("x-forwarded-for", address),
        ("user-agent", user_agent),
    ];
    let mut client = app.visitor();
    let response = client.send(Method::POST, "/api/login", &headers, LOG_IN.into()).await;
    client.set_token(&response.data());
    client
}

/// A browser with a session, and a client with the token of the same log-in.
async fn both_of_a_log_in(app: &TestApp) -> (Browser, Client) {
    let mut browser = Browser::new(app);
    browser.get("/sanctum/csrf-cookie").await;
    let csrf = browser.csrf();
    let response = browser.post("/api/login", LOG_IN, &[("x-xsrf-token", &csrf)]).await;
    let mut client = app.visitor();
    client.set_token(&response.data());
    (browser, client)
}

/// The id of the log-in whose token this is.
fn id_of(client: &Client) -> i64 {
    client.token.as_deref().unwrap().split('|').next().unwrap().parse().unwrap()
}

async fn list(client: &Client) -> Vec<Value> {
    client.get(PATH).await.data().as_array().unwrap().clone()
}

fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

async fn end(client: &Client, id: impl std::fmt::Display) -> Response {
    client.send(Method::DELETE, &format!("{PATH}/{id}"), &[], Vec::new()).await
}

async fn end_others(client: &Client) -> Response {
    client.send(Method::DELETE, PATH, &[], Vec::new()).await
}

async fn program(user: &Client) -> Client {
    let body = json!({ "name": "bot", "abilities": ["read", "account"] }).to_string();
    let mut program = user.clone();
    program.set_token(&user.post("/api/tokens", &body).await.data());
    program
}

async fn status(client: &Client) -> u16 {
    client.get("/api/user").await.status
}

fn check_not_found(response: &Response, case: &str) {
    assert_eq!(response.refusal(), (404, "session_not_found".to_owned()), "{case}");
}

on_both! {
    async fn each_log_in_is_listed_with_its_client(database: Database) {
        let app = TestApp::start(&database).await;
        let laptop = log_in_from(&app, "192.0.2.7", FIREFOX).await;
        let (mut browser, with_token) = both_of_a_log_in(&app).await;
        let long = format!("a\tb{}", "x".repeat(300));
        let odd = log_in_from(&app, "2001:db8::9", &long).await;
        let (bob, bot) = (app.log_in("bob").await, program(&laptop).await);

        let rows = list(&laptop).await;
        assert_eq!(ids(&rows), [id_of(&odd), id_of(&with_token), id_of(&laptop)], "newest first");
        let [odd_row, browser_row, laptop_row] = rows.as_slice() else { panic!("{rows:?}") };
        for (field, expected) in [
            ("kind", json!("token")),
            ("current", json!(true)),
            ("expires_at", Value::Null),
            ("ip_address", json!("192.0.2.7")),
            ("client", json!("Firefox on Linux")),
            ("user_agent", json!(FIREFOX)),
        ] {
            assert_eq!(laptop_row[field], expected, "{field}");
        }
        assert_eq!(laptop_row["created_at"], laptop_row["last_used_at"], "the log-in is a use");
        assert_eq!(browser_row["kind"], "cookie");
        assert_eq!(browser_row["current"], false);
        assert_eq!(browser_row["ip_address"], "127.0.0.1");
        assert!(browser_row["client"].is_null() && browser_row["user_agent"].is_null());
        assert_eq!(odd_row["ip_address"], "2001:db8::9");
        assert_eq!(odd_row["user_agent"], format!("ab{}", "x".repeat(253)));

        let of_browser = browser.get(PATH).await.data().as_array().unwrap().clone();
        let current: Vec<bool> = of_browser.iter().map(|row| row["current"] == true).collect();
        assert_eq!(current, [false, true, false], "of a cookie");
        let of_bot = list(&bot).await;
        assert_eq!(ids(&of_bot), ids(&rows), "its own token is no log-in");
        assert!(of_bot.iter().all(|row| row["current"] == false));
        assert_eq!(ids(&list(&bob).await), [id_of(&bob)]);
        let token = with_token.token.as_deref().unwrap();
        let secret = token.split('|').nth(1).unwrap();
        assert!(!rows.iter().any(|row| row.to_string().contains(secret)));
        app.stop();
    }

    async fn sessions_are_listed_in_pages(database: Database) {
        let app = TestApp::start(&database).await;
        let mut expected = Vec::new();
        let alice = app.log_in("alice").await;
        expected.push(id_of(&alice));
        for number in 0..4 {
            let client = if number % 2 == 0 {
                both_of_a_log_in(&app).await.1
            } else {
                app.log_in("alice").await
            };
            expected.push(id_of(&client));
        }
        expected.reverse();
        let mut page = alice.get("/api/sessions?limit=2").await;
        let mut listed = Vec::new();
        loop {
            let rows = page.data().as_array().unwrap().clone();
            assert!(rows.len() <= 2, "{rows:?}");
            listed.extend(ids(&rows));
            match alice.next_page(PATH, &page).await {
                Some(next) => page = next,
                None => break,
            }
        }
        assert_eq!(listed, expected);
        let none = alice.get("/api/sessions?to=2020-01-01T00:00:00Z").await.data();
        assert_eq!(none, json!([]));
        app.stop();
    }

    async fn a_session_ends_with_its_token_and_its_cookie_and_nothing_else(database: Database) {
        let app = TestApp::start_with(&database, &LONG_CACHE).await;
        let (alice, other) = (app.log_in("alice").await, app.log_in("alice").await);
        let (mut browser, with_token) = both_of_a_log_in(&app).await;
        let mut kept = Browser::logged_in(&app).await;
        let bot = program(&alice).await;
        for client in [&other, &with_token] {
            assert_eq!(status(client).await, 200, "it is cached from now on");
        }
        assert_eq!(browser.get("/api/user").await.status, 200);

        assert_eq!(end(&alice, id_of(&with_token)).await.status, 200);
        assert_eq!(status(&with_token).await, 401);
        assert_eq!(browser.get("/api/user").await.status, 401);
        assert_eq!(end(&alice, id_of(&other)).await.status, 200);
        assert_eq!(status(&other).await, 401);
        check_not_found(&end(&alice, id_of(&other)).await, "again");
        for client in [&alice, &bot] {
            assert_eq!(status(client).await, 200);
        }
        assert_eq!(kept.get("/api/user").await.status, 200);
        assert_eq!(list(&alice).await.len(), 2);
        assert_eq!(terminations(&database), 0, "the connections of the others remain");
        app.stop();
    }

    async fn a_session_of_another_user_is_neither_listed_nor_ended(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let (mut browser, with_token) = both_of_a_log_in(&app).await;
        let bot = program(&alice).await;
        for id in [id_of(&alice), id_of(&with_token)] {
            check_not_found(&end(&bob, id).await, "of alice");
        }
        check_not_found(&end(&alice, id_of(&bot)).await, "a token of a program");
        for id in ["0", "-1", "999999", "99999999999999999999", "x", "%31%7C"] {
            check_not_found(&end(&alice, id).await, id);
        }
        assert_eq!(end_others(&bob).await.data(), json!({ "ended": 0 }));
        for client in [&alice, &bot, &with_token] {
            assert_eq!(status(client).await, 200);
        }
        assert_eq!(browser.get("/api/user").await.status, 200);
        app.stop();
    }

    async fn all_other_sessions_end_at_once(database: Database) {
        let app = TestApp::start_with(&database, &LONG_CACHE).await;
        let (alice, other) = (app.log_in("alice").await, app.log_in("alice").await);
        let (mut browser, with_token) = both_of_a_log_in(&app).await;
        let (bob, bot) = (app.log_in("bob").await, program(&other).await);
        for client in [&alice, &other, &with_token, &bot] {
            assert_eq!(status(client).await, 200, "it is cached from now on");
        }
        let csrf = browser.csrf();
        let without = browser.send(Method::DELETE, PATH, "", &[]).await;
        assert_eq!(without.status, 419, "a cookie needs the CSRF token");
        let ended = browser.send(Method::DELETE, PATH, "", &[("x-xsrf-token", &csrf)]).await;
        assert_eq!(ended.data(), json!({ "ended": 2 }));
        for (client, expected) in [
            (&alice, 401), (&other, 401), (&with_token, 200), (&bot, 200), (&bob, 200),
        ] {
            assert_eq!(status(client).await, expected);
        }
        assert_eq!(browser.get("/api/user").await.status, 200);
        assert_eq!(ids(&list(&with_token).await), [id_of(&with_token)]);
        assert_eq!(end_others(&with_token).await.data(), json!({ "ended": 0 }));
        assert_eq!(terminations(&database), 0);
        // The token of a program is no session, so it ends all of them.
        assert_eq!(end_others(&bot).await.data(), json!({ "ended": 1 }));
        assert_eq!(browser.get("/api/user").await.status, 401);
        assert_eq!(status(&bot).await, 200);
        app.stop();
    }

    async fn the_own_session_can_be_ended_too(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        assert_eq!(end(&alice, id_of(&alice)).await.status, 200);
        assert_eq!(status(&alice).await, 401);
        assert_eq!(terminations(&database), 1, "it was the last one");
        let (mut browser, with_token) = both_of_a_log_in(&app).await;
        let path = format!("{PATH}/{}", id_of(&with_token));
        let csrf = browser.csrf();
        let response = browser.send(Method::DELETE, &path, "", &[("x-xsrf-token", &csrf)]).await;
        assert_eq!(response.status, 200, "{}", response.body);
        let cookie = response.header("set-cookie").unwrap_or_default();
        assert!(cookie.contains("Max-Age=0"), "the cookie is removed: {cookie}");
        assert_eq!(status(&with_token).await, 401);
        assert_eq!(terminations(&database), 2);
        app.stop();
    }

    async fn a_cookie_that_has_outlived_its_token_is_a_session(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let (mut browser, with_token) = both_of_a_log_in(&app).await;
        assert_eq!(with_token.post("/api/logout", "").await.status, 200);
        assert_eq!(browser.get("/api/user").await.status, 200);
        let rows = list(&alice).await;
        assert_eq!(ids(&rows), [id_of(&with_token), id_of(&alice)]);
        assert_eq!(rows[0]["kind"], "cookie");
        assert_eq!(end(&alice, id_of(&with_token)).await.status, 200);
        assert_eq!(browser.get("/api/user").await.status, 401);
        app.stop();
    }

    async fn other_processes_reject_an_ended_session_when_their_caches_expire(database: Database) {
        let app = TestApp::start_with(&database, &[APP_KEY]).await;
        let other = TestApp::start_with(&database, &[APP_KEY, SHORT_CACHE]).await;
        let alice = app.log_in("alice").await;
        let (browser, with_token) = both_of_a_log_in(&app).await;
        let (browser, with_token) = (browser.at(other.address), with_token.at(other.address));
        let of_cookie = async || browser.clone().get("/api/user").await.status;
        assert_eq!((status(&with_token).await, of_cookie().await), (200, 200));
        assert_eq!(end(&alice, id_of(&with_token)).await.status, 200);
        let is_rejected = |status: u16| (status == 401).then_some(());
        wait_for("the token's end", async || is_rejected(status(&with_token).await)).await;
        wait_for("the cookie's end", async || is_rejected(of_cookie().await)).await;
        for app in [app, other] {
            app.stop();
        }
    }

    /// Even if a process still accepts it from its cache.
    async fn an_ended_session_cannot_end_others(database: Database) {
        let app = TestApp::start(&database).await;
        let other = TestApp::start_with(&database, &LONG_CACHE).await;
        let (alice, thief) = (app.log_in("alice").await, app.log_in("alice").await);
        let elsewhere = thief.at(other.address);
        assert_eq!(status(&elsewhere).await, 200, "it is cached from now on");
        assert_eq!(end(&alice, id_of(&thief)).await.status, 200);
        assert_eq!(status(&elsewhere).await, 200);
        assert_eq!(end_others(&elsewhere).await.status, 401);
        assert_eq!(end(&elsewhere, id_of(&alice)).await.status, 401);
        assert_eq!(status(&alice).await, 200);
        for app in [app, other] {
            app.stop();
        }
    }

    async fn the_last_use_and_its_client_are_written_once_a_minute(database: Database) {
        let app = TestApp::start_with(&database, &[APP_KEY]).await;
        let (alice, marker) = (app.log_in("alice").await, app.log_in("alice").await);
        let (browser, with_token) = both_of_a_log_in(&app).await;
        for table in ["tokens", "sessions"] {
            database.execute(&format!("UPDATE {table} SET last_used_at = '2001-01-01 00:00:00'"));
        }
        let row = async |client: &Client| {
            let rows = list(&alice).await;
            rows.into_iter().find(|row| row["id"] == id_of(client)).unwrap()
        };
        let use_from = async |client: Client, address: &str| {
            let headers = [("x-forwarded-for", address), ("user-agent", "curl/8.5.0")];
            let response = client.send(Method::GET, "/api/user", &headers, Vec::new()).await;
            assert_eq!(response.status, 200);
        };
        assert_eq!(row(&with_token).await["last_used_at"], "2001-01-01T00:00:00.000000Z");
        // The first process has noted the log-ins less than a minute ago.
        let second = TestApp::start_with(&database, &[APP_KEY]).await;
        use_from(with_token.at(second.address), "192.0.2.8").await;
        let is_from = async |client: &Client, address: &str| {
            Some(row(client).await).filter(|row| row["ip_address"] == address)
        };
        let used = wait_for("the use", async || is_from(&with_token, "192.0.2.8").await).await;
        assert_eq!((&used["client"], &used["kind"]), (&json!("curl"), &json!("cookie")));
        assert_ne!(used["last_used_at"], "2001-01-01T00:00:00.000000Z");
        use_from(with_token.at(second.address), "192.0.2.9").await;
        let third = TestApp::start(&database).await;
        use_from(with_token.at(third.address), "192.0.2.9").await;
        use_from(marker.at(third.address), "192.0.2.10").await;
        wait_for("the marker", async || is_from(&marker, "192.0.2.10").await).await;
        assert_eq!(row(&with_token).await["ip_address"], "192.0.2.8", "within a minute");

        // The cookie is another credential of the same log-in.
        database.execute("UPDATE tokens SET last_used_at = '2001-01-01 00:00:00'");
        let headers = [("x-forwarded-for", "192.0.2.11"), ("user-agent", FIREFOX)];
        let mut browser = browser.at(second.address);
        let response = browser.send(Method::GET, "/api/user", "", &headers).await;
        assert_eq!(response.status, 200, "{}", response.body);
        let used = wait_for("the cookie", async || is_from(&with_token, "192.0.2.11").await).await;
        assert_eq!(used["client"], "Firefox on Linux");
        for app in [app, second, third] {
            app.stop();
        }
    }
}
