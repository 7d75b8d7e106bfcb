//! Who may call what: the table of every endpoint, bearer tokens, and what stands beside the API.

use matchcast::store::{AnyConnection, users};
use reqwest::Method;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anybody,
    /// Only with a token or a session.
    Somebody,
    /// Only with the provider's signature, whoever else it is.
    Provider,
}
use Who::{Anybody, Provider, Somebody};

/// Every endpoint. A path that is not in here fails [`no_endpoint_is_missing`].
const ENDPOINTS: [(&str, &str, Who); 27] = [
    ("GET", "/api/config", Anybody),
    ("POST", "/api/register", Anybody),
    ("POST", "/api/login", Anybody),
    ("POST", "/api/logout", Somebody),
    ("GET", "/api/user", Somebody),
    ("PUT", "/api/user/password", Somebody),
    ("GET", "/api/profile", Somebody),
    ("GET", "/api/balance-history", Somebody),
    ("POST", "/api/faucet", Somebody),
    ("GET", "/api/orders", Somebody),
    ("POST", "/api/orders", Somebody),
    ("POST", "/api/orders/{id}/cancel", Somebody),
    ("GET", "/api/my-orders", Somebody),
    ("GET", "/api/trades", Somebody),
    ("GET", "/api/debug/events", Somebody),
    ("POST", "/api/debug/events", Somebody),
    ("POST", "/api/broadcasting/auth", Somebody),
    ("POST", "/api/broadcasting/user-auth", Somebody),
    ("POST", "/api/pusher/webhook", Provider),
    ("POST", "/broadcasting/auth", Somebody),
    ("POST", "/broadcasting/user-auth", Somebody),
    ("GET", "/sanctum/csrf-cookie", Anybody),
    ("GET", "/health", Anybody),
    ("GET", "/ready", Anybody),
    ("GET", "/up", Anybody),
    ("GET", "/metrics", Anybody),
    ("GET", "/", Anybody),
];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

async fn call(client: &Client, name: &str, path: &str) -> Reply {
    let path = path.replace("{id}", "1");
    client.send(method(name), &path, &[], Vec::new()).await
}

fn check_error(reply: &Reply, status: u16, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.body);
    assert_eq!(reply.header("content-type"), Some("application/json"), "{what}");
    assert!(reply.json()["message"].is_string(), "{what}: {}", reply.body);
}

fn check_unauthenticated(reply: &Reply, what: &str) {
    check_error(reply, 401, what);
    assert_eq!(reply.json()["message"], "Unauthenticated.", "{what}");
    assert!(!reply.headers.contains_key("location"), "{what}: no redirect");
}

/// The routing table names its paths as `resource("/…"`; each must stand in the table above.
#[test]
fn no_endpoint_is_missing() {
    let routes = include_str!("../../src/http/router.rs");
    let api = routes.find("fn api(").expect("the API's own table");
    let mut paths = Vec::new();
    for (position, _) in routes.match_indices("resource(\"/") {
        let path = routes[position..].split('"').nth(1).unwrap();
        let prefix = if position > api { "/api" } else { "" };
        paths.push(format!("{prefix}{path}"));
    }
    assert!(paths.len() > 15, "{paths:?}");
    for path in paths {
        assert!(ENDPOINTS.iter().any(|(_, known, _)| *known == path), "{path} is not in the table");
    }
}

