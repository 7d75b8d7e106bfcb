//! Tokens of administrators: they are created on the command line, and nobody else sees the paths
//! under `/api/admin`.

use chrono::TimeDelta;
use matchcast::store::admin_tokens::{AdminAbility, NewAdminToken};
use matchcast::store::now;
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::ENDPOINTS;
use crate::on_both;
use crate::support::admin::{self, ABILITIES, new_token, with_token};
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::{logs, process};

const OWN_TOKEN: &str = "/api/admin/token";
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

async fn run(database: &Database, arguments: &str) -> (i32, String) {
    process::run(arguments, &database.url, &[]).await
}

async fn run_json(database: &Database, arguments: &str) -> Value {
    let (code, output) = run(database, &format!("{arguments} --json")).await;
    assert_eq!(code, 0, "{arguments}: {output}");
    let printed: Value = serde_json::from_str(&output).expect("one JSON value");
    if let Some((_, secret)) = printed["token"].as_str().and_then(|token| token.split_once('|')) {
        logs::record_secret(secret);
    }
    printed
}

/// All of a response that could tell two paths apart.
fn visible(response: &Response) -> (u16, String, Vec<(String, String)>) {
    // The connection is closed unless the whole body had arrived before the response.
    let differs = ["x-request-id", "date", "connection"];
    let headers = response.headers.iter().filter(|(name, _)| !differs.contains(&name.as_str()));
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), text(value))).collect();
    headers.sort();
    (response.status, response.body.clone(), headers)
}

/// The client sees of all paths under `/api/admin` what it sees of an unknown path.
async fn sees_nothing(client: &Client, case: &str) {
    let paths = ENDPOINTS.iter().map(|(_, path, _)| *path);
    let paths = paths.filter(|path| path.starts_with("/api/admin"));
    for path in paths.chain(["/api/admin", "/api/admin/", "/api/admin/unknown"]) {
        for method in METHODS {
            let method: Method = method.parse().unwrap();
            let body = b"{\"user_id\":1".to_vec();
            let unknown = client.send(method.clone(), "/api/unknown", &[], body.clone()).await;
            assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("not_found")));
            let response = client.send(method.clone(), path, &[], body).await;
            assert_eq!(visible(&response), visible(&unknown), "{case}: {method} {path}");
        }
    }
}

