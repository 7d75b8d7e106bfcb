//! Clients that use up descriptors, connections and memory.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::fault_injection::Seed;
use crate::support::process::Process;
use crate::support::wait_for;
use crate::torture_faults::{choose, endure, observe, settings};

/// The most memory that an idle process may keep, in MB.
const ALLOCATED_MB: u64 = 24;
const MEMORY_RETURNS_WITHIN: Duration = Duration::from_secs(10);
const MANY_DESCRIPTORS: &str = "ulimit -n 4096";

/// Waits until the process keeps less than [`ALLOCATED_MB`], and says how long that took. The time
/// counts from the end of the attack.
async fn memory_returns(process: &Process) -> String {
    let ended = Instant::now();
    let at_the_end = process.allocated_mb();
    let after = wait_for("memory to return", || async {
        let allocated = process.allocated_mb();
        (allocated < ALLOCATED_MB).then_some(allocated)
    })
    .await;
    let elapsed = ended.elapsed();
    assert!(elapsed <= MEMORY_RETURNS_WITHIN, "{at_the_end} MB, then {after} MB {elapsed:?} later");
    format!("{at_the_end} MB at the end, {after} MB {} ms later", elapsed.as_millis())
}

async fn connect(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(TcpStream::connect(address).await.expect("the backlog has room"));
    }
    streams
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_while_descriptors_are_used_up() {
    let (database, seed) = (Database::sqlite(), Seed::new());
    let process = Process::start_limited(&database, &settings(), "ulimit -n 64").await;
    let observation = observe(&process, &seed).await;
    let streams = connect(process.address, choose(100, 300)).await;
    endure().await;
    drop(streams);
    let recovered = observation.wait_for_success().await;
    let visitor = Client::new(process.address);
    assert_eq!(visitor.get("/up").await.status, 200, "new connections are accepted again");
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!("; first order after {} ms", recovered.as_millis());
    figures.report("descriptors used up", &database);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_during_slow_bodies() {
    let (database, seed) = (Database::sqlite(), Seed::new());
    let process = Process::start_limited(&database, &settings(), MANY_DESCRIPTORS).await;
    let observation = observe(&process, &seed).await;
    let count = choose(300, 2_000);
    let mut streams = connect(process.address, count).await;
    let head = "POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";
    for stream in &mut streams {
        stream.write_all(head.as_bytes()).await.expect("the head is sent");
    }
    for _ in 0..choose(3, 8) {
        for stream in &mut streams {
            // A server that has given up its connection may refuse it.
            let _ = stream.write_all(b" ").await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(streams);
    let mut figures = observation.stop(&process).await;
    figures.more = format!("; {count} bodies, {}", memory_returns(&process).await);
    process.stop().await;
    figures.report("slow bodies", &database);
}

/// Requests one page after the other, and reads nothing.
async fn request_and_never_read(stream: &mut TcpStream) {
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(500);
    let _ =
        tokio::time::timeout(Duration::from_millis(50), stream.write_all(request.as_bytes())).await;
}

/// Subscribes to the events of a market, and reads nothing.
async fn subscribe_and_never_read(stream: &mut TcpStream) {
    let upgrade = "GET /app/local?protocol=7 HTTP/1.1\r\nHost: localhost\r\n\
        Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let text = r#"{"event":"pusher:subscribe","data":{"channel":"market.ETH"}}"#;
    let len = u8::try_from(text.len()).expect("a short text");
    // A text frame with a mask of zeros.
    let frame = [&[0x81, 0x80 | len, 0, 0, 0, 0], text.as_bytes()].concat();
    stream.write_all(upgrade.as_bytes()).await.expect("the request is sent");
    stream.write_all(&frame).await.expect("the subscription is sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_while_clients_do_not_read() {
    let (database, seed) = (Database::sqlite(), Seed::new());
    let mut variables = settings();
    variables.push(("MATCHCAST__BROADCASTING__CONNECTION", "embedded".to_owned()));
    variables.retain(|(name, _)| *name != "BROADCAST_CONNECTION");
    let process = Process::start(&database, &variables).await;
    let observation = observe(&process, &seed).await;
    let mut streams = connect(process.address, 100).await;
    for (number, stream) in streams.iter_mut().enumerate() {
        match number % 2 {
            0 => request_and_never_read(stream).await,
            _ => subscribe_and_never_read(stream).await,
        }
    }
    endure().await;
    let mut figures = observation.stop(&process).await;
    drop(streams);
    figures.more = format!("; {}", memory_returns(&process).await);
    wait_for("an empty outbox", || async { (database.pending_count() == 0).then_some(()) }).await;
    process.stop().await;
    figures.report("100 sockets that do not read", &database);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_returns_after_wrong_log_ins_under_load() {
    let (database, seed) = (Database::sqlite(), Seed::new());
    let mut variables = settings();
    variables.push(("MATCHCAST__LIMITS__LOG_INS_PER_MINUTE", "0".to_owned()));
    variables.push(("MATCHCAST__LIMITS__LOG_INS_PER_MINUTE_PER_ADDRESS", "0".to_owned()));
    let process = Process::start(&database, &variables).await;
    let visitor = Client::new(process.address);
    let observation = observe(&process, &seed).await;
    let count = choose(100, 1_350);
    for _ in 0..count / 50 {
        let attempts = (0..50).map(|number| {
            let email = if number % 2 == 0 { "alice@example.com" } else { "nobody@test.example" };
            let body = format!(r#"{{"email":"{email}","password":"a wrong password"}}"#);
            let visitor = &visitor;
            async move { visitor.post("/api/login", &body).await.status }
        });
        for status in join_all(attempts).await {
            // With shorter limits than the defaults, some of them wait for too long.
            assert!([422, 503].contains(&status), "{status}");
        }
    }
    let mut figures = observation.stop(&process).await;
    figures.more = format!("; {count} log-ins, {}", memory_returns(&process).await);
    process.stop().await;
    figures.report("wrong log-ins", &database);
}
