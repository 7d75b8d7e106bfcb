//! The endpoints that sign subscriptions. They use the secret that also signs REST requests, so
//! they must never sign text that a client can choose. All requests are sent as user 1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};

pub const KEY: &str = "278d425bdf160c739803";
/// The secret of the published test vectors.
const SECRET: &str = "7ad3773142a6692b25b8";
pub const PROVIDER: [(&str, &str); 4] = [
    ("BROADCAST_CONNECTION", "embedded"),
    ("PUSHER_APP_ID", "3"),
    ("PUSHER_APP_KEY", KEY),
    ("PUSHER_APP_SECRET", SECRET),
];
pub const PATHS: [&str; 2] = ["/api/broadcasting/auth", "/broadcasting/auth"];
const USER_PATHS: [&str; 2] = ["/api/broadcasting/user-auth", "/broadcasting/user-auth"];
const FORM: &str = "application/x-www-form-urlencoded";
const TYPES: [Option<&str>; 4] = [Some(FORM), Some("application/json"), Some("text/plain"), None];

fn vectors() -> Value {
    serde_json::from_str(include_str!("../fixtures/pusher-vectors.json")).unwrap()
}

/// The setting `user_channels`, the master key, and whether alice may then subscribe to
/// `private-user.1` and to `private-encrypted-user.1`.
const MODES: [(&str, &str, [bool; 2]); 5] = [
    ("auto", "", [true, false]),
    ("auto", MASTER_KEY, [true, true]),
    ("private", MASTER_KEY, [true, false]),
    ("encrypted", MASTER_KEY, [false, true]),
    ("both", MASTER_KEY, [true, true]),
];
pub const MASTER_KEY: &str = "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU=";

/// The key of a channel, computed without the code under test.
pub fn shared_secret(channel: &str) -> String {
    let master_key = STANDARD.decode(MASTER_KEY).unwrap();
    STANDARD.encode(Sha256::new().chain_update(channel).chain_update(master_key).finalize())
}

#[test]
fn the_shared_secret_equals_the_published_vector() {
    for vector in vectors()["shared_secret"].as_array().unwrap() {
        if vector["master_key_base64"] == MASTER_KEY {
            let channel = vector["channel"].as_str().unwrap();
            assert_eq!(shared_secret(channel), vector["shared_secret_base64"]);
            return;
        }
    }
    panic!("no vector has this master key");
}

/// A list of texts in the fixture that must be rejected.
fn to_reject(name: &str) -> Vec<String> {
    let texts: Vec<String> = serde_json::from_value(vectors()[name].clone()).unwrap();
    assert!(texts.len() > 10, "{name}");
    texts
}

/// The signature, computed without the code under test.
pub fn signature(signed: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{KEY}:{}", hex::encode(mac.finalize().into_bytes()))
}

/// Sends the fields as a form and as JSON, each with every Content-Type.
async fn send(client: &Client, path: &str, fields: &[(&str, &str)]) -> Vec<Response> {
    let form = serde_urlencoded::to_string(fields).unwrap();
    let object = fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    let object = Value::Object(object.collect()).to_string();
    let mut responses = Vec::new();
    for content_type in TYPES {
        for body in [&form, &object] {
            let headers: Vec<_> = content_type.map(|t| ("content-type", t)).into_iter().collect();
            let body = body.clone().into_bytes();
            responses.push(client.send(Method::POST, path, &headers, body).await);
        }
    }
    responses
}

pub fn check_rejected(response: &Response, case: &str) {
    assert!([403, 422].contains(&response.status), "{case}: {} {}", response.status, response.body);
    let body = response.json();
    assert!(body.get("auth").is_none() && body["message"].is_string(), "{case}: {body}");
    assert!(!response.body.contains(KEY), "{case}: {body}");
}

