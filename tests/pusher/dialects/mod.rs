//! Providers differ in their words, their limits and their manners. The client gets along with all
//! of them: what passes at one passes at each, and what is wrong is named as far as it is said.

mod server;

use matchcast::pusher::{Credentials, Diagnosis, Outcome, OutgoingEvent, data_limit};

use crate::client::EVENT;
use crate::scripted::client;
use crate::{SECRET, credentials};
use server::{ALL, Dialect, State, start};

fn named(printed: &str) -> String {
    printed.split([' ', '(']).next().unwrap().to_owned()
}

/// The name of the variant of an outcome, and its status if it has one.
fn kind(outcome: &Outcome) -> (String, Option<u16>) {
    let status = match outcome {
        Outcome::Refused { status, .. } | Outcome::Held { status, .. } => Some(*status),
        Outcome::Rejected { status, .. } => *status,
        Outcome::Delivered | Outcome::Retry { .. } => None,
    };
    (named(&format!("{outcome:?}")), status)
}

/// The name of the diagnosis, or that there is none.
fn found(diagnosis: &Result<(), Diagnosis>) -> String {
    diagnosis.as_ref().map_or_else(|error| named(&format!("{error:?}")), |()| "-".to_owned())
}

#[tokio::test]
async fn every_call_passes_everywhere() {
    for dialect in ALL {
        let provider = start(dialect, State::Working).await;
        let client = client(provider.port, credentials());
        // Twice, so that there are connections from before.
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

/// What is wrong, what becomes of an event then, and what the check says; `-` where the provider
/// does not look, so that nothing is wrong there.
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
async fn what_is_wrong_is_named_as_far_as_it_is_said() {
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
async fn a_provider_in_trouble_is_waited_for_or_held() {
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
async fn what_is_too_long_or_not_taken_is_one_events_affair() {
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
            // Twice, as the second call may meet the connection that the first one left.
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
async fn batches_that_fit_pass_where_whole_requests_are_counted() {
    let provider = start(Dialect::Reverb, State::Working).await;
    let client = client(provider.port, credentials()).with_request_limit(server::REVERB_BYTES);
    // Of all lengths, and twice as long in JSON.
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
