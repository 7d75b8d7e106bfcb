//! Clients that send junk, reset their connections or open too many: no line in the log calls for a
//! person, and all of it is counted.

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::wait_for;

const ROUNDS: usize = 10;

fn variables() -> Vec<(&'static str, String)> {
    [
        ("BROADCAST_CONNECTION", "null"),
        ("MATCHCAST__HTTP__METRICS", "true"),
        ("MATCHCAST__LOG__FORMAT", "json"),
        ("MATCHCAST__LOG__LEVEL", "info"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// Requests that are not HTTP, or not all of it.
fn junk() -> Vec<Vec<u8>> {
    let head = "POST /api/login HTTP/1.1\r\nHost: x\r\n";
    vec![
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a client of TLS".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        vec![0; 100],
        format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(300_000)).into_bytes(),
        format!("{head}Content-Length: -5\r\n\r\n").into_bytes(),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nno length\r\n").into_bytes(),
        format!("{head}Content-Length: 100\r\n\r\n{{").into_bytes(),
        head.as_bytes().to_vec(),
    ]
}

/// Sends this, and closes the connection after the response, or resets it without waiting for one.
async fn send_junk(address: SocketAddr, junk: &[u8], is_reset: bool) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    let sent = stream.write_all(junk).await;
    if is_reset {
        let _ = stream.set_zero_linger();
    } else if sent.is_ok() && stream.shutdown().await.is_ok() {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

/// The messages at these levels.
fn messages(log: &str, level: &str) -> Vec<String> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines.filter(|line| line["level"] == level).map(|line| line["fields"].to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_is_a_warning_and_counted() {
    const FAILURES: &str = "matchcast_failures_total{kind=\"connection\"} ";
    let database = Database::sqlite();
    let process = Process::start(&database, &variables()).await;
    for is_reset in [false, true] {
        for _ in 0..ROUNDS {
            for junk in junk() {
                send_junk(process.address, &junk, is_reset).await;
            }
        }
    }
    let client = Client::new(process.address);
    wait_for("the count of the errors", || async {
        let metrics = client.get("/metrics").await.body;
        let count = metrics.lines().find_map(|line| line.strip_prefix(FAILURES)?.parse().ok());
        (count >= Some(ROUNDS * 3)).then_some(())
    })
    .await;
    wait_for("the warning", || async {
        process.log().contains("connections end with errors").then_some(())
    })
    .await;
    let log = process.stop().await;
    assert_eq!(messages(&log, "ERROR"), Vec::<String>::new());
    assert_eq!(messages(&log, "WARN").len(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_cookies_are_one_warning() {
    let database = Database::sqlite();
    let process = Process::start(&database, &variables()).await;
    let client = Client::new(process.address);
    let forged = ["matchcast_session=visitor.abc", "matchcast_session=%00", "matchcast_session=a"];
    for cookie in forged.iter().cycle().take(60) {
        let response =
            client.send(Method::GET, "/api/user", &[("cookie", cookie)], Vec::new()).await;
        assert_eq!(response.status, 401);
    }
    wait_for("the warning", || async {
        process.log().contains("session cookies are ignored").then_some(())
    })
    .await;
    let log = process.stop().await;
    assert_eq!(messages(&log, "ERROR"), Vec::<String>::new());
    assert_eq!(messages(&log, "WARN").len(), 1, "{log}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_descriptors_are_no_error() {
    const DESCRIPTORS: usize = 100;
    let limits = format!("ulimit -n {DESCRIPTORS}");
    let database = Database::sqlite();
    let process = Process::start_limited(&database, &variables(), &limits).await;
    let early = Client::new(process.address);
    assert_eq!(early.get("/up").await.status, 200);
    let connections = (0..DESCRIPTORS * 2).map(|_| TcpStream::connect(process.address));
    let connections = futures_util::future::join_all(connections).await;
    for _ in 0..20 {
        // On its open connection, while the server tries to accept the others.
        assert_eq!(early.get("/up").await.status, 200);
    }
    drop(connections);
    let late = Client::new(process.address);
    assert_eq!(late.get("/up").await.status, 200, "connections are accepted again");
    let log = process.stop().await;
    assert_eq!(messages(&log, "ERROR"), Vec::<String>::new());
}
