//! What the provider tells by itself, signed with the app's secret, and the authorisations that
//! come before it.

use std::collections::BTreeSet;

use diesel::prelude::*;
use hmac::{Hmac, KeyInit, Mac};
use matchcast::store::schema::{channel_occupancy, webhooks};
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
/// The embedded provider's.
const KEY: &str = "local";
const TAKEN: &str = r#"{"success":true,"message":"Webhook received successfully"}"#;
const UNSIGNED: &str = r#"{"success":false,"code":"webhook_unsigned",
    "message":"The webhook is not signed with this app's key and secret."}"#;
const MALFORMED: &str = r#"{"success":false,"code":"webhook_malformed",
    "message":"The webhook is not JSON with time_ms and events."}"#;
const STALE: &str = r#"{"success":false,"code":"webhook_stale",
    "message":"The webhook's time is more than ten minutes away from ours."}"#;

/// As the official libraries do it: lower-case hex of the HMAC over the body's bytes.
fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

async fn deliver_as(app: &TestApp, key: &str, signature: &str, body: &[u8]) -> Response {
    let headers = [
        ("content-type", "application/json"),
        ("x-pusher-key", key),
        ("x-pusher-signature", signature),
    ];
    app.visitor().send(Method::POST, PATH, &headers, body.to_vec()).await
}

/// With the right key and signature.
async fn deliver(app: &TestApp, body: &str) -> Response {
    deliver_as(app, KEY, &signature(SECRET, body.as_bytes()), body.as_bytes()).await
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
    let asked = BTreeSet::from([channel]);
    !occupancy::occupied_among(&mut database.connect(), &asked).unwrap().is_empty()
}

/// Rows about channels, and webhooks that are remembered.
fn rows(database: &Database) -> (i64, i64) {
    let mut c = database.connect();
    let channels = channel_occupancy::table.count().get_result(&mut c).unwrap();
    (channels, webhooks::table.count().get_result(&mut c).unwrap())
}

const OCCUPIED: &str = "channel_occupied";
const VACATED: &str = "channel_vacated";

/// Webhooks one after the other, each with its distance in milliseconds from the first; and whether
/// the channel `a` is occupied after them.
type Story = &'static [(i64, &'static [(&'static str, &'static str)])];
const STORIES: &[(Story, bool)] = &[
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
    async fn webhooks_tell_who_listens_in_any_order(database: Database) {
        let app = TestApp::start(&database).await;
        let start = now_ms();
        for (first, (story, expected)) in (start..).step_by(10).zip(STORIES) {
            database.execute("DELETE FROM channel_occupancy");
            for (distance, events) in *story {
                check(&deliver(&app, &webhook(first + distance, events)).await, 200, TAKEN);
            }
            assert_eq!(is_occupied(&database, "a"), *expected, "{story:?}");
        }
        // Further fields, and events that look like none we know.
        let body = json!({
            "time_ms": now_ms(), "more": [1], "events": [
                { "name": "subscription_count", "channel": "a", "subscription_count": 7 },
                { "name": "client_event", "channel": "private-a", "event": "client-x",
                    "data": "{}", "socket_id": "1.2", "user_id": "1" },
                { "name": "channel_occupied" }, { "name": OCCUPIED, "channel": 7 },
                { "name": OCCUPIED, "channel": "private-user.1", "user_id": null },
            ],
        });
        check(&deliver(&app, &body.to_string()).await, 200, TAKEN);
        assert!(is_occupied(&database, "private-user.1"));
        app.stop();
    }

    async fn a_delivery_that_comes_again_changes_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let body = webhook(now_ms(), &[(OCCUPIED, "a")]);
        check(&deliver(&app, &body).await, 200, TAKEN);
        database.execute("DELETE FROM channel_occupancy");
        check(&deliver(&app, &body).await, 200, TAKEN);
        assert_eq!(rows(&database), (0, 1));
        // After a quarter of an hour it is forgotten by the next one.
        database.execute("UPDATE webhooks SET received_at = '2001-01-01 00:00:00'");
        check(&deliver(&app, &webhook(now_ms(), &[])).await, 200, TAKEN);
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

    /// They wait for each other in one order, and none is turned away.
    async fn webhooks_at_once_over_the_same_channels_are_all_taken(database: Database) {
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
                assert!(!is_occupied(&database, name), "the last one said so");
            }
        }
        app.stop();
    }
}

