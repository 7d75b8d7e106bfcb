//! Runs the release binary in a process of its own, and connects to it with keep-alive.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::database::Database;

/// Publishes only `order.matched`, the one event of existing backends, for a fair comparison.
const ORDER_MATCHED_ALONE: [(&str, &str); 4] = [
    ("MATCHCAST__EVENTS__ORDER_UPDATED", "false"),
    ("MATCHCAST__EVENTS__BALANCE_UPDATED", "false"),
    ("MATCHCAST__EVENTS__TRADE_EXECUTED", "false"),
    ("MATCHCAST__EVENTS__BOOK_UPDATED", "false"),
];

/// A running matchcast. Dropping it kills the process.
pub struct Server {
    pub address: String,
    child: Child,
    /// Kept open, because writing to a closed pipe would fail.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it without demo data, with these environment variables, and waits until it listens.
    pub fn start(database: &Database, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_matchcast"))
            .env_clear()
            .env("DATABASE_URL", &database.url)
            .env("PORT", "0")
            .env("MATCHCAST__DEMO__ENABLED", "false")
            .env("MATCHCAST__LOG__LEVEL", "error")
            .envs(ORDER_MATCHED_ALONE)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("the first line of output");
        let address = line.trim().rsplit("http://").next().expect("an address").to_owned();
        Self { address, child, _stdout: stdout }
    }

    /// The time that it has spent on the processors, in seconds.
    #[allow(dead_code, reason = "one of two benchmarks measures it")]
    pub fn cpu_seconds(&self) -> f64 {
        const TICKS_PER_SECOND: f64 = 100.0; // on Linux, always
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        // Its name is in brackets; utime and stime are the twelfth and thirteenth after it.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: f64 =
            fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        ticks / TICKS_PER_SECOND
    }

    /// Resident memory, in MB.
    pub fn memory_mb(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kilobytes.unwrap_or(0) / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    response: Vec<u8>,
}

impl Connection {
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, response: Vec::with_capacity(4096) }
    }

    /// Sends a request and returns the body of the response.
    ///
    /// # Panics
    /// If the status is not 200 or the connection fails.
    pub async fn exchange(&mut self, request: &str) -> &[u8] {
        self.stream.write_all(request.as_bytes()).await.expect("a request");
        self.response.clear();
        loop {
            let read = self.stream.read_buf(&mut self.response).await.expect("a response");
            assert!(read > 0, "the server closed the connection");
            let text = String::from_utf8_lossy(&self.response);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            assert!(head.starts_with("HTTP/1.1 200"), "{text}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|text| text.parse().ok()).expect("a length");
            if body.len() >= length {
                let start = self.response.len() - length;
                return &self.response[start..];
            }
        }
    }
}