on_both! {
    async fn only_a_numeric_socket_id_is_signed(database: Database) {
        let app = TestApp::start_with(&database, &PROVIDER).await;
        let alice = app.log_in("alice").await;
        let long = format!("{}.1", "1".repeat(100));
        let more = [long.as_str(), "1.1.1", "1.", ".1", ".", "-1.1", "1.1 2", "1e1.1", "0x1.1"];
        let given = to_reject("socket_ids_to_refuse");
        for socket_id in given.iter().map(String::as_str).chain(more) {
            let fields = [("socket_id", socket_id), ("channel_name", "private-user.1")];
            for path in PATHS.iter().chain(&USER_PATHS) {
                for response in send(&alice, path, &fields).await {
                    check_rejected(&response, socket_id);
                    assert_eq!(response.status, 422, "{socket_id:?} is malformed");
                    assert!(response.json()["errors"]["socket_id"].is_array(), "{}", response.body);
                }
            }
        }
        app.stop();
    }

    async fn only_the_users_channel_is_signed(database: Database) {
        let app = TestApp::start_with(&database, &PROVIDER).await;
        let alice = app.log_in("alice").await;
        let more = [
            "private-user.2", "private-user.11", "private-user.1.", "private-user.1,2", " ",
            "private-user.0x1", "private-user.+1", "private-user.1e0", "private-user.1%0a",
            "presence-user.1", "private-encrypted-user.1", "cache-user.1", "private-cache-user.1",
            "private-user.1\u{0}", "\u{feff}private-user.1", "private-user.１", "orders",
            "private-orders", "undefined", "null",
        ];
        let given = to_reject("channel_names_to_refuse");
        for channel in given.iter().map(String::as_str).chain(more) {
            for path in PATHS {
                let fields = [("socket_id", "1234.1234"), ("channel_name", channel)];
                for response in send(&alice, path, &fields).await {
                    check_rejected(&response, channel);
                    let is_text = !channel.trim().is_empty() && !channel.contains('\0');
                    let status = if is_text { 403 } else { 422 };
                    assert_eq!(response.status, status, "{channel:?}: {}", response.body);
                }
            }
        }
        app.stop();
    }

    async fn the_users_channel_is_signed_with_any_body_format(database: Database) {
        let app = TestApp::start_with(&database, &PROVIDER).await;
        let vectors = vectors();
        for (name, id) in [("alice", "P1"), ("bob", "P2")] {
            let person = app.log_in(name).await;
            let vector = vectors["hmac"].as_array().unwrap().iter().find(|v| v["id"] == id);
            let published = vector.unwrap()["hmac_sha256_hex"].as_str().unwrap();
            let channel = format!("private-user.{}", person.user_id);
            let expected = signature(&format!("1234.1234:{channel}"));
            assert_eq!(expected, format!("{KEY}:{published}"));
            let fields = [("socket_id", "1234.1234"), ("channel_name", channel.as_str())];
            for path in PATHS {
                for response in send(&person, path, &fields).await {
                    assert_eq!(response.status, 200, "{}", response.body);
                    assert_eq!(response.json(), json!({ "auth": expected }));
                }
            }
        }
        app.stop();
    }

    async fn the_setting_user_channels_decides_which_channels_are_signed(database: Database) {
        let others = [
            "private-encrypted-user.2", "private-user.2", "private-encrypted-user.", "user.1",
            "private-encrypted-user.1 ", "private-encrypted-user.01", "private-encrypted-user.11",
            "private-encrypted-private-user.1", "private-encrypted-user.1:x", "presence-user.1",
            "Private-Encrypted-user.1", "private-encrypted-orders", "#server-to-user-1",
        ];
        for (mode, key, allowed) in MODES {
            let variables = [
                ("MATCHCAST__BROADCASTING__USER_CHANNELS", mode),
                ("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", key),
            ];
            let app = TestApp::start_with(&database, &[&PROVIDER[..], &variables].concat()).await;
            let alice = app.log_in("alice").await;
            let own = ["private-user.1", "private-encrypted-user.1"].into_iter().zip(allowed);
            let listed = alice.get("/api/config").await.data()["user_channels"].clone();
            let signed = own.clone().filter(|(_, allowed)| *allowed);
            let signed: Vec<String> =
                signed.map(|(channel, _)| channel.replace('1', "{id}")).collect();
            assert_eq!(listed, json!(signed), "{mode}");
            for (channel, allowed) in own.chain(others.map(|channel| (channel, false))) {
                let fields = [("socket_id", "1234.1234"), ("channel_name", channel)];
                let response = &send(&alice, PATHS[0], &fields).await[0];
                if !allowed {
                    check_rejected(response, channel);
                    assert_eq!(response.status, 403, "{mode} {channel}");
                    continue;
                }
                assert_eq!(response.status, 200, "{mode} {channel}: {}", response.body);
                let mut expected = json!({ "auth": signature(&format!("1234.1234:{channel}")) });
                if channel.starts_with("private-encrypted-") {
                    expected["shared_secret"] = shared_secret(channel).into();
                }
                assert_eq!(response.json(), expected, "{mode} {channel}");
            }
            app.stop();
        }
    }

    async fn user_authentication_signs_the_users_id(database: Database) {
        let app = TestApp::start_with(&database, &PROVIDER).await;
        let alice = app.log_in("alice").await;
        let expected = json!({
            "auth": signature(r#"1234.1234::user::{"id":"1"}"#),
            "user_data": r#"{"id":"1"}"#,
        });
        // The token decides who the user is; the fields of the request do not matter.
        let claims = [("socket_id", "1234.1234"), ("user_id", "2"), ("user_data", r#"{"id":"2"}"#)];
        for path in USER_PATHS {
            for fields in [&claims[..1], &claims] {
                for response in send(&alice, path, fields).await {
                    assert_eq!(response.status, 200, "{}", response.body);
                    assert_eq!(response.json(), expected);
                }
            }
        }
        app.stop();
    }

    async fn a_field_that_is_missing_or_not_a_text_is_rejected(database: Database) {
        let app = TestApp::start_with(&database, &PROVIDER).await;
        let alice = app.log_in("alice").await;
        for path in PATHS {
            for (body, status) in [
                ("", 422),
                ("{}", 422),
                (r#"{"socket_id":"1.1"}"#, 422),
                (r#"{"socket_id":"1.1","channel_name":null}"#, 422),
                (r#"{"channel_name":"private-user.1"}"#, 422),
                (r#"{"socket_id":1.1,"channel_name":"private-user.1"}"#, 422),
                (r#"{"socket_id":["1.1"],"channel_name":"private-user.1"}"#, 422),
                (r#"{"socket_id":"1.1","channel_name":["private-user.1"]}"#, 422),
                (r#"{"socket_id":"1.1","channel_name":{"a":"private-user.1"}}"#, 422),
                (r#"{"socket_id":"1.1","channel_name":true}"#, 422),
                ("socket_id[]=1.1&channel_name=private-user.1", 422),
                ("socket_id=1.1&channel_name=private-user.1&channel_name=private-user.2", 403),
            ] {
                let response = alice.post(path, body).await;
                check_rejected(&response, body);
                assert_eq!(response.status, status, "{body}: {}", response.body);
            }
            // If a field is repeated, the last value counts. This one is the user's channel.
            let twice = "socket_id=1.1&channel_name=private-user.2&channel_name=private-user.1";
            let response = alice.post_form(path, twice).await;
            assert_eq!(response.json(), json!({ "auth": signature("1.1:private-user.1") }));
        }
        app.stop();
    }

    async fn only_a_post_request_with_a_token_is_signed(database: Database) {
        let app = TestApp::start_with(&database, &PROVIDER).await;
        let (visitor, alice) = (app.visitor(), app.log_in("alice").await);
        let fields = "socket_id=1.1&channel_name=private-user.1";
        for path in PATHS.iter().chain(&USER_PATHS) {
            let response = visitor.post_form(path, fields).await;
            assert_eq!((response.status, response.json().get("auth")), (401, None));
            // JSONP, as old browsers used it.
            for path in [format!("{path}?{fields}"), format!("{path}?{fields}&callback=x")] {
                let response = alice.get(&path).await;
                assert_eq!((response.status, response.json().get("auth")), (405, None), "{path}");
            }
            // Fields in the query are ignored.
            check_rejected(&alice.post(&format!("{path}?{fields}"), "").await, path);
        }
        app.stop();
    }
}