on_both! {
    async fn each_endpoint_asks_who_it_is(database: Database) {
        let app = TestApp::start(&database).await;
        let (visitor, alice) = (app.visitor(), app.log_in("alice").await);
        let endpoints = ENDPOINTS.iter().filter(|(_, path, _)| *path != "/api/logout");
        for (name, path, who) in endpoints {
            let what = format!("{name} {path}");
            let unknown = call(&visitor, name, path).await;
            match who {
                Somebody => check_unauthenticated(&unknown, &what),
                Anybody => assert!(![401, 403, 419, 500].contains(&unknown.status), "{what}"),
                Provider => {
                    for client in [&visitor, &alice] {
                        let reply = call(client, name, path).await;
                        check_error(&reply, 401, &what);
                        assert_eq!(reply.json()["code"], "webhook_unsigned", "{what}");
                    }
                    continue;
                }
            }
            let known = call(&alice, name, path).await;
            assert!(![401, 405, 419, 500].contains(&known.status), "{what}: {}", known.body);
        }
        check_unauthenticated(&call(&visitor, "POST", "/api/logout").await, "logout");
        app.stop();
    }

    async fn another_method_is_not_allowed(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        for (_, path, _) in ENDPOINTS {
            for name in METHODS {
                let known = |(m, p, _): &(&str, &str, Who)| *m == name && *p == path;
                if !ENDPOINTS.iter().any(known) {
                    check_error(&call(&alice, name, path).await, 405, &format!("{name} {path}"));
                }
            }
        }
        app.stop();
    }

    async fn what_is_not_the_api_is_the_page(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        for path in ["/", "/orders", "/login", "/a/b/c", "/apiary", "/profile?x=1"] {
            let reply = visitor.get(path).await;
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
            assert!(reply.body.starts_with("<!doctype html>"), "{path}");
        }
        let not_there = [
            "/api", "/api/", "/api/nothing", "/api/user/", "/api/orders/1", "/api/orders/1/2/3",
            "/broadcasting", "/broadcasting/nothing", "/sanctum/nothing",
        ];
        for path in not_there {
            for name in METHODS {
                check_error(&call(&visitor, name, path).await, 404, &format!("{name} {path}"));
            }
        }
        check_error(&call(&visitor, "POST", "/orders").await, 405, "POST /orders");
        app.stop();
    }
}