on_both! {
    async fn only_a_valid_token_of_an_administrator_opens_the_area(database: Database) {
        let app = TestApp::start(&database).await;
        let (visitor, alice) = (app.visitor(), app.log_in("alice").await);
        sees_nothing(&visitor, "no token").await;
        sees_nothing(&alice, "a user").await;
        let (id, text) = admin::create(&database, &new_token(&ABILITIES));
        let valid = with_token(&app, text.clone());
        assert_eq!(valid.get(OWN_TOKEN).await.data()["id"], id);

        let (_, secret) = text.split_once('|').unwrap();
        let users_id = alice.token.as_deref().unwrap().split('|').next().unwrap();
        for wrong in [
            format!("admin-{id}|{}", &secret[1..]),
            format!("admin-{}|{secret}", id + 1),
            format!("admin-{id}|{}", secret.to_uppercase()),
            format!("{id}|{secret}"),
            format!("admin-{}", alice.token.as_deref().unwrap()),
            format!("admin-{users_id}|{secret}0"),
            secret.to_owned(),
        ] {
            sees_nothing(&with_token(&app, wrong.clone()), &wrong).await;
        }
        let expired = now() - TimeDelta::seconds(1);
        let expired = NewAdminToken { expires_at: Some(expired), ..new_token(&ABILITIES) };
        let (_, expired) = admin::create(&database, &expired);
        sees_nothing(&with_token(&app, expired), "an expired token").await;
        sees_nothing(&admin::client(&app, &database, &[]), "a token without abilities").await;
        let revoke = format!("UPDATE admin_tokens SET revoked_at = created_at WHERE id = {id}");
        database.execute(&revoke);
        sees_nothing(&valid, "a revoked token").await;
        app.stop();
    }

    async fn a_token_is_valid_from_its_addresses_only(database: Database) {
        let app = TestApp::start(&database).await;
        let addresses = ["192.0.2.0/24", "2001:db8::7"].map(|range| range.parse().unwrap());
        let token = NewAdminToken {
            addresses: addresses.to_vec(), ..new_token(&[AdminAbility::Read])
        };
        let admin = with_token(&app, admin::create(&database, &token).1);
        sees_nothing(&admin, "from 127.0.0.1").await;
        for (address, status) in [
            ("192.0.2.9", 200), ("198.51.100.1, 192.0.2.9", 200), ("192.0.2.9, 198.51.100.1", 404),
            ("::ffff:192.0.2.9", 200), ("2001:db8::7", 200), ("2001:db8::8", 404), ("", 404),
        ] {
            let headers = [("x-forwarded-for", address)];
            let response = admin.send(Method::GET, OWN_TOKEN, &headers, Vec::new()).await;
            assert_eq!(response.status, status, "{address}");
        }
        app.stop();
    }

    async fn a_token_of_an_administrator_acts_as_no_user(database: Database) {
        let app = TestApp::start(&database).await;
        let admin = admin::client(&app, &database, &ABILITIES);
        for (method, path, access) in ENDPOINTS {
            if matches!(access, crate::access::Access::User(_)) {
                let path = path.replace("{id}", "1");
                let response = admin.send(method.parse().unwrap(), &path, &[], Vec::new()).await;
                assert_eq!(response.status, 401, "{method} {path}: {}", response.body);
            }
        }
        // Neither can a user give a token such an ability.
        let alice = app.log_in("alice").await;
        for ability in ["admin:read", "admin:funds"] {
            let body = json!({ "name": "bot", "abilities": ["read", ability] });
            assert_eq!(alice.post("/api/tokens", &body.to_string()).await.status, 422);
        }
        app.stop();
    }

    async fn tokens_are_managed_on_the_command_line(database: Database) {
        let app = TestApp::start(&database).await;
        let created = run_json(
            &database,
            "token create --admin admin:read,funds --name payments --expires 2100-01-31T12:00:00 \
             --from 127.0.0.0/8 ::1",
        ).await;
        let admin = with_token(&app, created["token"].as_str().unwrap().to_owned());
        let own = admin.get(OWN_TOKEN).await.data();
        assert_eq!(own, json!({
            "id": created["id"], "name": "payments", "abilities": ["admin:read", "admin:funds"],
            "addresses": ["127.0.0.0/8", "::1/128"], "created_at": created["created_at"],
            "expires_at": "2100-01-31T12:00:00.000000Z",
        }));
        let secret = created["token"].as_str().unwrap().split_once('|').unwrap().1;
        let listed = run_json(&database, "token list").await;
        assert_eq!(listed[0]["id"], created["id"]);
        assert!(listed[0]["last_used_at"].is_string() && listed[0]["token"].is_null(), "{listed}");
        let (_, table) = run(&database, "token list").await;
        for shown in [&listed.to_string(), &table] {
            assert!(shown.contains("payments") && !shown.contains(secret), "{shown}");
        }
        assert!(table.contains("valid until 2100-01-31 12:00:00"), "{table}");

        let id = &created["id"];
        let revoked = run_json(&database, &format!("token revoke {id}")).await;
        sees_nothing(&admin, "the token that another process has revoked").await;
        let again = run_json(&database, &format!("token revoke {id}")).await;
        assert_eq!(again["revoked_at"], revoked["revoked_at"]);
        let (code, output) = run(&database, "token revoke 999").await;
        assert_eq!(code, 1, "{output}");
        let (code, output) = run(&database, "token create --admin read --name shown").await;
        let text = output.lines().last().unwrap();
        logs::record_secret(text.split_once('|').unwrap().1);
        assert_eq!(code, 0, "{output}");
        assert_eq!(with_token(&app, text.to_owned()).get(OWN_TOKEN).await.status, 200);
        app.stop();
    }

    async fn administrators_have_a_limit_of_their_own(database: Database) {
        let variables = [
            ("MATCHCAST__LIMITS__ADMIN_PER_MINUTE", "2"),
            ("MATCHCAST__LIMITS__READS_PER_MINUTE", "100"),
        ];
        let app = TestApp::start_with(&database, &variables).await;
        let [one, other] = [(); 2].map(|()| admin::client(&app, &database, &ABILITIES));
        for left in ["1", "0"] {
            let response = one.get(OWN_TOKEN).await;
            assert_eq!(response.header("x-ratelimit-limit"), Some("2"));
            assert_eq!(response.header("x-ratelimit-remaining"), Some(left));
        }
        // Another encoding of the path is the same call.
        for path in [OWN_TOKEN, "/api/%61dmin/token"] {
            assert_eq!(one.get(path).await.status, 429, "{path}");
        }
        assert_eq!(other.get(OWN_TOKEN).await.status, 200);
        let stranger = app.visitor().get(OWN_TOKEN).await;
        assert_eq!((stranger.status, stranger.header("x-ratelimit-limit")), (404, Some("100")));
        app.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_tokens_are_not_created() {
    let database = Database::sqlite();
    database.open_store();
    for (arguments, part) in [
        ("token create --name x", "--admin"),
        ("token create --admin --name x", "--admin"),
        ("token create --admin trade --name x", "trade"),
        ("token create --admin read", "--name"),
        ("token create --admin read --name x --expires 2001-01-01T00:00:00", "expired"),
        ("token create --admin read --name x --expires tomorrow", "tomorrow"),
        ("token create --admin read --name x --from 10.0.0.1/8", "behind its prefix"),
        ("token create --admin read --name x --from nowhere", "such as 192.0.2.0/24"),
        ("token revoke x", "x"),
    ] {
        let (code, output) = run(&database, arguments).await;
        assert!(code != 0 && output.contains(part), "{arguments}: {code} {output}");
    }
    assert_eq!(run_json(&database, "token list").await, json!([]));
}
