//! The diagnosis says in words why events do not arrive.

use std::time::Duration;

use matchcast::pusher::{Client, Destination, DestinationSettings, Diagnosis, Timeouts};

use crate::scripted::{Scripted, Step, client, client_with_timeout, response};
use crate::{SECRET, credentials};

/// The diagnosis of a provider that sends this response.
async fn diagnose(status: &str, headers: &[&str], body: &str) -> Result<(), Diagnosis> {
    let provider = Scripted::start(vec![Step::Respond(response(status, headers, body))]).await;
    client(provider.port, credentials()).diagnose().await
}

/// The name of the variant, to compare diagnoses independently of their texts.
fn variant(diagnosis: &Diagnosis) -> String {
    format!("{diagnosis:?}").split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_provider_that_lists_its_channels_has_no_diagnosis() {
    assert_eq!(diagnose("200 OK", &[], r#"{"channels":{}}"#).await, Ok(()));
}

/// The message of hosted Pusher and the embedded provider. It quotes the parameter of the clock,
/// which means nothing.
const WRONG_SECRET: &str = "Invalid signature: you should have sent HmacSHA256Hex(\"GET\\n/apps/3/\
    channels\\nauth_key=278d425bdf160c739803&auth_timestamp=1784196577&auth_version=1.0\", \
    your_secret_key)";

const LONG_AGO: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT";

/// Status line, header, body, diagnosis, and part of its text.
const RESPONSES: &[(&str, &str, &str, &str, &str)] = &[
    ("400 Bad", "", "Unknown auth_key", "Key", "PUSHER_APP_KEY"),
    ("401 No", "", "App key x not in this cluster.", "Key", "PUSHER_APP_CLUSTER"),
    ("404 No", "", "Could not find app by id 3", "App", "PUSHER_APP_ID"),
    ("404 No", "", r#"{"error":"The app 3 does not exist"}"#, "App", "PUSHER_APP_ID"),
    ("404 No", "", "No matching application for ID [3].", "App", "PUSHER_APP_ID"),
    ("401 No", "", "Invalid signature: you …", "Secret", "PUSHER_APP_SECRET"),
    ("401 No", "", WRONG_SECRET, "Secret", "PUSHER_APP_SECRET"),
    ("401 No", LONG_AGO, WRONG_SECRET, "Clock", "seconds ahead of"),
    ("401 No", "", "The secret authentication failed", "Secret", "PUSHER_APP_SECRET"),
    ("401 No", "", "Timestamp expired: Given …", "Clock", "clock"),
    ("401 No", LONG_AGO, "Unauthorized", "Clock", "seconds ahead of"),
    ("403 No", "", "Over the daily quota", "Quota", "quota"),
    ("403 No", "", "App disabled", "Disabled", "dashboard"),
    ("404 No", "", "<html>nginx</html>", "NotAProvider", "PUSHER_HOST"),
    ("301 Moved", "", "", "NotAProvider", "PUSHER_HOST"),
    ("200 OK", "", "<html>welcome</html>", "NotAProvider", "PUSHER_HOST"),
    ("503 Down", "", "", "Busy", "later"),
    ("429 Slow", "", "", "Busy", "later"),
];

#[tokio::test]
async fn each_response_has_its_diagnosis_and_names_the_variable() {
    for (status, header, body, expected, part) in RESPONSES {
        let headers = Some(*header).filter(|header| !header.is_empty());
        let diagnosis = diagnose(status, headers.as_slice(), body).await.unwrap_err();
        assert_eq!(variant(&diagnosis), *expected, "{status} {body}");
        let text = diagnosis.to_string();
        assert!(text.contains(part) && text.contains(body), "{text}");
        assert!(!text.contains(SECRET) && !text.contains("auth_signature"), "{text}");
    }
}

#[tokio::test]
async fn a_missing_response_names_the_variable() {
    let closed = Scripted::start(vec![Step::Close]).await;
    let diagnosis = client(closed.port, credentials()).diagnose().await.unwrap_err();
    assert_eq!(variant(&diagnosis), "NoResponse", "{diagnosis}");

    let silent = Scripted::start(vec![Step::Silence]).await;
    let impatient_client =
        client_with_timeout(silent.port, credentials(), Duration::from_millis(200));
    let diagnosis = impatient_client.diagnose().await.unwrap_err();
    assert_eq!(variant(&diagnosis), "NoResponse", "{diagnosis}");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let diagnosis = client(port, credentials()).diagnose().await.unwrap_err();
    assert_eq!(variant(&diagnosis), "Unreachable", "{diagnosis}");
    assert!(diagnosis.to_string().contains("PUSHER_PORT"), "{diagnosis}");
}

/// The diagnosis of a host that is contacted with https.
async fn diagnose_https(host: &str, port: u16) -> Diagnosis {
    let settings = DestinationSettings {
        host: Some(host),
        port: Some(port),
        ..DestinationSettings::default()
    };
    let timeouts = Timeouts { connect: Duration::from_secs(20), request: Duration::from_secs(20) };
    let destination = Destination::new(settings).unwrap();
    let client = Client::new(destination, credentials(), timeouts).unwrap();
    client.diagnose().await.unwrap_err()
}

#[tokio::test]
async fn https_to_a_port_without_tls_is_diagnosed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut greeting = [0; 1];
        stream.read_exact(&mut greeting).await.unwrap();
        let page = response("400 Bad Request", &[], "");
        stream.write_all(page.as_bytes()).await.unwrap();
        // Keep reading, so that the client sees the response before the connection ends.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let diagnosis = diagnose_https("127.0.0.1", port).await;
    assert_eq!(variant(&diagnosis), "Tls", "{diagnosis}");
    assert!(diagnosis.to_string().contains("PUSHER_SCHEME"), "{diagnosis}");
    plain.await.unwrap();
}

#[tokio::test]
async fn an_unknown_host_is_diagnosed() {
    // A label of a name has at most 63 characters, so no name server is asked for this one.
    let host = format!("{}.invalid", "a".repeat(64));
    let diagnosis = diagnose_https(&host, 443).await;
    assert_eq!(variant(&diagnosis), "HostUnknown", "{diagnosis}");
    assert!(diagnosis.to_string().contains("PUSHER_APP_CLUSTER"), "{diagnosis}");
}
