//! Measures the release binary in a process of its own, over keep-alive connections. It publishes
//! only order.matched.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::server::{Connection, Server};
use crate::setup;

/// [`measure_memory`] prints the memory after each step of this many orders.
const STEP: u64 = 100_000;

/// Whether each order has an idempotency key and a client order id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    Without,
    With,
}

/// What [`measure`] has measured.
pub struct Measured {
    /// Orders with a response per second.
    pub rate: f64,
    /// The server's time on the processors for each of them, in microseconds. It changes less than
    /// the rate while the machine does other work.
    pub cpu_us: f64,
    /// The memory in MB before and after.
    pub memory: String,
}

/// Places orders over HTTP.
pub async fn measure(
    database: &Database,
    connection: &str,
    keys: Keys,
    connections: usize,
    duration: Duration,
) -> Measured {
    setup::prepare(database);
    let server = Server::start(database, &[("BROADCAST_CONNECTION", connection)]);
    let (idle, cpu_idle) = (server.memory_mb(), server.cpu_seconds());
    let responses = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let until = move |_: u64| started.elapsed() < duration;
    run_clients(&server, keys, connections, &responses, until).await;
    let orders = responses.load(Ordering::Relaxed) as f64;
    Measured {
        rate: orders / started.elapsed().as_secs_f64(),
        cpu_us: (server.cpu_seconds() - cpu_idle) * 1e6 / orders,
        memory: format!("idle={idle} after={}", server.memory_mb()),
    }
}

/// Places a million orders and prints the memory after each step.
pub async fn measure_memory(database: &Database, connections: usize) {
    setup::prepare(database);
    let server = Server::start(database, &[("BROADCAST_CONNECTION", "embedded")]);
    println!("memory_mb orders=0 value={}", server.memory_mb());
    let responses = Arc::new(AtomicU64::new(0));
    for step in 1..=10 {
        let goal = step * STEP;
        let until = move |count| count < goal;
        run_clients(&server, Keys::Without, connections, &responses, until).await;
        println!("memory_mb orders={goal} value={}", server.memory_mb());
    }
}

async fn run_clients(
    server: &Server,
    keys: Keys,
    connections: usize,
    responses: &Arc<AtomicU64>,
    has_more: impl Fn(u64) -> bool + Copy + Send + 'static,
) {
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let (address, responses) = (server.address.clone(), responses.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(&address).await;
                while has_more(responses.load(Ordering::Relaxed)) {
                    connection.exchange(&request(keys)).await;
                    responses.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no client panics");
    }
}

fn request(keys: Keys) -> String {
    static LAST_NAME: AtomicU64 = AtomicU64::new(0);
    let order = setup::random_order();
    match keys {
        Keys::Without => setup::request(&order),
        Keys::With => setup::request_with_key(&order, LAST_NAME.fetch_add(1, Ordering::Relaxed)),
    }
}
