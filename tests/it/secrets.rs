//! No secret and no personal data appears in the log, even at the level `debug`.

use matchcast::pusher::{Credentials, sign};
use reqwest::Method;
use serde_json::json;

use crate::on_both;
use crate::outages::wait_until_outbox_empty;
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::provider::{APP_ID, Action, KEY, Provider, SECRET, response};
use crate::support::wait_for;

const PASSWORD: &str = "pa55word-0f-the-tests";
const EMAIL: &str = "carefully.hidden@test.example";
const NEW_PASSWORD: &str = "an0ther-pa55word-0f-the-tests";
const MASTER_KEY: &str = "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU=";
const APP_KEY: &str = "4pp-key-0f-the-tests-4pp-key-0f-the-tests";

on_both! {
    async fn the_debug_log_contains_no_secret(database: Database) {
        let provider = Provider::start().await;
        let mut variables = provider.variables();
        for (name, value) in [
            ("MATCHCAST__LOG__LEVEL", "debug"),
            ("APP_KEY", APP_KEY),
            ("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", MASTER_KEY),
            ("MATCHCAST__BROADCASTING__ONLY_OCCUPIED", "true"),
            ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", "10"),
            ("MATCHCAST__PUBLISHER__BACKOFF_CAP_MS", "20"),
            ("MATCHCAST__PUBLISHER__HOLD_MS", "20"),
        ] {
            variables.push((name, value.to_owned()));
        }
        let process = Process::start(&database, &variables).await;
        let mut tokens = vec![register(&process).await];
        let (alice, bob) = (process.log_in("alice").await, process.log_in("bob").await);
        let shared_secret = subscribe(&alice).await;
        let webhook_signature = webhooks(&process).await;
        cookie_session(&process).await;
        send_invalid_requests(&process, &alice).await;

        // Responses that repeat the request are the most dangerous ones.
        for status in ["500 Down", "401 No", "403 No", "429 Slow", "400 Bad"] {
            let before = provider.posts().len();
            provider.on_request(move |call| {
                let echo = format!("you sent {} for {SECRET}", call.signature);
                Action::Respond(response(status, &[], &echo))
            });
            alice.place("BTC", "sell", "10", "0.001").await.data();
            bob.place("BTC", "buy", "10", "0.001").await.data();
            wait_for("attempts", || async {
                (provider.posts().len() >= before + 2).then_some(())
            })
            .await;
        }
        provider.always(Action::Close);
        let before = provider.posts().len();
        wait_for("attempts", || async {
            (provider.posts().len() >= before + 2).then_some(())
        })
        .await;
        provider.accept_all();
        wait_until_outbox_empty(&database).await;
        let signatures: Vec<String> =
            provider.posts().into_iter().map(|call| call.signature).collect();
        let log = process.stop().await;

        assert!(log.contains("DEBUG") && log.contains("the provider refuses"), "{log}");
        tokens.extend([alice, bob].map(|user| user.token.expect("a token")));
        // The part after the bar is the secret.
        let secrets = tokens.iter().filter_map(|token| token.split_once('|')).map(|(_, half)| half);
        let signatures = signatures.iter().chain([&shared_secret, &webhook_signature]);
        for secret in secrets.chain(signatures.map(String::as_str)) {
            assert!(secret.len() >= 20 && !log.contains(secret), "{secret} in {log}");
        }
        let password_in_url = database.url.split('@').next().filter(|_| database.is_postgres());
        let words = [SECRET, PASSWORD, NEW_PASSWORD, APP_KEY, MASTER_KEY, EMAIL, "auth_signature",
            "@example.com", "Bearer"];
        for word in words.into_iter().chain(password_in_url) {
            assert!(!log.contains(word), "{word} in {log}");
        }
    }
}

/// Registers twice, logs in with a wrong and a right password, and changes the password with a
/// wrong and a right one. Returns the token.
async fn register(process: &Process) -> String {
    let mut client = Client::new(process.address);
    let body = json!({
        "name": "Carefully Hidden", "email": EMAIL,
        "password": PASSWORD, "password_confirmation": PASSWORD,
    });
    assert_eq!(client.post("/api/register", &body.to_string()).await.status, 201);
    assert_eq!(client.post("/api/register", &body.to_string()).await.status, 422);
    let wrong = json!({ "email": EMAIL, "password": format!("{PASSWORD}-wrong") });
    assert_eq!(client.post("/api/login", &wrong.to_string()).await.status, 422);
    client.log_in(EMAIL, PASSWORD).await;
    for (current, status) in [(NEW_PASSWORD, 422), (PASSWORD, 200)] {
        let body = json!({
            "current_password": current, "password": NEW_PASSWORD,
            "password_confirmation": NEW_PASSWORD,
        });
        let body = body.to_string().into_bytes();
        let response = client.send(Method::PUT, "/api/user/password", &[], body).await;
        assert_eq!(response.status, status, "{}", response.body);
    }
    client.token.expect("a token")
}

/// Sends one valid and one invalid webhook. Returns the signature.
async fn webhooks(process: &Process) -> String {
    let time_ms = matchcast::store::now().and_utc().timestamp_millis();
    let body = json!({ "time_ms": time_ms, "events": [] }).to_string();
    let signature =
        sign::webhook_signature(&Credentials::new(APP_ID, KEY, SECRET), body.as_bytes());
    for (key, status) in [(KEY, 200), ("another", 401)] {
        let headers = [("x-pusher-key", key), ("x-pusher-signature", signature.as_str())];
        let (path, body) = ("/api/pusher/webhook", body.clone().into_bytes());
        let response = Client::new(process.address).send(Method::POST, path, &headers, body).await;
        assert_eq!(response.status, status, "{}", response.body);
    }
    signature
}

/// Uses both endpoints that sign, and is rejected once. Returns the shared secret of the encrypted
/// channel.
async fn subscribe(user: &Client) -> String {
    let own = format!("socket_id=1.2&channel_name=private-user.{}", user.user_id);
    assert_eq!(user.post_form("/api/broadcasting/auth", &own).await.status, 200);
    let other = "socket_id=1.2&channel_name=private-user.999";
    assert_eq!(user.post_form("/broadcasting/auth", other).await.status, 403);
    assert_eq!(user.post_form("/broadcasting/user-auth", "socket_id=1.2").await.status, 200);
    let encrypted = own.replace("private-", "private-encrypted-");
    let response = user.post_form("/broadcasting/auth", &encrypted).await;
    response.json()["shared_secret"].as_str().expect("a secret").to_owned()
}

/// Starts a session as a browser does.
async fn cookie_session(process: &Process) {
    let visitor = Client::new(process.address);
    let response = visitor.get("/sanctum/csrf-cookie").await;
    assert!(response.status < 300, "{}", response.body);
}

/// Sends invalid requests, which error messages might quote.
async fn send_invalid_requests(process: &Process, user: &Client) {
    let visitor = Client::new(process.address);
    let malformed = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}""#);
    assert!(visitor.post("/api/login", &malformed).await.status >= 400);
    assert!(visitor.post("/api/register", &malformed).await.status >= 400);
    let mut stranger = user.clone();
    stranger.token = user.token.as_ref().map(|token| format!("{token}x"));
    assert_eq!(stranger.get("/api/user").await.status, 401);
    assert_eq!(user.place("BTC", "buy", "-1", r#""nine""#).await.status, 422);
    assert!(
        user.get(&format!("/api/nothing?email={EMAIL}&password={PASSWORD}")).await.status >= 400
    );
}
