//! PgBouncer between this program and PostgreSQL. Its session mode works, and so does its
//! transaction mode if sessions are set up and prepared statements are kept. Everything else is
//! refused in a sentence that says what to change.
//!
//! PGBOUNCER is the path of a version that keeps prepared statements, and OLD_PGBOUNCER, if there
//! is one, of a version that does not.

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
        Self::start_program(&new_pgbouncer(), database, "", settings).await
    }

    /// [`Self::start`] with these settings of the database.
    async fn start_program(
        program: &str,
        database: &Database,
        database_settings: &str,
        settings: &str,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the listener is bound").port();
        drop(listener);
        let server = reqwest::Url::parse(&database.url).expect("a URL");
        let name = server.path().trim_start_matches('/');
        let (host, user) = (server.host_str().unwrap_or("127.0.0.1"), server.username());
        let server_port = server.port().unwrap_or(5432);
        let ini = format!(
            "[databases]\n{name} = host={host} port={server_port} user={user} \
             {database_settings}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\n\
             unix_socket_dir =\n{settings}\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, ini).expect("a file");
        // The server's user may not enter the folder of the original.
        let copy = folder.path().join("pgbouncer");
        std::fs::copy(program, &copy).expect("PGBOUNCER is a program");
        make_readable(folder.path());
        let mut command = as_server_user(&copy);
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

fn new_pgbouncer() -> String {
    std::env::var("PGBOUNCER").expect("PGBOUNCER, see scripts/with-pgbouncer.sh")
}

/// Sessions are used in turn, so that no transaction follows another one of its connection.
const TRANSACTION_MODE: &str = "pool_mode = transaction\nmax_prepared_statements = 200\n\
    server_round_robin = 1\nmin_pool_size = 4\ndefault_pool_size = 8";

/// What a start behind this pooler prints. It fails.
async fn refusal(pooler: &Pooler) -> String {
    let (code, output) = process::run("serve", &pooler.url, &[]).await;
    assert_eq!(code, 1, "{output}");
    output
}

/// Starts behind a pooler in transaction mode that has the settings which the refusal names.
async fn set_up_as_told(database: &Database) -> Pooler {
    let program = new_pgbouncer();
    let output = refusal(&Pooler::start(database, TRANSACTION_MODE).await).await;
    assert!(output.contains("are not set up ("), "{output}");
    let from = output.find("connect_query='").expect("the query");
    let query = output[from..].splitn(3, '\'').take(2).collect::<Vec<_>>().join("'") + "'";
    for file in
        [include_str!("../../docs/OPERATIONS.md"), include_str!("../../ops/pgbouncer.ini.template")]
    {
        assert!(file.contains(&query), "operators copy another one than {query}");
    }
    Pooler::start_program(&program, database, &query, TRANSACTION_MODE).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modes_that_lose_statements_or_transactions_are_refused() {
    let database = Database::postgres();
    let old = std::env::var("OLD_PGBOUNCER").ok();
    let new = new_pgbouncer();
    let statements = "max_prepared_statements above 0";
    let rows = [
        (Some(&new), "pool_mode = transaction\nmax_prepared_statements = 0", statements),
        (
            Some(&new),
            "pool_mode = transaction\nmax_prepared_statements = 0\nserver_round_robin = 1\n\
             min_pool_size = 3",
            statements,
        ),
        (Some(&new), "pool_mode = statement\nmax_prepared_statements = 200", "statement mode"),
        (old.as_ref(), "pool_mode = transaction", statements),
        (old.as_ref(), "pool_mode = transaction\nserver_round_robin = 1", statements),
    ];
    for (program, settings, expected) in rows {
        let Some(program) = program else { continue };
        let pooler = Pooler::start_program(program, &database, "", settings).await;
        let output = refusal(&pooler).await;
        assert!(output.contains(expected), "{program}, {settings}: {output}");
        assert!(output.contains("pool_mode"), "{program}, {settings}: {output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transaction_mode_works_when_sessions_are_set_up() {
    let database = Database::postgres();
    let pooler = set_up_as_told(&database).await;
    let variables = [("DATABASE_URL", pooler.url.clone())];
    let [one, two] =
        [Process::start(&database, &variables).await, Process::start(&database, &variables).await];
    let sells = async {
        let bob = one.log_in("bob").await;
        for _ in 0..40 {
            assert_eq!(bob.place("ETH", "sell", "100", "0.1").await.status, 200);
        }
    };
    let buys = async {
        let alice = two.log_in("alice").await;
        for _ in 0..40 {
            assert_eq!(alice.place("ETH", "buy", "100", "0.1").await.status, 200);
            assert_eq!(alice.get("/api/my-orders").await.status, 200);
            assert_eq!(alice.get("/api/orders?symbol=ETH").await.status, 200);
        }
    };
    tokio::join!(sells, buys);
    let (code, output) = process::run("audit", &pooler.url, &[]).await;
    assert_eq!(code, 0, "{output}");
    one.stop().await;
    two.stop().await;
    assert_eq!(database.trades().len(), 40);
    assert_eq!(database.pending_count(), 0);
    database.audit();
}

/// The server says what another client of the pooler finds in its sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_in_sessions_that_others_use() {
    let database = Database::postgres();
    let pooler = set_up_as_told(&database).await;
    let settings = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings \
         WHERE name IN ('lock_timeout', 'statement_timeout', 'enable_nestloop', 'enable_seqscan', \
         'idle_in_transaction_session_timeout')";
    let expected = "enable_nestloop=on enable_seqscan=off \
         idle_in_transaction_session_timeout=30000 lock_timeout=5000 statement_timeout=10000";
    let through_pooler = Database::existing(pooler.url.clone());
    for command in ["migrate", "audit"] {
        let (code, output) = process::run(command, &pooler.url, &[]).await;
        assert_eq!(code, 0, "{command}: {output}");
        // More than there are sessions.
        for _ in 0..16 {
            through_pooler.assert(&format!("({settings}) = '{expected}'"));
        }
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
