//! Access control: the table of all endpoints and who may call them, bearer tokens, and paths
//! outside the API.

use matchcast::store::admin_tokens::AdminAbility;
use matchcast::store::{AnyConnection, users};
use reqwest::Method;

use crate::on_both;
use crate::support::admin;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    /// With a session, or a token that has this ability, if any is needed.
    User(Option<&'static str>),
    /// With the provider's signature. Tokens and sessions do not matter.
    Provider,
    /// With a token of an administrator that has this ability, if any is needed. For everybody else
    /// the path is unknown.
    Admin(Option<AdminAbility>),
}
use Access::{Admin, Provider, Public, User};
const ANY: Access = User(None);
const READ: Access = User(Some("read"));
const TRADE: Access = User(Some("trade"));
const ACCOUNT: Access = User(Some("account"));

/// Every endpoint. [`no_endpoint_is_missing`] fails for a path that is not listed.
pub const ENDPOINTS: [(&str, &str, Access); 96] = [
    ("GET", "/api/config", Public),
    ("POST", "/api/register", Public),
    ("POST", "/api/login", Public),
    ("POST", "/api/logout", ANY),
    ("GET", "/api/user", READ),
    ("PUT", "/api/user/password", ACCOUNT),
    ("GET", "/api/profile", READ),
    ("GET", "/api/balance-history", READ),
    ("POST", "/api/faucet", ACCOUNT),
    ("GET", "/api/orders", READ),
    ("POST", "/api/orders", TRADE),
    ("DELETE", "/api/orders", TRADE),
    ("POST", "/api/orders/batch", TRADE),
    ("POST", "/api/orders/preview", READ),
    ("GET", "/api/orders/{id}", READ),
    ("PATCH", "/api/orders/{id}", TRADE),
    ("POST", "/api/orders/{id}/cancel", TRADE),
    ("GET", "/api/orders/by-client-id/{id}", READ),
    ("POST", "/api/orders/by-client-id/{id}/cancel", TRADE),
    ("GET", "/api/errors", Public),
    ("GET", "/api/errors/{code}", Public),
    ("GET", "/api/openapi.json", Public),
    ("GET", "/api/time", Public),
    ("GET", "/api/markets", Public),
    ("GET", "/api/orderbook/{symbol}", Public),
    ("GET", "/api/trades", Public),
    ("GET", "/api/ticker", Public),
    ("GET", "/api/candles", Public),
    ("GET", "/api/my-orders", READ),
    ("GET", "/api/my-trades", READ),
    ("GET", "/api/balances", READ),
    ("GET", "/api/withdrawals", READ),
    ("POST", "/api/withdrawals", ACCOUNT),
    ("GET", "/api/withdrawals/{id}", READ),
    ("POST", "/api/withdrawals/{id}/cancel", ACCOUNT),
    ("GET", "/api/tokens", ACCOUNT),
    ("POST", "/api/tokens", ACCOUNT),
    ("DELETE", "/api/tokens/{id}", ACCOUNT),
    ("GET", "/api/sessions", ACCOUNT),
    ("DELETE", "/api/sessions", ACCOUNT),
    ("DELETE", "/api/sessions/{id}", ACCOUNT),
    ("GET", "/api/debug/events", READ),
    ("POST", "/api/debug/events", ACCOUNT),
    ("GET", "/api/demo/traders", READ),
    ("PUT", "/api/demo/traders", ACCOUNT),
    ("POST", "/api/broadcasting/auth", READ),
    ("POST", "/api/broadcasting/user-auth", READ),
    ("POST", "/api/pusher/webhook", Provider),
    ("GET", "/api/webhooks", ACCOUNT),
    ("POST", "/api/webhooks", ACCOUNT),
    ("GET", "/api/webhooks/{id}", ACCOUNT),
    ("DELETE", "/api/webhooks/{id}", ACCOUNT),
    ("POST", "/api/webhooks/{id}/enable", ACCOUNT),
    ("GET", "/api/webhooks/{id}/messages", ACCOUNT),
    ("POST", "/api/webhooks/{id}/replay", ACCOUNT),
    ("POST", "/api/webhooks/{id}/rotate-secret", ACCOUNT),
    ("GET", "/api/admin/token", Admin(None)),
    ("GET", "/api/admin/deposits", Admin(Some(AdminAbility::Read))),
    ("POST", "/api/admin/deposits", Admin(Some(AdminAbility::Funds))),
    ("GET", "/api/admin/withdrawals", Admin(Some(AdminAbility::Read))),
    ("POST", "/api/admin/withdrawals/{id}/complete", Admin(Some(AdminAbility::Funds))),
    ("POST", "/api/admin/withdrawals/{id}/reject", Admin(Some(AdminAbility::Funds))),
    ("GET", "/api/admin/adjustments", Admin(Some(AdminAbility::Read))),
    ("POST", "/api/admin/adjustments", Admin(Some(AdminAbility::Funds))),
    ("POST", "/api/admin/adjustments/{id}/approve", Admin(Some(AdminAbility::Funds))),
    ("POST", "/api/admin/adjustments/{id}/reject", Admin(Some(AdminAbility::Funds))),
    ("GET", "/api/admin/users", Admin(Some(AdminAbility::Read))),
    ("POST", "/api/admin/users", Admin(Some(AdminAbility::Users))),
    ("GET", "/api/admin/users/{id}", Admin(Some(AdminAbility::Read))),
    ("POST", "/api/admin/users/{id}/freeze", Admin(Some(AdminAbility::Users))),
    ("POST", "/api/admin/users/{id}/unfreeze", Admin(Some(AdminAbility::Users))),
    ("POST", "/api/admin/users/{id}/close", Admin(Some(AdminAbility::Users))),
    ("GET", "/api/admin/log", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/users.csv", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/orders", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/orders.csv", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/trades", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/trades.csv", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/ledger", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/ledger.csv", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/commission", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/balance-sheet", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/audit", Admin(Some(AdminAbility::Read))),
    ("GET", "/api/admin/dead-letters", Admin(Some(AdminAbility::Read))),
    ("POST", "/api/admin/dead-letters/{id}/retry", Admin(Some(AdminAbility::Markets))),
    ("GET", "/api/admin/markets", Admin(Some(AdminAbility::Read))),
    ("POST", "/api/admin/markets/{symbol}/status", Admin(Some(AdminAbility::Markets))),
    ("GET", "/api/admin/health", Admin(Some(AdminAbility::Read))),
    ("POST", "/broadcasting/auth", READ),
    ("POST", "/broadcasting/user-auth", READ),
    ("GET", "/sanctum/csrf-cookie", Public),
    ("GET", "/health", Public),
    ("GET", "/ready", Public),
    ("GET", "/up", Public),
    ("GET", "/metrics", Public),
    ("GET", "/", Public),
];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

