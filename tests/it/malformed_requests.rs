//! Malformed requests, sent byte by byte: garbage in headers, bodies of ten megabytes, incomplete
//! requests. They are rejected, or the garbage is ignored, and the server keeps working.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::bad_input::visible_state;
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;

const TIMEOUT: Duration = Duration::from_secs(20);

/// A response as received from the socket.
#[derive(Debug)]
struct RawResponse {
    status: u16,
    head: String,
    body: Vec<u8>,
}

/// Sends bytes and reads until the server closes the connection. Returns `None` if there was no
/// response.
///
/// The server may respond and close the connection before everything is sent, so errors while
/// sending are ignored.
fn send_raw(app: &TestApp, request: &[u8]) -> Option<RawResponse> {
    let mut stream = TcpStream::connect(app.address).expect("the server listens");
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TIMEOUT)).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let request = request.to_vec();
    let sender = std::thread::spawn(move || {
        let _ = writer.write_all(&request).and_then(|()| writer.shutdown(Shutdown::Write));
    });
    let mut response = Vec::new();
    let mut chunk = [0_u8; 4096];
    // If the server has not read the whole request, the connection ends with a reset.
    while let Ok(len @ 1..) = stream.read(&mut chunk) {
        response.extend_from_slice(&chunk[..len]);
    }
    sender.join().unwrap();
    let end = response.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&response[..end]).to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(RawResponse { status, head, body: response[end + 4..].to_vec() })
}

