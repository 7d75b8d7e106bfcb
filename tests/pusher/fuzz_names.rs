//! Names, signed requests and webhooks from outside: nothing makes a parser panic, and nothing is
//! accepted that is invalid.

use std::collections::BTreeMap;

use matchcast::pusher::webhook::WEBHOOK_TOLERANCE_MS;
use matchcast::pusher::{ChannelName, SocketId, Webhook, WebhookEvent, sign};
use proptest::prelude::*;
use serde::de::IgnoredAny;

use crate::credentials;
use crate::fuzz::{config, corpus, text_variants, variants};

const NAMES: &str = include_str!("../fixtures/fuzz/names.json");
const QUERIES: &str = include_str!("../fixtures/fuzz/rest-queries.json");
const BODIES: &str = include_str!("../fixtures/fuzz/rest-bodies.json");
const WEBHOOKS: &str = include_str!("../fixtures/fuzz/webhooks.json");
const NOW_MS: u64 = 1_784_196_577_123;
const NOW_S: u64 = 1_353_088_179;
const PATH: &str = "/apps/3/events";

fn check_name(text: &str) {
    if let Ok(id) = SocketId::parse(text) {
        let numbers: Vec<&str> = text.split('.').collect();
        let is_number = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        assert!(numbers.len() == 2 && numbers.iter().all(is_number) && text.len() <= 64, "{text}");
        assert_eq!(id.to_string(), text);
    }
    if let Ok(name) = ChannelName::parse(text) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-=@,.;".contains(c);
        assert!(text.chars().all(allowed) && (1..=200).contains(&text.len()), "{text:?}");
        assert_eq!(name.as_str(), text);
    }
}

#[test]
fn picked_names_are_accepted_or_rejected() {
    corpus(NAMES).iter().for_each(|text| check_name(text));
}

/// The number of events. Their content is ignored, as unknown fields are: JSON permits in them what
/// is no text in Rust, such as half of a surrogate pair.
#[derive(serde::Deserialize)]
struct Events {
    events: Vec<IgnoredAny>,
}

fn check_webhook(body: &[u8]) {
    let credentials = credentials();
    let signature = sign::webhook_signature(&credentials, body);
    let Ok(webhook) = Webhook::verify(&credentials, credentials.key(), &signature, body, NOW_MS)
    else {
        return;
    };
    assert!(webhook.time_ms.abs_diff(NOW_MS) <= WEBHOOK_TOLERANCE_MS, "{}", webhook.time_ms);
    let Events { events } = serde_json::from_slice(body).unwrap();
    assert_eq!(webhook.events.len(), events.len());
    for event in &webhook.events {
        if let WebhookEvent::ChannelOccupied(name) | WebhookEvent::ChannelVacated(name) = event {
            check_name(name.as_str());
        }
    }
}

#[test]
fn picked_webhooks_are_accepted_or_rejected() {
    corpus(WEBHOOKS).iter().for_each(|text| check_webhook(text.as_bytes()));
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://localhost/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}

fn verify(query: &str, body: &[u8]) -> bool {
    sign::verify_request(&credentials(), "POST", PATH, query, body, NOW_S).is_ok()
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn a_name_is_accepted_only_in_its_alphabet(text in text_variants(NAMES)) {
        check_name(&text);
    }

    #[test]
    fn a_signed_webhook_is_parsed_or_rejected(body in variants(WEBHOOKS)) {
        check_webhook(&body);
    }

    #[test]
    fn a_webhook_is_rejected_unless_its_signature_is_right(
        body in variants(WEBHOOKS),
        signature in "[0-9a-f]{64}",
    ) {
        let credentials = credentials();
        let verified = Webhook::verify(&credentials, credentials.key(), &signature, &body, NOW_MS);
        prop_assert!(verified.is_err());
    }

    #[test]
    fn a_request_with_any_parameters_is_verified_and_no_other_body(
        value in text_variants(QUERIES),
        body in variants(BODIES),
        other in variants(BODIES),
    ) {
        let own = [("filter_by_prefix", value.as_str())];
        let query = sign::signed_query(&credentials(), "POST", PATH, &own, &body, NOW_S);
        prop_assert!(verify(&query, &body), "{}", query);
        prop_assert!(other == body || !verify(&query, &other), "{}", query);
        prop_assert_eq!(&pairs(&query)["filter_by_prefix"], &value);
    }

    #[test]
    fn a_query_that_was_changed_is_rejected(added in text_variants(QUERIES), at: usize) {
        let query = sign::signed_query(&credentials(), "POST", PATH, &[], b"{}", NOW_S);
        let (before, after) = query.split_at(at % (query.len() + 1));
        let changed = format!("{before}{added}{after}");
        if verify(&changed, b"{}") {
            // The same parameters, written in another way.
            prop_assert_eq!(pairs(&changed), pairs(&query), "{}", changed);
        }
        // Not signed at all.
        prop_assert!(!verify(&added, b"{}"), "{}", added);
    }
}