pub async fn call(client: &Client, name: &str, path: &str) -> Response {
    // The first session may be that of the client.
    let path = path.replace("/sessions/{id}", "/sessions/0");
    let path = path.replace("{id}", "1").replace("{symbol}", "BTC");
    client.send(method(name), &path, &[], Vec::new()).await
}

fn check_error(response: &Response, status: u16, case: &str) {
    assert_eq!(response.status, status, "{case}: {}", response.body);
    assert_eq!(response.header("content-type"), Some("application/json"), "{case}");
    assert!(response.json()["message"].is_string(), "{case}: {}", response.body);
}

fn check_unauthenticated(response: &Response, case: &str) {
    check_error(response, 401, case);
    assert_eq!(response.json()["message"], "Unauthenticated.", "{case}");
    assert!(!response.headers.contains_key("location"), "{case}: no redirect");
}

/// The router defines its paths as `resource("/…"`. Each must be listed in the table above.
#[test]
fn no_endpoint_is_missing() {
    let routes = include_str!("../../src/http/router.rs");
    let api = routes.find("fn api(").expect("the function that defines the API");
    let administration = routes.find("fn administration(").expect("that for administrators");
    assert!(administration > api);
    let mut paths = Vec::new();
    for (position, _) in routes.match_indices("resource(\"/") {
        let path = routes[position..].split('"').nth(1).unwrap();
        let prefix = match position {
            _ if position > administration => "/api/admin",
            _ if position > api => "/api",
            _ => "",
        };
        paths.push(format!("{prefix}{path}"));
    }
    assert!(paths.len() > 15, "{paths:?}");
    for path in paths {
        assert!(ENDPOINTS.iter().any(|(_, known, _)| *known == path), "{path} is not in the table");
    }
}

