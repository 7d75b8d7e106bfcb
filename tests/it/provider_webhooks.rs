//! Webhooks of the provider, signed with the app secret, and how they and channel authorizations
//! determine which channels are occupied.

use std::collections::BTreeSet;

use diesel::prelude::*;
use hmac::{Hmac, KeyInit, Mac};
use matchcast::store::schema::{channel_occupancy, provider_webhooks};
use matchcast::store::{now, occupancy};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::bad_input::check_error;
use crate::golden::check;
use crate::on_both;
use crate::support::app::{SECRET, TestApp};
use crate::support::client::Response;
use crate::support::database::Database;
use crate::support::{rounds, run_concurrently, wait_for};

const PATH: &str = "/api/pusher/webhook";
/// The app key of the embedded provider.
const KEY: &str = "local";
const ACCEPTED: &str = r#"{"success":true,"message":"Webhook received successfully"}"#;
const UNSIGNED: &str = r#"{"success":false,"code":"webhook_unsigned",
    "message":"The webhook is not signed with this app's key and secret."}"#;
const MALFORMED: &str = r#"{"success":false,"code":"webhook_malformed",
    "message":"The webhook is not JSON with time_ms and events."}"#;
const STALE: &str = r#"{"success":false,"code":"webhook_stale",
    "message":"The webhook's time is more than ten minutes away from ours."}"#;

/// The signature of the official libraries: lower-case hex of the HMAC over the bytes of the body.
fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

async fn deliver_signed(app: &TestApp, key: &str, signature: &str, body: &[u8]) -> Response {
    let headers = [
        ("content-type", "application/json"),
        ("x-pusher-key", key),
        ("x-pusher-signature", signature),
    ];
    app.visitor().send(Method::POST, PATH, &headers, body.to_vec()).await
}

/// Delivers a webhook with the right key and signature.
async fn deliver(app: &TestApp, body: &str) -> Response {
    deliver_signed(app, KEY, &signature(SECRET, body.as_bytes()), body.as_bytes()).await
}

fn now_ms() -> i64 {
    now().and_utc().timestamp_millis()
}

fn webhook(time_ms: i64, events: &[(&str, &str)]) -> String {
    let event = |(name, channel): &(&str, &str)| json!({ "name": name, "channel": channel });
    let events: Vec<Value> = events.iter().map(event).collect();
    json!({ "time_ms": time_ms, "events": events }).to_string()
}

fn is_occupied(database: &Database, channel: &str) -> bool {
    let channels = BTreeSet::from([channel]);
    !occupancy::occupied_among(&mut database.connect(), &channels).unwrap().is_empty()
}

/// The numbers of rows about channels and of recorded webhooks.
fn rows(database: &Database) -> (i64, i64) {
    let mut c = database.connect();
    let channels = channel_occupancy::table.count().get_result(&mut c).unwrap();
    (channels, provider_webhooks::table.count().get_result(&mut c).unwrap())
}

const OCCUPIED: &str = "channel_occupied";
const VACATED: &str = "channel_vacated";

/// Webhooks in the order of delivery, each with its time in milliseconds relative to the first.
type Sequence = &'static [(i64, &'static [(&'static str, &'static str)])];
/// Each sequence, and whether the channel `a` is occupied after it.
const SEQUENCES: &[(Sequence, bool)] = &[
    (&[(0, &[(OCCUPIED, "a")])], true),
    (&[(0, &[(OCCUPIED, "a")]), (1, &[(VACATED, "a")])], false),
    (&[(0, &[(OCCUPIED, "a")]), (-1, &[(VACATED, "a")])], true),
    (&[(0, &[(OCCUPIED, "a")]), (0, &[(VACATED, "a")])], true),
    (&[(0, &[(VACATED, "a")]), (0, &[(OCCUPIED, "a")])], true),
    (&[(0, &[(VACATED, "a")]), (-1, &[(OCCUPIED, "a")])], false),
    (&[(0, &[(OCCUPIED, "a"), (VACATED, "a")])], true),
    (&[(0, &[(VACATED, "a"), (OCCUPIED, "a"), (VACATED, "b")])], true),
    (&[(0, &[(OCCUPIED, "a")]), (1, &[(VACATED, "b")])], true),
    (&[(0, &[(OCCUPIED, "a")]), (1, &[("member_removed", "a"), ("cache_miss", "a")])], true),
    (&[(0, &[("member_added", "a"), ("client_event", "a"), ("subscription_count", "a")])], false),
    (&[(0, &[("channel_exploded", "a"), (OCCUPIED, "a")])], true),
    (&[(0, &[(OCCUPIED, "A"), (OCCUPIED, "a b"), (OCCUPIED, "#a"), (OCCUPIED, "")])], false),
    (&[(0, &[])], false),
];

