//! PgBouncer between this program and PostgreSQL: its session mode works, and the modes in which
//! clients share sessions of the server are refused.

use std::path::Path;
use std::process::{Child, Stdio};

use tokio::net::TcpStream;

use crate::support::database::Database;
use crate::support::postgres_server::{as_server_user, make_readable};
use crate::support::process::{self, Process};
use crate::support::wait_for;

/// PgBouncer in front of a test database. It ends when this is dropped.
struct Pooler {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Pooler {
    /// Starts PgBouncer with these settings, among them `pool_mode`.
    async fn start(database: &Database, settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the listener is bound").port();
        drop(listener);
        let server = reqwest::Url::parse(&database.url).expect("a URL");
        let name = server.path().trim_start_matches('/');
        let (host, user) = (server.host_str().unwrap_or("127.0.0.1"), server.username());
        let server_port = server.port().unwrap_or(5432);
        let ini = format!(
            "[databases]\n{name} = host={host} port={server_port} user={user}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\n\
             unix_socket_dir =\n{settings}\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, ini).expect("a file");
        make_readable(folder.path());
        let mut command = as_server_user(Path::new("pgbouncer"));
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("PgBouncer is installed");
        let url = format!("postgres://{user}@127.0.0.1:{port}/{name}");
        let pooler = Self { process, url, _folder: folder };
        wait_for("PgBouncer", || async {
            TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop)
        })
        .await;
        pooler
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modes_that_share_sessions_are_refused() {
    let database = Database::postgres();
    for settings in [
        "pool_mode = transaction",
        "pool_mode = transaction\nserver_round_robin = 1\nmin_pool_size = 3",
        "pool_mode = statement",
    ] {
        let pooler = Pooler::start(&database, settings).await;
        let (code, output) = process::run("serve", &pooler.url, &[]).await;
        assert_eq!(code, 1, "{settings}: {output}");
        assert!(output.contains("pool_mode = session"), "{settings}: {output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_mode_works() {
    let database = Database::postgres();
    let pooler = Pooler::start(&database, "pool_mode = session\ndefault_pool_size = 50").await;
    let variables = [("DATABASE_URL", pooler.url.clone())];
    let process = Process::start(&database, &variables).await;
    let [alice, bob] = [process.log_in("alice").await, process.log_in("bob").await];
    for _ in 0..20 {
        assert_eq!(bob.place("ETH", "sell", "100", "0.1").await.status, 200);
        assert_eq!(alice.place("ETH", "buy", "100", "0.1").await.status, 200);
    }
    process.stop().await;
    assert_eq!(database.trades().len(), 20);
    database.audit();
}
