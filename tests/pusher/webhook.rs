//! Webhooks: verification and parsing.

use matchcast::pusher::webhook::WEBHOOK_TOLERANCE_MS;
use matchcast::pusher::{ChannelName, Credentials, Webhook, WebhookError, WebhookEvent, sign};
use sha2::{Digest, Sha256};

use crate::vectors::{self, Vector};
use crate::{SECRET, credentials};

const NOW_MS: u64 = 1_784_196_577_123;

/// The result of verifying a body with a valid signature at this time.
fn verify_at(body: &str, now_ms: u64) -> Result<Webhook, WebhookError> {
    let signature = sign::webhook_signature(&credentials(), body.as_bytes());
    let key = credentials().key().to_owned();
    Webhook::verify(&credentials(), &key, &signature, body.as_bytes(), now_ms)
}

fn verify(body: &str) -> Result<Webhook, WebhookError> {
    verify_at(body, NOW_MS)
}

/// A body with these events and the current time.
fn body(events: &str) -> String {
    format!(r#"{{"time_ms":{NOW_MS},"events":[{events}]}}"#)
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

#[test]
fn events_are_parsed_in_order() {
    let body = body(
        r#"{"name":"channel_vacated","channel":"private-user.1"},
           {"channel":"presence-a","name":"channel_occupied","more":{"x":[1]}},
           {"name":"member_added","channel":"presence-a","user_id":"1"}"#,
    );
    let expected = Webhook {
        time_ms: NOW_MS,
        events: vec![
            WebhookEvent::ChannelVacated(channel("private-user.1")),
            WebhookEvent::ChannelOccupied(channel("presence-a")),
            WebhookEvent::Other("member_added".to_owned()),
        ],
        digest: Sha256::digest(&body).into(),
    };
    assert_eq!(verify(&body), Ok(expected));
}

#[test]
fn unknown_events_and_invalid_channels_are_kept_by_name() {
    let other = |name: &str| WebhookEvent::Other(name.to_owned());
    for (event, expected) in [
        (r#"{"name":"cache_miss","channel":"cache-a","event":"e"}"#, other("cache_miss")),
        (r#"{"name":"subscription_count","channel":"a","subscription_count":3}"#, {
            other("subscription_count")
        }),
        (r#"{"name":"","channel":"a"}"#, other("")),
        (r#"{"name":"CHANNEL_OCCUPIED","channel":"a"}"#, other("CHANNEL_OCCUPIED")),
        (r##"{"name":"channel_occupied","channel":"#server-to-user-1"}"##, {
            other("channel_occupied")
        }),
        (r#"{"name":"channel_occupied","channel":"a b"}"#, other("channel_occupied")),
        (r#"{"name":"channel_vacated","channel":7}"#, other("channel_vacated")),
        (r#"{"name":"channel_vacated"}"#, other("channel_vacated")),
    ] {
        let beside = r#"{"name":"channel_occupied","channel":"a"}"#;
        let webhook = verify(&body(&format!("{event},{beside}"))).unwrap();
        assert_eq!(webhook.events, [expected, WebhookEvent::ChannelOccupied(channel("a"))]);
    }
    assert_eq!(verify(&body("")).unwrap().events, []);
}

#[test]
fn a_signed_body_of_another_shape_is_malformed() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"time_ms":1784196577123}"#,
        r#"{"events":[]}"#,
        r#"{"time_ms":"1784196577123","events":[]}"#,
        r#"{"time_ms":1.784196577123e12,"events":[]}"#,
        r#"{"time_ms":1784196577123.0,"events":[]}"#,
        r#"{"time_ms":-1784196577123,"events":[]}"#,
        r#"{"time_ms":18446744073709551616,"events":[]}"#,
        r#"{"time_ms":null,"events":[]}"#,
        r#"{"time_ms":1784196577123,"time_ms":1784196577123,"events":[]}"#,
        r#"{"time_ms":1784196577123,"events":{}}"#,
        r#"{"time_ms":1784196577123,"events":["channel_occupied"]}"#,
        r#"{"time_ms":1784196577123,"events":[{"channel":"a"}]}"#,
        r#"{"time_ms":1784196577123,"events":[{"name":7}]}"#,
        r#"{"time_ms":1784196577123,"events":[]} {}"#,
    ] {
        assert_eq!(verify(body), Err(WebhookError::Malformed), "{body}");
    }
}

#[test]
fn the_time_may_differ_by_ten_minutes() {
    assert_eq!(WEBHOOK_TOLERANCE_MS, 600_000);
    let body = body("");
    for now_ms in [NOW_MS, NOW_MS - 600_000, NOW_MS + 600_000] {
        assert_eq!(verify_at(&body, now_ms).map(|webhook| webhook.time_ms), Ok(NOW_MS));
    }
    for now_ms in [NOW_MS - 600_001, NOW_MS + 600_001, 0, u64::MAX] {
        assert_eq!(verify_at(&body, now_ms), Err(WebhookError::Stale), "{now_ms}");
    }
    let last = format!(r#"{{"time_ms":{},"events":[]}}"#, u64::MAX);
    assert_eq!(verify_at(&last, u64::MAX - 1).map(|webhook| webhook.time_ms), Ok(u64::MAX));
}

#[test]
fn only_a_signature_of_the_whole_body_with_the_apps_secret_is_valid() {
    let body = body(r#"{"name":"channel_occupied","channel":"a"}"#);
    let key = credentials().key().to_owned();
    let right = sign::webhook_signature(&credentials(), body.as_bytes());
    let stranger = Credentials::new("3", key.clone(), "guess");
    let strange = sign::webhook_signature(&stranger, body.as_bytes());
    let spaced = format!("{body} ");
    // The body is parsed after the signature was verified, so a malformed one has the same error.
    for (key, signature, body) in [
        (&*key, "", &*body),
        (&key, &strange, &body),
        (&key, &right.to_uppercase(), &body),
        (&key, &right[1..], &body),
        (&key, &right, &spaced),
        (&key, &right, "no JSON"),
        ("", &right, &body),
        ("other", &right, &body),
        (SECRET, &right, &body),
    ] {
        let result = Webhook::verify(&credentials(), key, signature, body.as_bytes(), NOW_MS);
        assert_eq!(result, Err(WebhookError::Signature), "{key} {signature}");
    }
    assert!(Webhook::verify(&credentials(), &key, &right, body.as_bytes(), NOW_MS).is_ok());
}

#[test]
fn a_duplicate_has_the_same_digest_and_other_webhooks_do_not() {
    let occupied = body(r#"{"name":"channel_occupied","channel":"a"}"#);
    let digest = |body: &str, now_ms| verify_at(body, now_ms).unwrap().digest;
    assert_eq!(digest(&occupied, NOW_MS), digest(&occupied, NOW_MS + 300_000));
    let a_millisecond_later = occupied.replace("577123", "577124");
    assert_ne!(digest(&occupied, NOW_MS), digest(&a_millisecond_later, NOW_MS));
}

#[test]
fn known_webhooks_are_valid_only_while_they_are_recent() {
    let mut tested = 0;
    for Vector { id, secret, signed, signature } in vectors::of_kind("webhook") {
        let credentials = Credentials::new("app", "key", secret);
        let body: serde_json::Value = serde_json::from_str(&signed).unwrap_or_default();
        let Some(time_ms) = body["time_ms"].as_u64() else { continue };
        let verify =
            |now_ms| Webhook::verify(&credentials, "key", &signature, signed.as_bytes(), now_ms);
        assert_eq!(verify(time_ms).map(|webhook| webhook.time_ms), Ok(time_ms), "{id}");
        assert_eq!(verify(time_ms + 700_000), Err(WebhookError::Stale), "{id}");
        tested += 1;
    }
    assert!(tested > 0);
}