on_both! {
    async fn each_endpoint_requires_its_authentication(database: Database) {
        let app = TestApp::start(&database).await;
        let (visitor, alice) = (app.visitor(), app.log_in("alice").await);
        let endpoints = ENDPOINTS.iter().filter(|(_, path, _)| *path != "/api/logout");
        for (name, path, access) in endpoints {
            let case = format!("{name} {path}");
            let anonymous = call(&visitor, name, path).await;
            match access {
                User(_) => check_unauthenticated(&anonymous, &case),
                Public => assert!(![401, 403, 419, 500].contains(&anonymous.status), "{case}"),
                Admin(_) => {
                    for response in [anonymous, call(&alice, name, path).await] {
                        check_error(&response, 404, &case);
                        assert_eq!(response.json()["message"], "Not found.", "{case}");
                    }
                    continue;
                }
                Provider => {
                    for client in [&visitor, &alice] {
                        let response = call(client, name, path).await;
                        check_error(&response, 401, &case);
                        assert_eq!(response.json()["code"], "webhook_unsigned", "{case}");
                    }
                    continue;
                }
            }
            let response = call(&alice, name, path).await;
            assert!(![401, 405, 419, 500].contains(&response.status), "{case}: {}", response.body);
        }
        check_unauthenticated(&call(&visitor, "POST", "/api/logout").await, "logout");
        app.stop();
    }

    async fn each_endpoint_requires_its_ability(database: Database) {
        let app = TestApp::start(&database).await;
        let mut users = Vec::new();
        for ability in ["read", "trade", "account"] {
            let mut user = app.log_in("alice").await;
            let body = format!(r#"{{"name":"{ability}","abilities":["{ability}"]}}"#);
            user.set_token(&user.post("/api/tokens", &body).await.data());
            users.push((ability, user));
        }
        for (name, path, access) in ENDPOINTS.iter().filter(|(_, path, _)| *path != "/api/logout") {
            for (ability, user) in &users {
                let response = call(user, name, path).await;
                let case = format!("{name} {path} with {ability}: {}", response.body);
                let is_refused =
                    response.status == 403 && response.json()["code"] == "missing_ability";
                let needed = if let User(needed) = access { *needed } else { None };
                assert_eq!(is_refused, needed.is_some_and(|needed| needed != *ability), "{case}");
                if is_refused {
                    check_error(&response, 403, &case);
                }
            }
        }
        for (ability, user) in &users {
            assert_eq!(user.post("/api/logout", "").await.status, 200, "{ability}");
            check_unauthenticated(&user.get("/api/user").await, ability);
        }
        app.stop();
    }

    async fn other_methods_are_not_allowed(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let administrator = admin::client(&app, &database, &admin::ABILITIES);
        for (_, path, _) in ENDPOINTS {
            for name in METHODS {
                let known = |(m, p, _): &(&str, &str, Access)| *m == name && *p == path;
                let client = if path.starts_with("/api/admin") { &administrator } else { &alice };
                if !ENDPOINTS.iter().any(known) {
                    check_error(&call(client, name, path).await, 405, &format!("{name} {path}"));
                }
            }
        }
        app.stop();
    }

    async fn paths_outside_the_api_return_the_page(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        for path in ["/", "/orders", "/login", "/a/b/c", "/apiary", "/profile?x=1"] {
            let response = visitor.get(path).await;
            assert_eq!(response.status, 200, "{path}");
            assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
            assert!(response.body.starts_with("<!doctype html>"), "{path}");
        }
        let not_found = [
            "/api", "/api/", "/api/nothing", "/api/user/", "/api/orders/1/2", "/api/orders/1/2/3",
            "/broadcasting", "/broadcasting/nothing", "/sanctum/nothing",
        ];
        for path in not_found {
            for name in METHODS {
                check_error(&call(&visitor, name, path).await, 404, &format!("{name} {path}"));
            }
        }
        check_error(&call(&visitor, "POST", "/orders").await, 405, "POST /orders");
        app.stop();
    }
}

on_both! {
    async fn an_invalid_token_is_rejected(database: Database) {
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
            let response = app.visitor().send(Method::GET, "/api/user", &headers, Vec::new()).await;
            check_unauthenticated(&response, &value);
        }
        let value = format!("bearer {token}");
        let headers = [("authorization", value.as_str())];
        let response = app.visitor().send(Method::GET, "/api/user", &headers, Vec::new()).await;
        assert_eq!(response.status, 200, "the scheme's case does not matter");
        app.stop();
    }

    /// Even while this process has the token in its cache.
    async fn a_logout_revokes_its_token_immediately_and_no_other(database: Database) {
        let app = TestApp::start(&database).await;
        let (first, second) = (app.log_in("alice").await, app.log_in("alice").await);
        let bob = app.log_in("bob").await;
        for client in [&first, &second, &bob] {
            assert_eq!(client.get("/api/user").await.status, 200);
        }
        assert_eq!(first.post("/api/logout", "").await.status, 200);
        check_unauthenticated(&first.get("/api/user").await, "the revoked token");
        check_unauthenticated(&first.post("/api/logout", "").await, "a second logout");
        let auth = first.post("/broadcasting/auth", "{}").await;
        check_unauthenticated(&auth, "the endpoint that caches tokens");
        for client in [&second, &bob] {
            assert_eq!(client.get("/api/user").await.status, 200);
        }
        app.stop();
    }

    async fn an_expired_token_is_rejected(database: Database) {
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
        assert_eq!(alice.get("/api/user").await.status, 200, "a token without an expiry time");
        database.execute("DELETE FROM tokens WHERE user_id = 2");
        check_unauthenticated(&bob.get("/api/user").await, "a deleted token");
        app.stop();
    }

    /// Users migrated from Laravel keep their passwords.
    async fn a_bcrypt_hash_is_accepted_and_replaced(database: Database) {
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
        assert_eq!(stored(), hash, "a wrong password does not replace the hash");

        let mut laura = app.visitor();
        laura.log_in("laura@example.com", "geheim und lang").await;
        assert_eq!(laura.user_id, 77);
        let new = stored();
        assert!(new.starts_with("$argon2id$"), "{new}");
        laura.log_in("laura@example.com", "geheim und lang").await;
        assert_eq!(stored(), new, "the hash is replaced only once");
        assert_eq!(app.visitor().post("/api/login", wrong).await.status, 422);
        assert_eq!(laura.available("USD").await, "0");
        app.stop();
    }

    async fn head_returns_the_status_of_get_without_a_body(database: Database) {
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