on_both! {
    async fn nobody_but_the_provider_is_listened_to(database: Database) {
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
            check(&deliver_as(&app, key, signature, bytes).await, 401, UNSIGNED);
        }
        for changed in [format!("{body} "), body.replace("\"a\"", "\"b\""), String::new()] {
            check(&deliver_as(&app, KEY, &right, changed.as_bytes()).await, 401, UNSIGNED);
        }
        // Neither a token nor a page's fields take the place of a signature.
        let alice = app.log_in("alice").await;
        for body in [body.as_str(), "", "{", "a=b"] {
            check(&alice.post(PATH, body).await, 401, UNSIGNED);
        }
        check_error(&alice.post(PATH, &"x".repeat(70_000)).await, 413, "a huge body");
        assert_eq!(rows(&database), (0, 0));
        // Who the caller is besides does not matter.
        let headers = [
            ("authorization", "Bearer nonsense"),
            ("cookie", "matchcast_session=nonsense"),
            ("content-type", "text/plain"),
            ("x-pusher-key", KEY),
            ("x-pusher-signature", &right),
        ];
        let response = app.visitor().send(Method::POST, PATH, &headers, bytes.to_vec()).await;
        check(&response, 200, TAKEN);
        app.stop();
    }

    async fn what_is_signed_and_no_webhook_is_refused(database: Database) {
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
        let no_text = [b"{\"time_ms\":1,\"events\":[{\"name\":\"\xff\"}]}".as_slice(), b"\xff\xfe"];
        for body in no_text {
            let response = deliver_as(&app, KEY, &signature(SECRET, body), body).await;
            check(&response, 422, MALFORMED);
        }
        let huge = webhook(time, &[(OCCUPIED, &"x".repeat(70_000))]);
        check_error(&deliver(&app, &huge).await, 413, "a huge body");
        for (minutes, status, body) in
            [(-11, 422, STALE), (11, 422, STALE), (-9, 200, TAKEN), (9, 200, TAKEN)]
        {
            let time_ms = now_ms() + minutes * 60_000;
            check(&deliver(&app, &webhook(time_ms, &[(OCCUPIED, "a")])).await, status, body);
        }
        assert_eq!(rows(&database), (1, 2));
        app.stop();
    }

    /// Signed by others, long ago: the signature is right, and only then is anything looked at.
    async fn the_published_webhooks_are_known_by_their_signatures(database: Database) {
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
            check(&deliver_as(&app, KEY, published, body.as_bytes()).await, 422, expected);
            let other = published.replace(&published[..1], if published < "8" { "9" } else { "0" });
            check(&deliver_as(&app, KEY, &other, body.as_bytes()).await, 401, UNSIGNED);
            app.stop();
            seen += 1;
        }
        assert!(seen >= 4, "{seen}");
    }
}

const AUTH: &str = "/api/broadcasting/auth";
const OWN: &str = "socket_id=1.2&channel_name=private-user.1";
const EXPECTED_LONG_AGO: &str =
    "UPDATE channel_occupancy SET authorized_at = '2001-01-01 00:00:00', occupied = FALSE";

on_both! {
    async fn who_was_authorised_is_expected_where_that_matters(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
        assert_eq!(rows(&database), (0, 0), "everything is sent");
        app.stop();

        let variables = [("MATCHCAST__BROADCASTING__ONLY_OCCUPIED", "true")];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = app.log_in("alice").await;
        let others = OWN.replace("user.1", "user.2");
        assert_eq!(alice.post_form(AUTH, &others).await.status, 403);
        assert_eq!(alice.post_form(AUTH, &OWN.replace("1.2", "x")).await.status, 422);
        assert_eq!(rows(&database), (0, 0), "nobody was authorised");
        assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
        assert!(is_occupied(&database, "private-user.1"));
        let vacated = webhook(now_ms(), &[(VACATED, "private-user.1")]);
        check(&deliver(&app, &vacated).await, 200, TAKEN);
        assert!(is_occupied(&database, "private-user.1"), "of the connection before");

        // Asked once more: it is still noted.
        database.execute(EXPECTED_LONG_AGO);
        assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
        assert!(!is_occupied(&database, "private-user.1"));
        app.stop();
    }

    async fn what_was_noted_is_noted_again_in_time(database: Database) {
        let variables = [
            ("MATCHCAST__BROADCASTING__ONLY_OCCUPIED", "true"),
            ("MATCHCAST__BROADCASTING__OCCUPANCY_REFRESH_SECONDS", "1"),
        ];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = app.log_in("alice").await;
        assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
        database.execute(EXPECTED_LONG_AGO);
        wait_for("the channel to be noted again", || async {
            assert_eq!(alice.post_form(AUTH, OWN).await.status, 200);
            is_occupied(&database, "private-user.1").then_some(())
        })
        .await;
        app.stop();
    }
}
