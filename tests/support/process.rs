//! The real binary as a process of its own, so that it can be killed.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use super::client::Client;
use super::database::Database;
use super::logs;

/// A running `matchcast serve`. It is killed when the value goes.
pub struct Process {
    pub address: SocketAddr,
    child: Child,
    /// Reads the log, so that the process never waits for somebody to do it.
    log: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts it with the demo's users and these variables, and waits until it listens.
    pub async fn start(database: &Database, variables: &[(&str, String)]) -> Self {
        let mut command = command("serve", &database.url, variables);
        let starting = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().expect("the binary starts");
            let mut stderr = child.stderr.take().expect("it was asked for");
            let log = std::thread::spawn(move || {
                let mut text = Vec::new();
                let _ = stderr.read_to_end(&mut text);
                String::from_utf8_lossy(&text).into_owned()
            });
            let mut stdout = BufReader::new(child.stdout.take().expect("it was asked for"));
            let mut line = String::new();
            stdout.read_line(&mut line).expect("a line of text");
            // The rest of the greeting must find a reader too.
            std::thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
            (child, log, line)
        });
        let (mut child, log, line) = starting.await.expect("no panic");
        let Some((_, address)) = line.trim().split_once("http://") else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("matchcast did not start: {line}{}", log.join().unwrap_or_default());
        };
        let address = address.parse().expect("an address");
        Self { address, child, log: Some(log) }
    }

    /// A client logged in as a user of the demo.
    pub async fn log_in(&self, name: &str) -> Client {
        let mut client = Client::new(self.address);
        client.log_in(&format!("{name}@example.com"), "password").await;
        client
    }

    /// Ends it at once, as a power cut would, and gives its log.
    pub fn kill(mut self) -> String {
        self.kill_now()
    }

    fn kill_now(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        if !log.is_empty() {
            logs::keep(&log);
        }
        log
    }

    /// Lets it sleep until [`Process::wake`], as a suspended machine would.
    pub fn sleep(&self) {
        self.signal("-STOP");
    }

    pub fn wake(&self) {
        self.signal("-CONT");
    }

    /// Resident memory now, in MB. Linux only.
    pub fn resident_mb(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib / 1024
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success(), "the process is there");
    }

    /// Asks it to stop, waits for the end, and gives its log.
    pub async fn stop(mut self) -> String {
        self.signal("-TERM");
        let stopping = tokio::task::spawn_blocking(move || {
            let status = self.child.wait().expect("the process ends");
            (status, self.kill_now())
        });
        let (status, log) = stopping.await.expect("no panic");
        assert!(status.success(), "{status}: {log}");
        log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_now();
    }
}

/// Runs `matchcast {arguments}` to its end; gives its exit code and what it said. Blanks stand
/// between two arguments.
pub async fn run(
    arguments: &str,
    database_url: &str,
    variables: &[(&str, String)],
) -> (i32, String) {
    let mut command = command(arguments, database_url, variables);
    let running = tokio::task::spawn_blocking(move || command.output().expect("the binary runs"));
    let output = running.await.expect("no panic");
    logs::keep(&String::from_utf8_lossy(&output.stderr));
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

/// Nothing of the machine's own settings comes in.
fn command(arguments: &str, database_url: &str, variables: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_matchcast"));
    command
        .args(arguments.split_whitespace())
        .env_clear()
        .env("HOST", "127.0.0.1")
        .env("PORT", "0")
        .env("DATABASE_URL", database_url)
        .env("MATCHCAST__HTTP__WORKERS", "1")
        .env("MATCHCAST__HTTP__SHUTDOWN_SECONDS", "20")
        .env("MATCHCAST__DATABASE__POOL_SIZE", "4")
        .env("MATCHCAST__PUBLISHER__POLL_MS", "50")
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if logs::folder().is_some() {
        command.env("MATCHCAST__LOG__LEVEL", logs::LEVEL);
    }
    for (name, value) in variables {
        command.env(name, value);
    }
    logs::note_variables([("DATABASE_URL", database_url)]);
    logs::note_variables(variables.iter().map(|(name, value)| (*name, value.as_str())));
    command
}