on_both! {
    async fn webhooks_determine_occupancy_in_any_order(database: Database) {
        let app = TestApp::start(&database).await;
        let start = now_ms();
        for (first, (sequence, expected)) in (start..).step_by(10).zip(SEQUENCES) {
            database.execute("DELETE FROM channel_occupancy");
            for (offset, events) in *sequence {
                check(&deliver(&app, &webhook(first + offset, events)).await, 200, ACCEPTED);
            }
            assert_eq!(is_occupied(&database, "a"), *expected, "{sequence:?}");
        }
        // Additional fields and events of unknown formats are ignored.
        let body = json!({
            "time_ms": now_ms(), "more": [1], "events": [
                { "name": "subscription_count", "channel": "a", "subscription_count": 7 },
                { "name": "client_event", "channel": "private-a", "event": "client-x",
                    "data": "{}", "socket_id": "1.2", "user_id": "1" },
                { "name": "channel_occupied" }, { "name": OCCUPIED, "channel": 7 },
                { "name": OCCUPIED, "channel": "private-user.1", "user_id": null },
            ],
        });
        check(&deliver(&app, &body.to_string()).await, 200, ACCEPTED);
        assert!(is_occupied(&database, "private-user.1"));
        app.stop();
    }

    async fn a_repeated_delivery_changes_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let body = webhook(now_ms(), &[(OCCUPIED, "a")]);
        check(&deliver(&app, &body).await, 200, ACCEPTED);
        database.execute("DELETE FROM channel_occupancy");
        check(&deliver(&app, &body).await, 200, ACCEPTED);
        assert_eq!(rows(&database), (0, 1));
        for round in 0..rounds(3) {
            let app = &app;
            let body = webhook(now_ms(), &[(OCCUPIED, &format!("round-{round}"))]);
            let sign = signature(SECRET, body.as_bytes());
            let deliveries = (0..6).map(|_| {
                let (visitor, body, sign) = (app.visitor(), body.clone(), sign.clone());
                async move {
                    let headers = [("x-pusher-key", KEY), ("x-pusher-signature", sign.as_str())];
                    visitor.send(Method::POST, PATH, &headers, body.into_bytes()).await.status
                }
            });
            assert_eq!(run_concurrently(deliveries).await, [200; 6]);
        }
        let rounds = i64::try_from(rounds(3)).unwrap();
        assert_eq!(rows(&database), (rounds, rounds + 1));
        app.stop();
    }

    /// They lock the channels in one order, so that none fails with a deadlock.
    async fn concurrent_webhooks_for_the_same_channels_are_all_accepted(database: Database) {
        let app = TestApp::start(&database).await;
        let names: Vec<String> = (0..20).map(|number| format!("channel-{number}")).collect();
        for _ in 0..rounds(2) {
            let first = now_ms();
            let deliveries = (0..6).map(|number| {
                let kind = if number % 2 == 0 { OCCUPIED } else { VACATED };
                let mut events: Vec<_> = names.iter().map(|name| (kind, name.as_str())).collect();
                if number % 3 == 0 {
                    events.reverse();
                }
                let body = webhook(first + number, &events);
                let sign = signature(SECRET, body.as_bytes());
                let visitor = app.visitor();
                async move {
                    let headers = [("x-pusher-key", KEY), ("x-pusher-signature", sign.as_str())];
                    visitor.send(Method::POST, PATH, &headers, body.into_bytes()).await.status
                }
            });
            assert_eq!(run_concurrently(deliveries).await, [200; 6]);
            for name in &names {
                assert!(!is_occupied(&database, name), "the last one vacated it");
            }
        }
        app.stop();
    }
}

