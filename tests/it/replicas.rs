//! Read replicas: they answer reads, no read is older than its request, and one that lags, hangs or
//! is gone is left out.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::support::client::{Client, metric};
use crate::support::database::Database;
use crate::support::postgres_server::PostgresServer;
use crate::support::process::{Process, run};
use crate::support::{rounds, wait_for};
use crate::torture_faults::say_impossible;

const NO_PROGRAMS: &str = "the programs of a PostgreSQL server are missing";
const MAX_LAG: Duration = Duration::from_millis(200);

/// A primary, and a process that reads from its standby servers.
struct Setup {
    primary: PostgresServer,
    standbys: Vec<PostgresServer>,
    database: Database,
    process: Process,
}

impl Setup {
    async fn start(standbys: usize) -> Option<Self> {
        let primary = PostgresServer::start(&[])?;
        let standbys: Vec<_> = (0..standbys).map(|_| primary.start_standby()).collect();
        let database = Database::existing(primary.url());
        let process = Process::start(&database, &variables(&standbys)).await;
        let setup = Self { primary, standbys, database, process };
        for number in 1..=setup.standbys.len() {
            setup.wait_until_used(number, true).await;
        }
        Some(setup)
    }

    async fn metric(&self, name: &str) -> f64 {
        let text = Client::new(self.process.address).get("/metrics").await.body;
        metric(&text, name).unwrap_or_default()
    }

    async fn reads(&self, number: usize, outcome: &str) -> f64 {
        let labels = format!("{{replica=\"{number}\",outcome=\"{outcome}\"}}");
        self.metric(&format!("matchcast_replica_reads_total{labels}")).await
    }

    async fn wait_until_used(&self, number: usize, is_used: bool) {
        let name = format!("matchcast_replica_used{{replica=\"{number}\"}}");
        let wanted = f64::from(u8::from(is_used));
        wait_for("a replica to be used or left out", || async {
            let text = Client::new(self.process.address).get("/metrics").await.body;
            (metric(&text, &name) == Some(wanted)).then_some(())
        })
        .await;
    }

    async fn stop(self) {
        self.process.stop().await;
        self.database.audit();
    }
}

fn variables(standbys: &[PostgresServer]) -> Vec<(&'static str, String)> {
    let hosts: Vec<String> = standbys.iter().map(PostgresServer::address).collect();
    vec![
        ("BROADCAST_CONNECTION", "null".to_owned()),
        ("MATCHCAST__HTTP__METRICS", "true".to_owned()),
        ("DATABASE_READ_URL", format!("postgres://postgres@{}/postgres", hosts.join(","))),
        ("MATCHCAST__DATABASE__MAX_LAG_MS", MAX_LAG.as_millis().to_string()),
        // A replica may take a third of it.
        ("MATCHCAST__DATABASE__TIMEOUT_MS", "3000".to_owned()),
    ]
}

/// Places an order, the cheapest one of the book, and expects it in everything that its user reads
/// next.
async fn place_and_read(client: &Client) {
    static PRICE: AtomicU32 = AtomicU32::new(60_000);
    let price = PRICE.fetch_sub(1, Ordering::Relaxed);
    let placed = client.place("BTC", "sell", &price.to_string(), "0.001").await.data();
    let id = &placed["order"]["id"];
    let mine = client.get("/api/my-orders?limit=1").await.data();
    assert_eq!(mine[0]["id"], *id, "{mine}");
    let book = client.get("/api/orders?symbol=BTC").await.data();
    assert_eq!(book["asks"][0]["price"], price, "order {id}");
    let depth = client.get("/api/orderbook/BTC").await.data();
    assert_eq!(depth["asks"][0][0].as_f64(), Some(price.into()), "order {id}: {depth}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_replicas_contain_what_was_written_before() {
    let Some(setup) = Setup::start(2).await else {
        return say_impossible("read replicas", NO_PROGRAMS);
    };
    let alice = setup.process.log_in("alice").await;
    for _ in 0..rounds(40) {
        place_and_read(&alice).await;
    }
    for number in [1, 2] {
        let served = setup.reads(number, "served").await;
        assert!(served > 10.0, "replica {number} has served {served}");
    }
    // The audit reads a replica and records its result in the primary.
    let command = "audit --replica --json";
    let (code, output) = run(command, &setup.database.url, &variables(&setup.standbys)).await;
    assert_eq!(code, 0, "{output}");
    let line = output.lines().find(|line| line.starts_with('{')).expect("a line of JSON");
    let result: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&result["is_clean"], &result["is_recorded"]), (&true.into(), &true.into()));
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_lags_is_left_out_until_it_has_caught_up() {
    let Some(setup) = Setup::start(1).await else {
        return say_impossible("read replicas", NO_PROGRAMS);
    };
    let alice = setup.process.log_in("alice").await;
    place_and_read(&alice).await;
    setup.standbys[0].execute(&["SELECT pg_wal_replay_pause()"]);
    for _ in 0..3 {
        place_and_read(&alice).await;
    }
    assert!(setup.reads(1, "late").await >= 1.0, "it was late once");
    setup.wait_until_used(1, false).await;
    let lag = setup.metric("matchcast_replica_lag_seconds{replica=\"1\"}").await;
    assert!(lag >= MAX_LAG.as_secs_f64(), "{lag} s");
    let (served, started) = (setup.reads(1, "served").await, Instant::now());
    for _ in 0..10 {
        place_and_read(&alice).await;
    }
    assert_eq!(setup.reads(1, "served").await, served, "it is left out");
    assert!(started.elapsed() < 10 * MAX_LAG * 3, "no read waits for it: {:?}", started.elapsed());
    setup.standbys[0].execute(&["SELECT pg_wal_replay_resume()"]);
    setup.wait_until_used(1, true).await;
    place_and_read(&alice).await;
    assert!(setup.reads(1, "served").await > served);
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_hangs_or_is_gone_costs_no_read() {
    let Some(mut setup) = Setup::start(2).await else {
        return say_impossible("read replicas", NO_PROGRAMS);
    };
    let alice = setup.process.log_in("alice").await;
    place_and_read(&alice).await;
    let frozen = setup.standbys[0].freeze();
    for _ in 0..5 {
        place_and_read(&alice).await;
    }
    setup.wait_until_used(1, false).await;
    drop(frozen);
    setup.wait_until_used(1, true).await;
    place_and_read(&alice).await;

    drop(setup.standbys.remove(1));
    for _ in 0..5 {
        place_and_read(&alice).await;
    }
    setup.wait_until_used(2, false).await;
    let served = setup.reads(1, "served").await;
    place_and_read(&alice).await;
    assert!(setup.reads(1, "served").await > served, "the other one is used");
    drop(setup.standbys.remove(0));
    for _ in 0..5 {
        place_and_read(&alice).await;
    }
    assert!(setup.primary.message().is_some());
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_starts_without_its_replicas() {
    let Some(primary) = PostgresServer::start(&[]) else {
        return say_impossible("read replicas", NO_PROGRAMS);
    };
    let database = Database::existing(primary.url());
    let process = Process::start(&database, &variables(&[primary.start_standby()])).await;
    let alice = process.log_in("alice").await;
    place_and_read(&alice).await;
    process.stop().await;
    database.audit();
}
