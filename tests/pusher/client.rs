//! The requests that the client sends, as a scripted provider receives them.

use std::time::{Duration, SystemTime};

use matchcast::pusher::{
    Client, ClientError, Credentials, Destination, DestinationSettings, Outcome, OutgoingEvent,
    SocketId, Timeouts, sign,
};
use serde_json::{Value, json};

use crate::scripted::{Received, Scripted, Step, client, ok, response};
use crate::{SECRET, credentials};

pub const EVENT: OutgoingEvent<'static> = OutgoingEvent {
    name: "order.matched",
    channel: "private-user.1",
    data: r#"{"trade_id":1}"#,
    socket_id: None,
};

/// Checks that the signature of a request is valid now, and returns its path and body.
pub fn verified(request: &Received) -> (String, Value) {
    let mut words = request.head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let verified =
        sign::verify_request(&credentials(), method, path, query, &request.body, now.as_secs());
    assert_eq!(verified, Ok(()), "{}", request.head);
    (format!("{method} {path}"), serde_json::from_slice(&request.body).unwrap_or_default())
}

#[tokio::test]
async fn a_single_event_is_posted_to_events() {
    let provider = Scripted::start(vec![Step::Respond(ok())]).await;
    let socket_id = SocketId::parse("12.34").unwrap();
    let event = OutgoingEvent { socket_id: Some(&socket_id), ..EVENT };
    let outcome = client(provider.port, credentials()).publish(&[event]).await;
    assert_eq!(outcome, Outcome::Delivered);

    let [request] = &provider.received()[..] else { panic!("expected one request") };
    let (call, body) = verified(request);
    assert_eq!(call, "POST /apps/3/events");
    let expected = json!({
        "name": "order.matched",
        "channels": ["private-user.1"],
        "data": "{\"trade_id\":1}",
        "socket_id": "12.34",
    });
    assert_eq!(body, expected);
    let head = request.head.to_lowercase();
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    let library = format!("x-pusher-library: matchcast {}\r\n", env!("CARGO_PKG_VERSION"));
    assert!(head.contains(&library), "{head}");
}

#[tokio::test]
async fn several_events_are_posted_as_a_batch_in_order() {
    let provider = Scripted::start(vec![Step::Respond(ok())]).await;
    let names: Vec<String> = (0..10).map(|number| format!("event-{number}")).collect();
    let events: Vec<OutgoingEvent<'_>> =
        names.iter().map(|name| OutgoingEvent { name, channel: "a", data: "", ..EVENT }).collect();
    let outcome = client(provider.port, credentials()).publish(&events).await;
    assert_eq!(outcome, Outcome::Delivered);

    let (call, body) = verified(&provider.received()[0]);
    assert_eq!(call, "POST /apps/3/batch_events");
    let batch: Vec<Value> =
        names.iter().map(|name| json!({"name": name, "channel": "a", "data": ""})).collect();
    assert_eq!(body, json!({ "batch": batch }));
}

#[tokio::test]
async fn an_empty_list_of_events_sends_no_request() {
    let provider = Scripted::start(vec![Step::Respond(ok())]).await;
    let outcome = client(provider.port, credentials()).publish(&[]).await;
    assert_eq!(outcome, Outcome::Delivered);
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn a_path_prefix_is_sent_and_not_signed() {
    let provider = Scripted::start(vec![Step::Respond(ok())]).await;
    let settings = DestinationSettings {
        host: Some("127.0.0.1"),
        port: Some(provider.port),
        scheme: Some("http"),
        path_prefix: Some("/ws"),
        ..DestinationSettings::default()
    };
    let destination = Destination::new(settings).unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(20), request: Duration::from_secs(20) };
    let client = Client::new(destination, credentials(), timeouts).unwrap();
    assert_eq!(client.publish(&[EVENT]).await, Outcome::Delivered);

    let mut request = provider.received().remove(0);
    assert!(request.head.starts_with("POST /ws/apps/3/events?"), "{}", request.head);
    request.head = request.head.replacen("/ws", "", 1);
    verified(&request);
}

#[tokio::test]
async fn a_users_connections_can_be_terminated() {
    let provider = Scripted::start(vec![Step::Respond(ok())]).await;
    let client = client(provider.port, credentials());
    assert_eq!(client.terminate_connections("a/b 7").await, Outcome::Delivered);
    let (call, body) = verified(&provider.received()[0]);
    assert_eq!(call, "POST /apps/3/users/a%2Fb%207/terminate_connections");
    assert_eq!(body, json!({}));
    for user_id in ["", ".", ".."] {
        let outcome = client.terminate_connections(user_id).await;
        assert!(matches!(outcome, Outcome::Rejected { status: None, .. }), "{user_id:?}");
    }
    assert_eq!(provider.received().len(), 1);
}

#[tokio::test]
async fn the_channels_with_subscribers_are_listed() {
    for (body, expected) in [
        (r#"{"channels":{"b":{},"a":{"user_count":1}}}"#, vec!["a", "b"]),
        (r#"{"channels":{}}"#, vec![]),
        (r#"{"channels":[]}"#, vec![]),
    ] {
        let provider = Scripted::start(vec![Step::Respond(response("200 OK", &[], body))]).await;
        let channels = client(provider.port, credentials()).channels().await.unwrap();
        assert_eq!(channels, expected);
        assert_eq!(verified(&provider.received()[0]).0, "GET /apps/3/channels");
    }
    let provider = Scripted::start(vec![Step::Respond(response("200 OK", &[], "<html>"))]).await;
    let error = client(provider.port, credentials()).channels().await.unwrap_err();
    assert_eq!(error, Outcome::Refused { status: 200, message: "<html>".to_owned() });
}

#[test]
fn invalid_credentials_are_rejected() {
    let timeouts = Timeouts { connect: Duration::from_secs(1), request: Duration::from_secs(1) };
    for (app_id, key, secret, expected) in [
        ("", "key", "secret", ClientError::AppId),
        ("../x", "key", "secret", ClientError::AppId),
        ("1", "", "secret", ClientError::Key),
        ("1", "k y", "secret", ClientError::Key),
        ("1", "key", "", ClientError::Secret),
    ] {
        let destination = Destination::new(DestinationSettings::default()).unwrap();
        let credentials = Credentials::new(app_id, key, secret);
        assert_eq!(Client::new(destination, credentials, timeouts).unwrap_err(), expected);
    }
}

#[test]
fn a_client_does_not_print_its_secret() {
    let printed = format!("{:?}", client(1, credentials()));
    assert!(printed.contains("127.0.0.1") && !printed.contains(SECRET), "{printed}");
}
