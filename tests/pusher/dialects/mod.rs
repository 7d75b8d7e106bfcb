//! Providers differ in their messages, limits and connection handling. The client works with all of
//! them, and diagnoses a fault as precisely as the provider reports it.

mod server;

use matchcast::pusher::{Credentials, Diagnosis, Outcome, OutgoingEvent, data_limit};

use crate::client::EVENT;
use crate::scripted::client;
use crate::{SECRET, credentials};
use server::{ALL, Dialect, State, start};

fn named(printed: &str) -> String {
    printed.split([' ', '(']).next().unwrap().to_owned()
}

/// The name of the variant of an outcome, and its status if there is one.
fn kind(outcome: &Outcome) -> (String, Option<u16>) {
    let status = match outcome {
        Outcome::Refused { status, .. } | Outcome::Held { status, .. } => Some(*status),
        Outcome::Rejected { status, .. } => *status,
        Outcome::Delivered | Outcome::Retry { .. } => None,
    };
    (named(&format!("{outcome:?}")), status)
}

/// The name of the diagnosis, or `-` if there is none.
fn found(diagnosis: &Result<(), Diagnosis>) -> String {
    diagnosis.as_ref().map_or_else(|error| named(&format!("{error:?}")), |()| "-".to_owned())
}

#[tokio::test]
async fn every_request_succeeds_at_every_provider() {
    for dialect in ALL {
        let provider = start(dialect, State::Working).await;
        let client = client(provider.port, credentials());
        // Twice, so that the second round reuses connections.
        for _ in 0..2 {
            assert_eq!(client.publish(&[EVENT]).await, Outcome::Delivered, "{dialect:?}");
            assert_eq!(client.publish(&[EVENT; 10]).await, Outcome::Delivered, "{dialect:?}");
            let ended = client.terminate_connections("user 1/ä").await;
            assert_eq!(ended, Outcome::Delivered, "{dialect:?}");
            assert_eq!(client.channels().await.unwrap(), ["private-user.1"], "{dialect:?}");
            assert_eq!(client.diagnose().await, Ok(()), "{dialect:?}");
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Key,
    Secret,
    App,
    Clock,
}

/// A fault in the configuration, the outcome of publishing, and the diagnosis; `-` if the provider
/// does not check for this fault.
const FAULTS: [(Dialect, Fault, &str, Option<u16>, &str); 16] = [
    (Dialect::Hosted, Fault::Key, "Refused", Some(400), "Key"),
    (Dialect::Hosted, Fault::Secret, "Held", Some(401), "Secret"),
    (Dialect::Hosted, Fault::App, "Refused", Some(404), "App"),
    (Dialect::Hosted, Fault::Clock, "Held", Some(401), "Clock"),
    (Dialect::Reverb, Fault::Key, "Delivered", None, "-"),
    (Dialect::Reverb, Fault::Secret, "Held", Some(401), "Secret"),
    (Dialect::Reverb, Fault::App, "Refused", Some(404), "App"),
    (Dialect::Reverb, Fault::Clock, "Delivered", None, "-"),
    (Dialect::Soketi, Fault::Key, "Delivered", None, "-"),
    (Dialect::Soketi, Fault::Secret, "Held", Some(401), "Secret"),
    (Dialect::Soketi, Fault::App, "Refused", Some(404), "App"),
    (Dialect::Soketi, Fault::Clock, "Delivered", None, "-"),
    (Dialect::Sockudo, Fault::Key, "Refused", Some(404), "Key"),
    (Dialect::Sockudo, Fault::Secret, "Held", Some(401), "Secret"),
    (Dialect::Sockudo, Fault::App, "Held", Some(401), "App"),
    (Dialect::Sockudo, Fault::Clock, "Held", Some(401), "Clock"),
];

#[tokio::test]
async fn a_fault_is_diagnosed_as_precisely_as_the_provider_reports_it() {
    for (dialect, fault, outcome, status, diagnosis) in FAULTS {
        let key = credentials().key().to_owned();
        let (credentials, state) = match fault {
            Fault::Key => (Credentials::new("3", "strange-key", SECRET), State::Working),
            Fault::Secret => (Credentials::new("3", key, "strange-secret"), State::Working),
            Fault::App => (Credentials::new("4", key, SECRET), State::Working),
            Fault::Clock => (credentials(), State::AnHourAhead),
        };
        let provider = start(dialect, state).await;
        let client = client(provider.port, credentials);
        let published = client.publish(&[EVENT, EVENT]).await;
        assert_eq!(kind(&published), (outcome.to_owned(), status), "{dialect:?} {fault:?}");
        let checked = client.diagnose().await;
        assert_eq!(found(&checked), diagnosis, "{dialect:?} {fault:?}: {checked:?}");
        let text = checked.map_or_else(|error| error.to_string(), |()| String::new());
        for hidden in [SECRET, "strange-secret", "auth_signature"] {
            assert!(!text.contains(hidden), "{dialect:?} {fault:?}: {text}");
        }
    }
}

#[tokio::test]
async fn a_failing_provider_leads_to_a_retry_or_a_hold() {
    for (dialect, state, outcome, status, diagnosis) in [
        (Dialect::Hosted, State::OverQuota, "Held", Some(403), "Quota"),
        (Dialect::Soketi, State::TooBusy, "Retry", None, "Busy"),
        (Dialect::Sockudo, State::TooBusy, "Retry", None, "Busy"),
    ] {
        let provider = start(dialect, state).await;
        let client = client(provider.port, credentials());
        let published = client.publish(&[EVENT]).await;
        assert_eq!(kind(&published), (outcome.to_owned(), status), "{dialect:?} {published:?}");
        assert_eq!(found(&client.diagnose().await), diagnosis, "{dialect:?}");
    }
}

#[tokio::test]
async fn data_that_a_provider_does_not_accept_rejects_only_that_event() {
    let longest = "x".repeat(data_limit("a"));
    let too_long = "x".repeat(data_limit("a") + 1);
    for (dialect, data, outcome, status) in [
        (Dialect::Hosted, &longest, "Delivered", None),
        (Dialect::Hosted, &too_long, "Rejected", Some(413)),
        (Dialect::Hosted, &String::new(), "Delivered", None),
        (Dialect::Reverb, &longest, "Rejected", Some(413)),
        (Dialect::Reverb, &String::new(), "Rejected", Some(422)),
        (Dialect::Soketi, &too_long, "Delivered", None),
        (Dialect::Soketi, &String::new(), "Refused", Some(400)),
        (Dialect::Sockudo, &too_long, "Delivered", None),
    ] {
        let provider = start(dialect, State::Working).await;
        let client = client(provider.port, credentials());
        let event = OutgoingEvent { data, ..EVENT };
        for events in [&[event][..], &[EVENT, event]] {
            // Twice, because the second request may reuse the connection of the first.
            for _ in 0..2 {
                let published = client.publish(events).await;
                let bytes = data.len();
                let expected = (outcome.to_owned(), status);
                assert_eq!(kind(&published), expected, "{dialect:?} {bytes}: {published:?}");
            }
        }
    }
}

#[tokio::test]
async fn batches_that_fit_are_accepted_by_a_provider_that_limits_requests() {
    let provider = start(Dialect::Reverb, State::Working).await;
    let client = client(provider.port, credentials()).with_request_limit(server::REVERB_BYTES);
    // Of various lengths, and twice as long in JSON.
    let texts: Vec<String> = (0..60).map(|number| "\"".repeat(number * 167 % 2_300 + 1)).collect();
    let events: Vec<OutgoingEvent<'_>> =
        texts.iter().map(|data| OutgoingEvent { data, ..EVENT }).collect();
    let ten_at_a_time = client.publish(&events[..10]).await;
    assert_eq!(kind(&ten_at_a_time), ("Rejected".to_owned(), Some(413)));

    let mut rest = &events[..];
    let mut calls = 0;
    while !rest.is_empty() {
        let (call, later) = rest.split_at(client.fitting(rest));
        assert_eq!(client.publish(call).await, Outcome::Delivered, "{} events", call.len());
        rest = later;
        calls += 1;
    }
    assert!((7..40).contains(&calls), "{calls} calls for 60 events");
}
