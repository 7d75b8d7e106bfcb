//! Runs the release binary in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::database::Database;

/// Publishes only `order.matched`, the one event of existing backends, for a fair comparison.
const ORDER_MATCHED_ALONE: [(&str, &str); 4] = [
    ("MATCHCAST__EVENTS__ORDER_UPDATED", "false"),
    ("MATCHCAST__EVENTS__BALANCE_UPDATED", "false"),
    ("MATCHCAST__EVENTS__TRADE_EXECUTED", "false"),
    ("MATCHCAST__EVENTS__BOOK_UPDATED", "false"),
];

/// The binary of this build.
#[allow(dead_code, reason = "one of three benchmarks measures its size")]
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_matchcast");

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
        let mut child = Command::new(PROGRAM)
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
    #[allow(dead_code, reason = "not every benchmark measures it")]
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
    pub fn memory_mb(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        kilobytes.expect("the process is running") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