on_both! {
    async fn only_webhooks_signed_by_the_provider_are_accepted(database: Database) {
        let app = TestApp::start(&database).await;
        let body = webhook(now_ms(), &[(OCCUPIED, "a")]);
        let (bytes, right) = (body.as_bytes(), signature(SECRET, body.as_bytes()));
        let other = signature(SECRET, webhook(now_ms() + 1, &[(OCCUPIED, "a")]).as_bytes());
        let long = "f".repeat(4_000);
        let wrong = [
            (KEY, ""),
            ("", right.as_str()),
            ("", ""),
            ("LOCAL", &right),
            ("local ,local", &right),
            ("another", &right),
            (KEY, &right[1..]),
            (KEY, &right.to_uppercase()),
            (KEY, &format!("{right}0")),
            (KEY, &format!("sha256={right}")),
            (KEY, &signature("another secret", bytes)),
            (KEY, &signature("", bytes)),
            (KEY, &other),
            (KEY, &long),
            (KEY, "\u{fc}"),
            ("undefined", "undefined"),
        ];
        for (key, signature) in wrong {
            check(&deliver_signed(&app, key, signature, bytes).await, 401, UNSIGNED);
        }
        for changed in [format!("{body} "), body.replace("\"a\"", "\"b\""), String::new()] {
            check(&deliver_signed(&app, KEY, &right, changed.as_bytes()).await, 401, UNSIGNED);
        }
        // A token does not replace the signature.
        let alice = app.log_in("alice").await;
        for body in [body.as_str(), "", "{", "a=b"] {
            check(&alice.post(PATH, body).await, 401, UNSIGNED);
        }
        check_error(&alice.post(PATH, &"x".repeat(70_000)).await, 413, "a huge body");
        assert_eq!(rows(&database), (0, 0));
        // Other credentials are ignored.
        let headers = [
            ("authorization", "Bearer nonsense"),
            ("cookie", "matchcast_session=nonsense"),
            ("content-type", "text/plain"),
            ("x-pusher-key", KEY),
            ("x-pusher-signature", &right),
        ];
        let response = app.visitor().send(Method::POST, PATH, &headers, bytes.to_vec()).await;
        check(&response, 200, ACCEPTED);
        app.stop();
    }

    async fn a_signed_but_malformed_webhook_is_rejected(database: Database) {
        let app = TestApp::start(&database).await;
        let time = now_ms();
        let deep = format!(r#"{{"time_ms":{time},"events":{}"#, "[".repeat(10_000));
        let malformed = [
            String::new(),
            "{".to_owned(),
            "null".to_owned(),
            "{}".to_owned(),
            r#"{"hello":"world"}"#.to_owned(),
            r#"{"events":[]}"#.to_owned(),
            format!(r#"{{"time_ms":{time}}}"#),
            format!(r#"{{"time_ms":"{time}","events":[]}}"#),
            format!(r#"{{"time_ms":{time}.5,"events":[]}}"#),
            format!(r#"{{"time_ms":-{time},"events":[]}}"#),
            format!(r#"{{"time_ms":{time},"events":{{}}}}"#),
            format!(r#"{{"time_ms":{time},"events":[1]}}"#),
            format!(r#"{{"time_ms":{time},"events":[{{"channel":"a"}}]}}"#),
            format!(r#"{{"time_ms":{time},"events":[{{"name":7,"channel":"a"}}]}}"#),
            format!(r#"{{"time_ms":{time},"events":[]}}{{}}"#),
            format!("time_ms={time}&events="),
            deep,
        ];
        for body in &malformed {
            check(&deliver(&app, body).await, 422, MALFORMED);
        }
        let binary = [b"{\"time_ms\":1,\"events\":[{\"name\":\"\xff\"}]}".as_slice(), b"\xff\xfe"];
        for body in binary {
            let response = deliver_signed(&app, KEY, &signature(SECRET, body), body).await;
            check(&response, 422, MALFORMED);
        }
        let huge = webhook(time, &[(OCCUPIED, &"x".repeat(70_000))]);
        check_error(&deliver(&app, &huge).await, 413, "a huge body");
        for (minutes, status, body) in
            [(-11, 422, STALE), (11, 422, STALE), (-9, 200, ACCEPTED), (9, 200, ACCEPTED)]
        {
            let time_ms = now_ms() + minutes * 60_000;
            check(&deliver(&app, &webhook(time_ms, &[(OCCUPIED, "a")])).await, status, body);
        }
        assert_eq!(rows(&database), (1, 2));
        app.stop();
    }

    /// The signature is checked first. These webhooks have valid signatures, but are stale or
    /// malformed.
    async fn the_published_signatures_are_accepted(database: Database) {
        let vectors = include_str!("../fixtures/pusher-vectors.json");
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        let vectors = vectors["hmac"].as_array().unwrap().clone();
        let mut seen = 0;
        for vector in vectors.iter().filter(|vector| vector["kind"] == "webhook") {
            let text = |name: &str| vector[name].as_str().unwrap();
            let (body, published) = (text("string_to_sign"), text("hmac_sha256_hex"));
            let variables = [("PUSHER_APP_SECRET", text("secret"))];
            let app = TestApp::start_with(&database, &variables).await;
            let expected = if body.contains("time_ms") { STALE } else { MALFORMED };
            check(&deliver_signed(&app, KEY, published, body.as_bytes()).await, 422, expected);
            let other = published.replace(&published[..1], if published < "8" { "9" } else { "0" });
            check(&deliver_signed(&app, KEY, &other, body.as_bytes()).await, 401, UNSIGNED);
            app.stop();
            seen += 1;
        }
        assert!(seen >= 4, "{seen}");
    }
}

const AUTH: &str = "/api/broadcasting/auth";
const OWN: &str = "socket_id=1.2&channel_name=private-user.1";
const AUTHORIZED_LONG_AGO: &str =
    "UPDATE channel_occupancy SET authorized_at = '2001-01-01 00:00:00', occupied = FALSE";

on_both! {
    async fn an_authorized_channel_counts_as_occupied_if_only_occupied_is_on(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
        assert_eq!(rows(&database), (0, 0), "every event is sent");
        app.stop();

        let variables = [("MATCHCAST__BROADCASTING__ONLY_OCCUPIED", "true")];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = app.log_in("alice").await;
        let others = OWN.replace("user.1", "user.2");
        assert_eq!(alice.post_form(AUTH, &others).await.status, 403);
        assert_eq!(alice.post_form(AUTH, &OWN.replace("1.2", "x")).await.status, 422);
        assert_eq!(rows(&database), (0, 0), "nothing was authorized");
        assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
        assert!(is_occupied(&database, "private-user.1"));
        let vacated = webhook(now_ms(), &[(VACATED, "private-user.1")]);
        check(&deliver(&app, &vacated).await, 200, ACCEPTED);
        assert!(is_occupied(&database, "private-user.1"), "it is about an earlier connection");

        // A second authorization is not recorded again: the process has cached the first one.
        database.execute(AUTHORIZED_LONG_AGO);
        assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
        assert!(!is_occupied(&database, "private-user.1"));
        app.stop();

        let channel = ("MATCHCAST__EVENTS__ORDER_MATCHED__CHANNEL", "private-App.{id}.x");
        let app = TestApp::start_with(&database, &[variables[0], channel]).await;
        let alice = app.log_in("alice").await;
        let other_name = OWN.replace("user.1", "App.1.x");
        assert_eq!(alice.post_form(AUTH, &other_name).await.status, 200);
        assert!(is_occupied(&database, "private-App.1.x"));
        app.stop();
    }

    async fn an_authorization_is_recorded_again_after_the_refresh_interval(database: Database) {
        let variables = [
            ("MATCHCAST__BROADCASTING__ONLY_OCCUPIED", "true"),
            ("MATCHCAST__BROADCASTING__OCCUPANCY_REFRESH_SECONDS", "1"),
        ];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = app.log_in("alice").await;
        assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
        database.execute(AUTHORIZED_LONG_AGO);
        wait_for("the authorization to be recorded again", || async {
            assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
            is_occupied(&database, "private-user.1").then_some(())
        })
        .await;
        app.stop();
    }
}
