//! The program as it is served: the release binary in a process of its own, over keep-alive
//! connections, telling what existing pages know: order.matched alone.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::database::Database;
use crate::setup;

/// How often the orders of [`million`] are counted.
const STEP: u64 = 100_000;

/// A matchcast that ends with the value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(database: &Database, connection: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_matchcast"))
            .env_clear()
            .env("DATABASE_URL", &database.url)
            .env("PORT", "0")
            .env("BROADCAST_CONNECTION", connection)
            .env("MATCHCAST__DEMO__ENABLED", "false")
            .env("MATCHCAST__EVENTS__ORDER_MATCHED", "true")
            .env("MATCHCAST__EVENTS__ORDER_UPDATED", "false")
            .env("MATCHCAST__EVENTS__BALANCE_UPDATED", "false")
            .env("MATCHCAST__EVENTS__TRADE_EXECUTED", "false")
            .env("MATCHCAST__EVENTS__BOOK_UPDATED", "false")
            .env("MATCHCAST__LOG__LEVEL", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a greeting");
        let address = line.trim().rsplit("http://").next().expect("an address").to_owned();
        Self { child, address }
    }

    /// Resident memory, in MB.
    fn memory_mb(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kilobytes.unwrap_or(0) / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answered orders per second, and what that took of memory.
pub async fn measure(
    database: &Database,
    connection: &str,
    connections: usize,
    duration: Duration,
) -> (f64, String) {
    setup::prepare(database);
    let server = Server::start(database, connection);
    let idle = server.memory_mb();
    let answered = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let until = move |_: u64| started.elapsed() < duration;
    run_clients(&server, connections, &answered, until).await;
    let rate = answered.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    (rate, format!("idle={idle} after={}", server.memory_mb()))
}

/// Places a million orders and prints the memory on the way.
pub async fn million(database: &Database, connections: usize) {
    setup::prepare(database);
    let server = Server::start(database, "embedded");
    println!("memory_mb orders=0 value={}", server.memory_mb());
    let answered = Arc::new(AtomicU64::new(0));
    for step in 1..=10 {
        let goal = step * STEP;
        run_clients(&server, connections, &answered, move |count| count < goal).await;
        println!("memory_mb orders={goal} value={}", server.memory_mb());
    }
}

async fn run_clients(
    server: &Server,
    connections: usize,
    answered: &Arc<AtomicU64>,
    go_on: impl Fn(u64) -> bool + Copy + Send + 'static,
) {
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let (address, answered) = (server.address.clone(), answered.clone());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("a connection");
                let mut buffer = Vec::with_capacity(4096);
                while go_on(answered.load(Ordering::Relaxed)) {
                    let request = setup::request(&setup::random_order());
                    stream.write_all(request.as_bytes()).await.expect("a request");
                    read_answer(&mut stream, &mut buffer).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a client runs to its end");
    }
}

/// Reads one whole answer, which must be a success.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("an answer");
        assert!(read > 0, "the server closed the connection");
        let text = String::from_utf8_lossy(buffer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 200"), "{text}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|text| text.parse().ok()).expect("a length");
        if body.len() >= length {
            return;
        }
    }
}
