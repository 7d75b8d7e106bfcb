//! Orders per second, beside the floor, in one run on one machine.
//!
//! The workload is the floor's (benches/floor): a thousand users, one price, one size, a random
//! side, so that half of the orders cross. First the engine alone with 1, 16, 64 and 256 waiting
//! clients, then the program through HTTP with 256 keep-alive connections. After each measurement
//! the books are audited: a figure for wrong work would mean nothing.
//!
//! `cargo bench -- engine`, `-- http` or `-- memory` (a million orders) runs one part. SECONDS_EACH
//! bounds each measurement; FLOOR_FILE names the floor's output; TEST_DATABASE_URL names
//! PostgreSQL.

#![expect(clippy::print_stdout, reason = "the figures are the output")]

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/support/database.rs"]
mod database;
mod engine;
mod http;
#[path = "../common/server.rs"]
mod server;
#[path = "../common/setup.rs"]
mod setup;

use std::time::Duration;

use database::Database;

/// Clients that wait for answers, each with one order under way.
const CLIENTS: [usize; 4] = [1, 16, 64, 256];
const HTTP_CONNECTIONS: usize = 256;

/// The best figure of one transaction per order, in the usual several statements and in one call.
#[derive(Clone, Copy, Default)]
struct Floor {
    statements: Option<f64>,
    function: Option<f64>,
}

impl Floor {
    fn read() -> Self {
        let text =
            std::env::var("FLOOR_FILE").ok().and_then(|path| std::fs::read_to_string(path).ok());
        let text = text.unwrap_or_default();
        let best = |name: &str| {
            let of_name = text.lines().filter(|line| line.split(' ').next() == Some(name));
            let values =
                of_name.filter_map(|line| line.split("value=").nth(1)?.trim().parse().ok());
            values.reduce(f64::max)
        };
        Self {
            statements: best("floor_orders_per_second"),
            function: best("floor_function_orders_per_second"),
        }
    }

    fn report(self, name: &str, database: &str, clients: usize, per_second: f64) {
        let ratio = |floor: Option<f64>| {
            floor.map_or_else(|| "unknown".to_owned(), |floor| format!("{:.1}", per_second / floor))
        };
        println!(
            "{name}_orders_per_second database={database} clients={clients} value={per_second:.0} \
             ratio_to_floor={} ratio_to_function={}",
            ratio(self.statements),
            ratio(self.function)
        );
    }
}

/// Its name, and how to make an empty one.
type Kind = (&'static str, fn() -> Database);

/// The databases to measure. PostgreSQL where there is one; `make bench` sees to that.
fn databases() -> Vec<Kind> {
    let mut all: Vec<Kind> = vec![("sqlite", Database::sqlite)];
    if std::env::var_os("TEST_DATABASE_URL").is_some() {
        all.insert(0, ("postgres", Database::postgres));
    }
    all
}

fn main() {
    let part = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let seconds = std::env::var("SECONDS_EACH").ok().and_then(|text| text.parse().ok());
    let duration = Duration::from_secs(seconds.unwrap_or(5));
    let floor = Floor::read();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (name, make) in databases() {
        if wanted("engine") {
            for clients in CLIENTS {
                let database = make();
                let rate = runtime.block_on(engine::measure(&database, clients, duration));
                floor.report("engine", name, clients, rate);
                database.audit();
            }
        }
        if wanted("http") {
            for connection in ["null", "embedded"] {
                let database = make();
                let measured = http::measure(&database, connection, HTTP_CONNECTIONS, duration);
                let (rate, memory) = runtime.block_on(measured);
                floor.report(&format!("http_{connection}"), name, HTTP_CONNECTIONS, rate);
                println!("http_{connection}_memory_mb database={name} {memory}");
                database.audit();
            }
        }
    }
    if part.as_deref() == Some("memory") {
        let database = Database::sqlite();
        runtime.block_on(http::million(&database, HTTP_CONNECTIONS));
    }
}
