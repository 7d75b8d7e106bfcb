//! Measures the release binary in a process of its own, over keep-alive connections. It publishes
//! only order.matched.

use std::time::Duration;

use crate::database::Database;
use crate::order_load::{self, Keys};
use crate::server::Server;
use crate::setup;

/// [`measure_memory`] records the memory after each step of this many orders.
const STEP: u64 = 100_000;
const STEPS: u64 = 10;

/// What [`measure`] has measured.
pub struct Measured {
    /// Orders with a response per second.
    pub rate: f64,
    /// The server's time on the processors for each of them, in microseconds. It changes less than
    /// the rate while the machine does other work.
    pub cpu_us: f64,
}

/// Places orders over HTTP in an empty database.
pub fn measure(
    database: &Database,
    connection: &str,
    keys: Keys,
    connections: usize,
    duration: Duration,
) -> Measured {
    setup::prepare(database);
    measure_prepared(database, connection, keys, connections, duration)
}

/// Places orders over HTTP in a database with users.
pub fn measure_prepared(
    database: &Database,
    connection: &str,
    keys: Keys,
    connections: usize,
    duration: Duration,
) -> Measured {
    let server = Server::start(database, &[("BROADCAST_CONNECTION", connection)]);
    order_load::use_tokens(&server.address);
    let cpu_idle = server.cpu_seconds();
    let responses = order_load::for_duration(&server.address, keys, connections, duration);
    Measured {
        rate: responses.per_second(),
        cpu_us: (server.cpu_seconds() - cpu_idle) * 1e6 / responses.count as f64,
    }
}

/// Places a million orders and returns the memory in MB before, and after each step.
pub fn measure_memory(database: &Database, connections: usize) -> Vec<(u64, f64)> {
    setup::prepare(database);
    let server = Server::start(database, &[("BROADCAST_CONNECTION", "embedded")]);
    let mut memory = vec![(0, server.memory_mb())];
    for step in 1..=STEPS {
        let has_more = move |count| count < STEP;
        order_load::run(&server.address, Keys::Without, connections, has_more);
        memory.push((step * STEP, server.memory_mb()));
    }
    memory
}
