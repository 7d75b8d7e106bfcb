//! The program as it is served: the release binary in a process of its own, over keep-alive
//! connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::server::{Connection, Server};
use crate::setup;

/// How often the orders of [`million`] are counted.
const STEP: u64 = 100_000;

/// Answered orders per second, and what that took of memory.
pub async fn measure(
    database: &Database,
    connection: &str,
    connections: usize,
    duration: Duration,
) -> (f64, String) {
    setup::prepare(database);
    let server = Server::start(database, &[("BROADCAST_CONNECTION", connection)]);
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
    let server = Server::start(database, &[("BROADCAST_CONNECTION", "embedded")]);
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
                let mut connection = Connection::open(&address).await;
                while go_on(answered.load(Ordering::Relaxed)) {
                    connection.exchange(&setup::request(&setup::random_order())).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a client runs to its end");
    }
}