on_both! {
    async fn what_is_no_token_is_refused(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let token = alice.token.clone().unwrap();
        let (id, secret) = token.split_once('|').unwrap();
        let bobs_id = bob.token.as_deref().unwrap().split('|').next().unwrap();
        let wrong = [
            String::new(),
            "garbage".to_owned(),
            secret.to_owned(),
            id.to_owned(),
            format!("{id}|"),
            format!("{id}|{}", secret.to_uppercase()),
            format!("{id}|{}", &secret[1..]),
            format!("{id}|{secret}0"),
            format!("{bobs_id}|{secret}"),
            format!("999999|{secret}"),
            format!("-{id}|{secret}"),
            format!("99999999999999999999|{secret}"),
            "|".to_owned(),
            "undefined".to_owned(),
            "null".to_owned(),
        ];
        for token in wrong {
            let mut client = app.visitor();
            client.token = Some(token.clone());
            check_unauthenticated(&client.get("/api/user").await, &token);
        }
        for scheme in ["Basic", "Token", "Bearer:", ""] {
            let value = format!("{scheme} {token}");
            let headers = [("authorization", value.as_str())];
            let reply = app.visitor().send(Method::GET, "/api/user", &headers, Vec::new()).await;
            check_unauthenticated(&reply, &value);
        }
        let value = format!("bearer {token}");
        let headers = [("authorization", value.as_str())];
        let reply = app.visitor().send(Method::GET, "/api/user", &headers, Vec::new()).await;
        assert_eq!(reply.status, 200, "the scheme's case does not matter");
        app.stop();
    }

    /// Also while this process still remembers the token.
    async fn a_log_out_revokes_the_token_at_once_and_no_other(database: Database) {
        let app = TestApp::start(&database).await;
        let (first, second) = (app.log_in("alice").await, app.log_in("alice").await);
        let bob = app.log_in("bob").await;
        for client in [&first, &second, &bob] {
            assert_eq!(client.get("/api/user").await.status, 200);
        }
        assert_eq!(first.post("/api/logout", "").await.status, 200);
        check_unauthenticated(&first.get("/api/user").await, "the revoked token");
        check_unauthenticated(&first.post("/api/logout", "").await, "once more");
        let auth = first.post("/broadcasting/auth", "{}").await;
        check_unauthenticated(&auth, "the endpoint that remembers tokens");
        for client in [&second, &bob] {
            assert_eq!(client.get("/api/user").await.status, 200);
        }
        app.stop();
    }

    async fn a_token_ends_when_its_time_is_over(database: Database) {
        let variables = [
            ("MATCHCAST__AUTH__TOKEN_LIFETIME_MINUTES", "1"),
            ("MATCHCAST__AUTH__CACHE_SECONDS", "0"),
        ];
        let app = TestApp::start_with(&database, &variables).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        assert_eq!(alice.get("/api/user").await.status, 200);
        database.execute("UPDATE tokens SET expires_at = '2001-01-01 00:00:00' WHERE user_id = 1");
        check_unauthenticated(&alice.get("/api/user").await, "an expired token");
        assert_eq!(bob.get("/api/user").await.status, 200);
        database.execute("UPDATE tokens SET expires_at = NULL WHERE user_id = 1");
        assert_eq!(alice.get("/api/user").await.status, 200, "without an end");
        database.execute("DELETE FROM tokens WHERE user_id = 2");
        check_unauthenticated(&bob.get("/api/user").await, "a token that is gone");
        app.stop();
    }

    /// Users brought along from Laravel keep their passwords.
    async fn a_bcrypt_hash_logs_in_and_is_replaced(database: Database) {
        let app = TestApp::start(&database).await;
        let hash = bcrypt::hash_with_result("geheim und lang", 4).unwrap();
        let hash = hash.format_for_version(bcrypt::Version::TwoY);
        database.execute(&format!(
            "INSERT INTO users (id, name, email, password, created_at, updated_at) VALUES (77, \
             'Laura', 'laura@example.com', '{hash}', '2020-01-01 00:00:00', '2020-01-01 00:00:00')"
        ));
        let stored = || {
            let mut connection = AnyConnection::open(&database.parsed()).unwrap();
            let user = users::by_email(&mut connection, "laura@example.com").unwrap();
            user.and_then(|user| user.password).unwrap()
        };
        let wrong = r#"{"email":"laura@example.com","password":"geheim"}"#;
        assert_eq!(app.visitor().post("/api/login", wrong).await.status, 422);
        assert_eq!(stored(), hash, "a wrong password replaces nothing");

        let mut laura = app.visitor();
        laura.log_in("laura@example.com", "geheim und lang").await;
        assert_eq!(laura.user_id, 77);
        let new = stored();
        assert!(new.starts_with("$argon2id$"), "{new}");
        laura.log_in("laura@example.com", "geheim und lang").await;
        assert_eq!(stored(), new, "once is enough");
        assert_eq!(app.visitor().post("/api/login", wrong).await.status, 422);
        assert_eq!(laura.available("USD").await, "0");
        app.stop();
    }

    /// Nobody registers into it, and its address cannot log in.
    async fn nobody_is_the_house(database: Database) {
        let app = TestApp::start(&database).await;
        for password in ["", "password", "null"] {
            let body = serde_json::json!({
                "email": "house.btc@matchcast.invalid", "password": password,
            });
            let reply = app.visitor().post("/api/login", &body.to_string()).await;
            assert_eq!(reply.status, 422, "{password:?}: {}", reply.body);
        }
        app.stop();
    }

    async fn head_answers_what_get_answers_without_a_body(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        for (path, status) in [("/health", 200), ("/api/config", 200), ("/api/user", 401)] {
            let head = visitor.send(Method::HEAD, path, &[], Vec::new()).await;
            let get = visitor.get(path).await;
            assert_eq!((head.status, get.status), (status, status), "{path}");
            assert_eq!(head.body, "", "{path}");
        }
    }
}
