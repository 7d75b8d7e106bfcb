//! The real binary as a separate process, so that tests can kill it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::client::Client;
use super::database::Database;
use super::logs;

/// A running `matchcast serve`. Dropping it kills the process.
pub struct Process {
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
    /// Reads the log, so that a full pipe never blocks the process.
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts the process with the demo users and these variables, and waits until it listens.
    pub async fn start(database: &Database, variables: &[(&str, String)]) -> Self {
        Self::start_command(command("serve", &database.url, variables)).await
    }

    /// Starts the process from a shell that has run `limits`, such as `ulimit -n 100`.
    pub async fn start_limited(
        database: &Database,
        variables: &[(&str, String)],
        limits: &str,
    ) -> Self {
        let mut shell = Command::new("/bin/sh");
        let script = format!("{limits} && exec \"$0\" serve");
        shell.args(["-c", &script, &program()]);
        Self::start_command(configure(shell, &database.url, variables)).await
    }

    async fn start_command(mut command: Command) -> Self {
        let starting = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().expect("the binary starts");
            let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
            let log = Arc::new(Mutex::new(String::new()));
            let text = log.clone();
            let reader = std::thread::spawn(move || {
                for line in stderr.split(b'\n').map_while(Result::ok) {
                    *text.lock().unwrap() += &format!("{}\n", String::from_utf8_lossy(&line));
                }
            });
            let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
            let mut line = String::new();
            stdout.read_line(&mut line).expect("a line of text");
            // Read the rest as well, so that a full pipe never blocks the process.
            std::thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
            (child, log, reader, line)
        });
        let (mut child, log, reader, line) = starting.await.expect("no panic");
        let Some((_, address)) = line.trim().split_once("http://") else {
            let _ = child.kill();
            let _ = child.wait();
            let _ = reader.join();
            panic!("matchcast did not start: {line}{}", log.lock().unwrap());
        };
        let address = address.parse().expect("an address");
        Self { address, child, log, reader: Some(reader) }
    }

    /// A client logged in as one of the demo users.
    pub async fn log_in(&self, name: &str) -> Client {
        let mut client = Client::new(self.address);
        client.log_in(&format!("{name}@example.com"), "password").await;
        client
    }

    /// Kills the process, as a power failure would, and returns its log.
    pub fn kill(mut self) -> String {
        self.kill_now()
    }

    fn kill_now(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let Some(reader) = self.reader.take() else { return String::new() };
        let _ = reader.join();
        let log = self.log();
        logs::save(&log);
        log
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Suspends the process until [`Process::wake`], as on a suspended machine.
    pub fn sleep(&self) {
        self.signal("-STOP");
    }

    pub fn wake(&self) {
        self.signal("-CONT");
    }

    /// Resident memory now, in MB. Linux only.
    pub fn resident_mb(&self) -> u64 {
        self.memory_mb("VmRSS:")
    }

    /// Memory that the process has allocated, in MB: without the pages of its program, which are
    /// more in a debug build, and which the system can drop. Linux only.
    pub fn allocated_mb(&self) -> u64 {
        self.memory_mb("RssAnon:")
    }

    /// The highest resident memory so far, in MB. Linux only.
    pub fn peak_resident_mb(&self) -> u64 {
        self.memory_mb("VmHWM:")
    }

    fn memory_mb(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib / 1024
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success(), "the process is running");
    }

    /// Stops the process gracefully and returns its log.
    pub async fn stop(mut self) -> String {
        self.signal("-TERM");
        let stopping = tokio::task::spawn_blocking(move || {
            let status = self.child.wait().expect("the process exits");
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

/// Runs `matchcast {arguments}` until it exits, and returns its exit code and its output (stdout
/// and then stderr). Arguments are separated by spaces.
pub async fn run(
    arguments: &str,
    database_url: &str,
    variables: &[(&str, String)],
) -> (i32, String) {
    let mut command = command(arguments, database_url, variables);
    let running = tokio::task::spawn_blocking(move || command.output().expect("the binary runs"));
    let output = running.await.expect("no panic");
    logs::save(&String::from_utf8_lossy(&output.stderr));
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// The binary of this build, or the one in `MATCHCAST_BIN`.
fn program() -> String {
    let given = std::env::var("MATCHCAST_BIN").ok().filter(|path| !path.is_empty());
    given.unwrap_or_else(|| env!("CARGO_BIN_EXE_matchcast").to_owned())
}

/// The command with a cleared environment, so that settings of the machine have no effect.
fn command(arguments: &str, database_url: &str, variables: &[(&str, String)]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments.split_whitespace());
    configure(command, database_url, variables)
}

fn configure(mut command: Command, database_url: &str, variables: &[(&str, String)]) -> Command {
    command
        .env_clear()
        .env("HOST", "127.0.0.1")
        .env("PORT", "0")
        .env("DATABASE_URL", database_url)
        .env("MATCHCAST__DEMO__TRADERS", "false")
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
    logs::record_secrets([("DATABASE_URL", database_url)]);
    logs::record_secrets(variables.iter().map(|(name, value)| (*name, value.as_str())));
    command
}
