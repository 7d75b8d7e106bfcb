//! A PostgreSQL server of one test, which may freeze it, change its settings, or promote a standby.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;

use super::DEADLINE;

/// A running server. Dropping it stops the server and removes its files.
pub struct PostgresServer {
    folder: TempDir,
    port: u16,
    postmaster: Child,
}

/// The folder with the newest server programs, as Debian installs them.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.map_while(Result::ok).map(|version| version.path().join("bin"));
    folders.filter(|bin| bin.join("postgres").exists() && bin.join("initdb").exists()).max()
}

/// Lets the user of the server read a folder of the test.
pub fn make_readable(folder: &Path) {
    let mut chmod = Command::new("chmod");
    chmod.args(["-R", "a+rX"]).arg(folder);
    run(chmod);
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt;
        own.uid() == 0
    })
}

fn command(program: &Path) -> Command {
    let mut command = as_server_user(program);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// PostgreSQL and PgBouncer refuse to run as root, so root runs them as user `postgres`.
pub fn as_server_user(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
        // The kernel stops the server if this test is killed.
        command.args(["--pdeathsig", "INT", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(mut command: Command) {
    let status = command.status().expect("the program starts");
    assert!(status.success(), "{command:?}: {status}");
}

fn new_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if is_root() {
        let mut chown = Command::new("chown");
        chown.arg("postgres").arg(folder.path());
        run(chown);
    }
    folder
}

impl PostgresServer {
    /// A new cluster, or `None` on a machine without the programs of a server.
    pub fn start(variables: &[(&str, &str)]) -> Option<Self> {
        let programs = programs()?;
        let folder = new_folder();
        let mut initdb = command(&programs.join("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        initdb.args(["--no-sync", "--pgdata"]).arg(folder.path().join("data"));
        run(initdb);
        Some(Self::start_in(folder, &programs, variables))
    }

    /// A server that writes German, and the folder with its locale, or `None` on a machine that
    /// cannot have one.
    pub fn start_german() -> Option<(Self, TempDir)> {
        let locales = tempfile::tempdir().expect("a temporary folder");
        let locale = locales.path().join("de_DE.UTF-8");
        let mut localedef = Command::new("localedef");
        // It exits with 1 after a warning.
        let _ = localedef.args(["-c", "-i", "de_DE", "-f", "UTF-8"]).arg(&locale).output();
        if !locale.exists() {
            return None;
        }
        make_readable(locales.path());
        let path = locales.path().display().to_string();
        let server = Self::start(&[("LOCPATH", &path)])?;
        let set = "ALTER SYSTEM SET lc_messages = 'de_DE.UTF-8'";
        server.execute(&[set, "SELECT pg_reload_conf()"]);
        Some((server, locales))
    }

    /// A standby that receives everything this server commits.
    pub fn start_standby(&self) -> Self {
        let programs = programs().expect("they started this server");
        let folder = new_folder();
        let mut backup = command(&programs.join("pg_basebackup"));
        backup.args(["--write-recovery-conf", "--no-sync", "--checkpoint=fast", "--pgdata"]);
        backup.arg(folder.path().join("data")).arg("--dbname").arg(self.url());
        run(backup);
        Self::start_in(folder, &programs, &[])
    }

    fn start_in(folder: TempDir, programs: &Path, variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the listener is bound").port();
        drop(listener);
        let mut postgres = command(&programs.join("postgres"));
        postgres.arg("-D").arg(folder.path().join("data")).args(["-p", &port.to_string()]);
        postgres.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        postgres.envs(variables.iter().copied());
        let postmaster = postgres.spawn().expect("the server starts");
        let server = Self { folder, port, postmaster };
        let started = Instant::now();
        while PgConnection::establish(&server.url()).is_err() {
            assert!(started.elapsed() < DEADLINE, "the PostgreSQL server does not accept clients");
            std::thread::yield_now();
        }
        server
    }

    /// The URL of its maintenance database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Runs statements, each in a transaction of its own.
    pub fn execute(&self, statements: &[&str]) {
        let mut connection = PgConnection::establish(&self.url()).expect("the server");
        for statement in statements {
            connection.batch_execute(statement).expect(statement);
        }
    }

    /// The text of an error, in the language of the server.
    pub fn message(&self) -> Option<String> {
        let mut connection = PgConnection::establish(&self.url()).ok()?;
        Some(connection.batch_execute("SELECT 1 / 0").expect_err("division by zero").to_string())
    }

    /// Suspends all its processes until the guard is dropped.
    pub fn freeze(&self) -> FrozenServer<'_> {
        // The first one begins no others after this.
        self.signal("-STOP", &[self.postmaster.id().to_string()]);
        self.signal("-STOP", &self.children());
        FrozenServer(self)
    }

    fn children(&self) -> Vec<String> {
        let id = self.postmaster.id();
        let path = format!("/proc/{id}/task/{id}/children");
        let children = std::fs::read_to_string(path).expect("the server is running");
        children.split_whitespace().map(str::to_owned).collect()
    }

    /// A child may have ended by itself, which is no failure.
    fn signal(&self, signal: &str, processes: &[String]) {
        let mut kill = Command::new("kill");
        let _ = kill.arg(signal).args(processes).stderr(Stdio::null()).status();
    }
}

/// Lets a server go on when it is dropped.
pub struct FrozenServer<'a>(&'a PostgresServer);

impl Drop for FrozenServer<'_> {
    fn drop(&mut self) {
        self.0.signal("-CONT", &self.0.children());
        self.0.signal("-CONT", &[self.0.postmaster.id().to_string()]);
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // An immediate shutdown: nothing is needed any more.
        self.signal("-QUIT", &[self.postmaster.id().to_string()]);
        let _ = self.postmaster.wait();
        debug_assert!(self.folder.path().exists());
    }
}
