//! The outcome of a request for each response and each failure of a scripted provider.

use std::time::Duration;

use matchcast::pusher::Outcome;

use crate::client::{EVENT, verified};
use crate::scripted::{Scripted, Step, client, client_with_timeout, ok, response};
use crate::{SECRET, credentials};

/// Publishes one event to a provider with this script.
async fn publish_to(steps: Vec<Step>) -> Outcome {
    let provider = Scripted::start(steps).await;
    client(provider.port, credentials()).publish(&[EVENT]).await
}

/// Status line, a header or none, body, and the outcome as printed.
const RESPONSES: &[(&str, &str, &str, &str)] = &[
    ("200 OK", "", "{}", "Delivered"),
    ("200 OK", "", "not JSON at all", "Delivered"),
    ("202 Accepted", "", "", "Delivered"),
    ("301 Moved", "Location: http://h/", "", r#"Refused { status: 301, message: "" }"#),
    ("400 Bad", "", "Unknown key\n", r#"Refused { status: 400, message: "Unknown key" }"#),
    ("401 No", "", "Expired", r#"Held { status: 401, message: "Expired" }"#),
    ("403 No", "", "quota", r#"Held { status: 403, message: "quota" }"#),
    ("404 No", "", "no app", r#"Refused { status: 404, message: "no app" }"#),
    ("413 Big", "", "too large", r#"Rejected { status: Some(413), message: "too large" }"#),
    ("422 Odd", "", "odd", r#"Rejected { status: Some(422), message: "odd" }"#),
    (
        "429 Slow",
        "Retry-After: 7",
        "",
        "Retry { status: Some(429), after: Some(7s), reason: \"… 429: \" }",
    ),
    (
        "429 Slow",
        "Retry-After: soon",
        "x",
        "Retry { status: Some(429), after: None, reason: \"… 429: x\" }",
    ),
    ("500 Oops", "", "oops", "Retry { status: Some(500), after: None, reason: \"… 500: oops\" }"),
    (
        "503 Down",
        "Retry-After: 120",
        "",
        "Retry { status: Some(503), after: Some(120s), reason: \"… 503: \" }",
    ),
    (
        "503 D",
        "Retry-After: 9999999",
        "",
        "Retry { status: Some(503), after: Some(86400s), reason: \"… 503: \" }",
    ),
];

#[tokio::test]
async fn each_response_has_its_outcome() {
    for (status, header, body, expected) in RESPONSES {
        let headers = Some(*header).filter(|header| !header.is_empty());
        let response = response(status, headers.as_slice(), body);
        let outcome = publish_to(vec![Step::Respond(response)]).await;
        let printed = format!("{outcome:?}").replace("the provider answered", "…");
        assert_eq!(printed, *expected, "{status} {header}");
    }
}

#[tokio::test]
async fn a_date_in_retry_after_becomes_a_wait() {
    let at = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
        + chrono::TimeDelta::seconds(90);
    let header = format!("Retry-After: {}", at.format("%a, %d %b %Y %H:%M:%S GMT"));
    let outcome = publish_to(vec![Step::Respond(response("503 Down", &[&header], ""))]).await;
    let Outcome::Retry { after: Some(after), .. } = outcome else { panic!("{outcome:?}") };
    assert!((30..=90).contains(&after.as_secs()), "{after:?}");
}

#[tokio::test]
async fn a_message_is_shortened_cleaned_and_redacted() {
    let text = format!("\u{1b}[1m{SECRET}\0{}", "x".repeat(5_000));
    let outcome = publish_to(vec![Step::Respond(response("400 Bad", &[], &text))]).await;
    let Outcome::Refused { message, .. } = outcome else { panic!("{outcome:?}") };
    assert!(message.starts_with("[1m[redacted] xxx"), "{message}");
    assert_eq!(message.len(), 500);
}

#[tokio::test]
async fn a_signature_in_a_message_is_redacted() {
    // The signature is not known before the request, so this provider echoes the request line.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let echo = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let line = String::from_utf8(head).unwrap();
        stream.write_all(response("401 No", &[], &line).as_bytes()).await.unwrap();
        line
    });
    let outcome = client(port, credentials()).publish(&[EVENT]).await;
    let line = echo.await.unwrap();
    let signature = line.split_once("auth_signature=").unwrap().1.split(' ').next().unwrap();
    assert_eq!(signature.len(), 64);
    let Outcome::Held { message, .. } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("auth_signature=[redacted]"), "{message}");
    assert!(!message.contains(signature), "{message}");
}

/// The reason of a retry. Fails for other outcomes, and if the reason contains a secret.
fn reason_of(outcome: Outcome) -> String {
    let Outcome::Retry { status: None, after: None, reason } = outcome else {
        panic!("{outcome:?}")
    };
    for secret in [SECRET, "auth_signature", "auth_key", "://"] {
        assert!(!reason.contains(secret), "{reason}");
    }
    assert!(!reason.is_empty() && reason.len() <= 500);
    reason
}

#[tokio::test]
async fn a_broken_connection_is_retried_later() {
    for step in [
        Step::Close,
        Step::Reset,
        Step::Respond("this is not HTTP\r\n\r\n".to_owned()),
        Step::RespondAndClose("HTTP/1.1 200 O".to_owned()),
    ] {
        // A second attempt would succeed, but a new connection that fails is not attempted again.
        let provider = Scripted::start(vec![step.clone(), Step::Respond(ok())]).await;
        reason_of(client(provider.port, credentials()).publish(&[EVENT]).await);
        assert_eq!(provider.received().len(), 1, "{step:?}");
    }
}

#[tokio::test]
async fn a_timeout_is_retried_later() {
    let provider = Scripted::start(vec![Step::Silence]).await;
    let client = client_with_timeout(provider.port, credentials(), Duration::from_millis(200));
    let reason = reason_of(client.publish(&[EVENT]).await);
    assert!(reason.contains("timed out"), "{reason}");
}

#[tokio::test]
async fn a_refused_connection_is_retried_later() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let reason = reason_of(client(port, credentials()).publish(&[EVENT]).await);
    assert!(reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn a_closed_pooled_connection_is_replaced_at_once() {
    for failure in [Step::Close, Step::Reset] {
        let steps = vec![Step::Respond(ok()), failure.clone(), Step::Respond(ok())];
        let provider = Scripted::start(steps).await;
        let client = client(provider.port, credentials());
        assert_eq!(client.publish(&[EVENT]).await, Outcome::Delivered);
        assert_eq!(client.publish(&[EVENT]).await, Outcome::Delivered, "{failure:?}");

        let received = provider.received();
        let connections: Vec<usize> = received.iter().map(|request| request.connection).collect();
        assert_eq!(connections, [0, 0, 1], "{failure:?}");
        received.iter().for_each(|request| drop(verified(request)));
    }
}

#[tokio::test]
async fn a_connection_is_replaced_only_once() {
    let provider = Scripted::start(vec![Step::Respond(ok()), Step::Close, Step::Close]).await;
    let client = client(provider.port, credentials());
    assert_eq!(client.publish(&[EVENT]).await, Outcome::Delivered);
    reason_of(client.publish(&[EVENT]).await);
    assert_eq!(provider.received().len(), 3);
}

#[tokio::test]
async fn a_provider_that_closes_after_each_response_loses_no_events() {
    const EVENTS: usize = 50;
    let provider = Scripted::start(vec![Step::RespondAndClose(ok()); EVENTS]).await;
    let client = client(provider.port, credentials());
    for number in 0..EVENTS {
        assert_eq!(client.publish(&[EVENT]).await, Outcome::Delivered, "{number}");
    }
    assert_eq!(provider.received().len(), EVENTS);
}