fn request(method: &str, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
    let defaults: [(&str, &[u8]); 2] = [("host", b"localhost"), ("connection", b"close")];
    let given = |name: &str| headers.iter().any(|(known, _)| *known == name);
    for (name, value) in defaults.iter().filter(|(name, _)| !given(name)).chain(headers) {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() && !given("content-length") && !given("transfer-encoding") {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// Headers that matchcast, its HTTP server or a proxy in front of it interprets.
const HEADERS: [&str; 20] = [
    "authorization",
    "cookie",
    "content-type",
    "content-encoding",
    "accept",
    "accept-encoding",
    "origin",
    "referer",
    "user-agent",
    "x-socket-id",
    "x-csrf-token",
    "x-xsrf-token",
    "x-forwarded-for",
    "if-none-match",
    "if-modified-since",
    "range",
    "expect",
    "upgrade",
    "access-control-request-method",
    "idempotency-key",
];

fn garbage() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        vec![b'x'; 8000],
        vec![0xff; 8000],
        vec![0xff, 0xfe, 0x80],
        "Bearer ١|ü".as_bytes().to_vec(),
        b"Bearer".to_vec(),
        b"Bearer 1|".to_vec(),
        b"Bearer |".to_vec(),
        b"Bearer 99999999999999999999|x".to_vec(),
        b"matchcast_session=garbage; XSRF-TOKEN=%ff".to_vec(),
        b"undefined".to_vec(),
        b"\"'<>;=,\\%00".to_vec(),
    ]
}

async fn check_server_works(alice: &Client) {
    assert_eq!(alice.get("/api/user").await.status, 200);
    assert_eq!(alice.get("/health").await.status, 200);
}

on_both! {
    async fn garbage_in_any_header_changes_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let before = visible_state(&[&alice]).await;
        let bearer = format!("Bearer {}", alice.token.as_deref().unwrap());
        let order = br#"{"symbol":"BTC","side":"buy","price":-1,"amount":1}"#;
        for header in HEADERS {
            for value in garbage() {
                let start = &value[..value.len().min(30)];
                let case = format!("{header}: {:?}", String::from_utf8_lossy(start));
                let mut headers: Vec<(&str, &[u8])> = vec![(header, &value)];
                if header != "authorization" {
                    headers.push(("authorization", bearer.as_bytes()));
                }
                let get = request("GET", "/api/user", &headers, b"");
                let get = send_raw(&app, &get).unwrap_or_else(|| panic!("no response to {case}"));
                let expected = if header == "authorization" { 401 } else { 200 };
                assert_eq!(get.status, expected, "{case}: {get:?}");
                let post = request("POST", "/api/orders", &headers, order);
                let post = send_raw(&app, &post).unwrap_or_else(|| panic!("no response to {case}"));
                assert!((400..500).contains(&post.status), "{case}: {post:?}");
                for raw in [get, post] {
                    assert!(raw.head.contains("content-type: application/json"), "{case}: {raw:?}");
                    let is_json = serde_json::from_slice::<serde_json::Value>(&raw.body).is_ok();
                    assert!(is_json || raw.head.contains("content-encoding"), "{case}: {raw:?}");
                }
            }
        }
        check_server_works(&alice).await;
        assert_eq!(visible_state(&[&alice]).await, before);
        app.stop();
    }

    async fn a_body_of_ten_megabytes_is_rejected(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let before = visible_state(&[&alice]).await;
        let bearer = format!("Bearer {}", alice.token.as_deref().unwrap());
        let auth: (&str, &[u8]) = ("authorization", bearer.as_bytes());
        let padding = " ".repeat(10 * 1024 * 1024);
        let order = format!(r#"{{"symbol":"BTC","side":"buy",{padding}"price":1,"amount":1}}"#);
        let mut chunked = Vec::new();
        for chunk in order.as_bytes().chunks(65_536) {
            chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            chunked.extend_from_slice(chunk);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        for path in ["/api/orders", "/api/login", "/api/register", "/broadcasting/auth"] {
            let whole = request("POST", path, &[auth], order.as_bytes());
            let headers = [auth, ("transfer-encoding", b"chunked".as_slice())];
            let in_chunks = request("POST", path, &headers, &chunked);
            for (how, bytes) in [("whole", whole), ("in chunks", in_chunks)] {
                let raw = send_raw(&app, &bytes);
                let raw = raw.unwrap_or_else(|| panic!("no response to {path} {how}"));
                assert_eq!(raw.status, 413, "{path} {how}: {raw:?}");
                let body: serde_json::Value = serde_json::from_slice(&raw.body).unwrap();
                assert_eq!(body["code"], "body_too_large");
            }
        }
        check_server_works(&alice).await;
        assert_eq!(visible_state(&[&alice]).await, before);
        app.stop();
    }

    async fn a_malformed_request_changes_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let before = visible_state(&[&alice]).await;
        let order = |header: (&str, &[u8]), body| request("POST", "/api/orders", &[header], body);
        let length = |value: &[u8]| order(("content-length", value), b"{}");
        let encoding = |value: &[u8]| order(("transfer-encoding", value), b"zz\r\n");
        let long_path = format!("/api/{}", "x".repeat(200_000));
        let many: Vec<(&str, &[u8])> = vec![("x-many", b"1".as_slice()); 500];
        let broken = [
            length(b"-1"),
            length(b"abc"),
            length(b"99999999999999999999999"),
            encoding(b"chunked"),
            encoding(b"nonsense"),
            request("GET", &long_path, &[], b""),
            request("GET", "/api/user", &many, b""),
            request("GET", "/api/\u{0}", &[], b""),
            request("G@T", "/api/user", &[], b""),
            b"\x16\x03\x01\x02\x00\x01\x00".to_vec(),
            b"GET /api/user HTTP/9.9\r\n\r\n".to_vec(),
            b"\r\n\r\n\r\n\r\n".to_vec(),
            vec![0; 70_000],
        ];
        for bytes in broken {
            let case = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
            // There may be no response, but never a success or a server error.
            if let Some(raw) = send_raw(&app, &bytes) {
                assert!((400..500).contains(&raw.status), "{case:?}: {raw:?}");
            }
        }
        // An incomplete request.
        let half = length(b"100");
        if let Some(raw) = send_raw(&app, &half) {
            assert!((400..500).contains(&raw.status), "{raw:?}");
        }
        check_server_works(&alice).await;
        assert_eq!(visible_state(&[&alice]).await, before);
        app.stop();
    }
}
