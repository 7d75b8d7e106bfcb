//! How many events fit into one request, measured on the wire.

use std::time::Duration;

use matchcast::pusher::{
    Client, Credentials, Destination, DestinationSettings, Outcome, OutgoingEvent, SocketId,
    Timeouts, data_limit,
};

use crate::client::EVENT;
use crate::scripted::{Scripted, Step, ok};
use crate::{SECRET, credentials, encrypting_credentials};

const ENCRYPTED: &str = "private-encrypted-user.1";

fn client(port: u16, path_prefix: &str, credentials: Credentials) -> Client {
    let settings = DestinationSettings {
        host: Some("127.0.0.1"),
        port: Some(port),
        scheme: Some("http"),
        path_prefix: Some(path_prefix),
        ..DestinationSettings::default()
    };
    let destination = Destination::new(settings).unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(20), request: Duration::from_secs(20) };
    Client::new(destination, credentials, timeouts).unwrap()
}

fn credentials_with_special_characters() -> Credentials {
    let app_id = "app_".repeat(20);
    Credentials::new(app_id, "key+with/characters=that%are&encoded", SECRET)
}

/// Various events: with characters that JSON escapes, with a socket id, for a user.
fn assorted(socket_id: &SocketId) -> Vec<OutgoingEvent<'_>> {
    let sorts = [
        EVENT,
        OutgoingEvent {
            data: "\"quoted\"\\\n\u{1}é\u{1f980}",
            socket_id: Some(socket_id),
            ..EVENT
        },
        OutgoingEvent { data: "", name: "näme", ..EVENT },
        OutgoingEvent { channel: "#server-to-user-1", ..EVENT },
    ];
    sorts.into_iter().cycle().take(10).collect()
}

#[tokio::test]
async fn the_size_of_a_request_is_exact() {
    let socket_id = SocketId::parse("123.456").unwrap();
    let plain = assorted(&socket_id);
    let mut mixed = plain.clone();
    mixed.iter_mut().step_by(3).for_each(|event| event.channel = ENCRYPTED);
    for (prefix, credentials, events) in [
        ("", credentials(), &plain),
        ("/behind/a/proxy", credentials_with_special_characters(), &plain),
        ("", encrypting_credentials(), &mixed),
    ] {
        let provider = Scripted::start(vec![Step::Respond(ok()); 9]).await;
        let mut client = client(provider.port, prefix, credentials);
        for count in 2..=10 {
            assert_eq!(client.publish(&events[..count]).await, Outcome::Delivered);
            let request = provider.received().pop().unwrap();
            let sent = request.head.len() + request.body.len();
            for (limit, expected) in [(sent, count), (sent - 1, count - 1)] {
                client = client.with_request_limit(limit);
                assert_eq!(client.fitting(events), expected, "{}", request.head);
            }
        }
    }
}

#[test]
fn at_least_one_event_fits_and_at_most_ten() {
    let long = "x".repeat(data_limit(EVENT.channel));
    let long = OutgoingEvent { data: &long, ..EVENT };
    let sealed = OutgoingEvent { channel: ENCRYPTED, ..EVENT };
    for (limit, events, expected) in [
        (None, vec![], 0),
        (None, vec![EVENT; 1], 1),
        (None, vec![EVENT; 10], 10),
        (None, vec![EVENT; 11], 10),
        (None, vec![long; 10], 10),
        (Some(0), vec![], 0),
        (Some(0), vec![EVENT; 10], 1),
        (Some(10_000), vec![EVENT; 11], 10),
        (Some(10_000), vec![long; 10], 1),
        (Some(10_000), vec![EVENT, long, EVENT], 1),
        (Some(10_000), vec![EVENT, EVENT, long, EVENT], 2),
        (Some(21_500), vec![long; 10], 2),
        (Some(usize::MAX), vec![long; 11], 10),
        // Without a master key this event cannot be sent, and must not be in a batch with others.
        (Some(10_000), vec![EVENT, EVENT, sealed, EVENT], 2),
        (Some(10_000), vec![sealed, EVENT], 1),
    ] {
        let client = client(1, "", credentials());
        let client = match limit {
            Some(bytes) => client.with_request_limit(bytes),
            None => client,
        };
        assert_eq!(client.fitting(&events), expected, "{limit:?} {}", events.len());
    }
}

#[test]
fn a_provider_may_accept_more_events() {
    let events = vec![EVENT; 300];
    let larger = || client(1, "", credentials()).with_max_events(200);
    assert_eq!(larger().fitting(&events), 200);
    assert_eq!(larger().fitting(&events[..150]), 150);
    let one = larger().with_request_limit(0).fitting(&events);
    assert_eq!(one, 1, "the provider decides about a single event");
    // The largest number that fits.
    let fitting = |bytes: usize| larger().with_request_limit(bytes).fitting(&events);
    let mut previous = 1;
    for bytes in (500..20_000).step_by(37) {
        let fits = fitting(bytes);
        assert!(fits >= previous, "{bytes}");
        previous = fits;
    }
    assert!((2..200).contains(&fitting(5_000)), "{}", fitting(5_000));
    assert_eq!(previous, 200);
}

#[test]
fn encrypted_events_count_with_their_encrypted_size() {
    let data = "x".repeat(1_300);
    for (channel, expected) in [(EVENT.channel, 7), (ENCRYPTED, 5)] {
        let events = [OutgoingEvent { data: &data, channel, ..EVENT }; 10];
        let client = client(1, "", encrypting_credentials()).with_request_limit(10_000);
        assert_eq!(client.fitting(&events), expected, "{channel}");
    }
}
