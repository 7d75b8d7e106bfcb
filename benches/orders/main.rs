//! Measures orders per second, compared with the baseline, in one run on one machine.
//!
//! The workload is the one of benches/baseline: a thousand users, one price, one amount and a
//! random side, so that half of the orders trade on arrival. The first part measures the engine
//! with 1, 16, 64 and 256 concurrent clients, the second the binary over HTTP with 256 keep-alive
//! connections, and again with an idempotency key and a client order id on every order. After each
//! measurement the audit verifies the accounts; a figure for wrong results would be worthless.
//!
//! `cargo bench -- engine`, `-- http` or `-- memory` (a million orders) runs one part. SECONDS_EACH
//! limits each measurement, FLOOR_FILE is the output of scripts/baseline.sh, TEST_DATABASE_URL is
//! the PostgreSQL server.

#![expect(clippy::print_stdout, reason = "prints its measurements")]

#[allow(dead_code, reason = "other parts are for the tests")]
#[path = "../../tests/support/database.rs"]
mod database;
#[path = "../common/databases.rs"]
mod databases;
mod engine;
mod http;
#[path = "../common/server.rs"]
mod server;
#[path = "../common/setup.rs"]
mod setup;

use std::time::Duration;

use database::Database;
use http::Keys;

/// Numbers of concurrent clients. Each waits for the result before it sends the next order.
const CLIENTS: [usize; 4] = [1, 16, 64, 256];
const HTTP_CONNECTIONS: usize = 256;

/// The best figures of one transaction per order: with several statements, and with one function
/// call. `None` if it was not measured.
#[derive(Clone, Copy, Default)]
struct Baseline {
    statements: Option<f64>,
    function: Option<f64>,
}

impl Baseline {
    fn read() -> Self {
        let text =
            std::env::var("FLOOR_FILE").ok().and_then(|path| std::fs::read_to_string(path).ok());
        let text = text.unwrap_or_default();
        let best = |name: &str| {
            let lines = text.lines().filter(|line| line.split(' ').next() == Some(name));
            let values = lines.filter_map(|line| line.split("value=").nth(1)?.trim().parse().ok());
            values.reduce(f64::max)
        };
        Self {
            statements: best("baseline_orders_per_second"),
            function: best("baseline_function_orders_per_second"),
        }
    }

    fn report(self, name: &str, database: &str, clients: usize, per_second: f64) {
        let ratio = |baseline: Option<f64>| {
            baseline
                .map_or_else(|| "unknown".to_owned(), |value| format!("{:.1}", per_second / value))
        };
        println!(
            "{name}_orders_per_second database={database} clients={clients} value={per_second:.0} \
             ratio_to_baseline={} ratio_to_function={}",
            ratio(self.statements),
            ratio(self.function)
        );
    }
}

fn main() {
    let part = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let runs = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let seconds = std::env::var("SECONDS_EACH").ok().and_then(|text| text.parse().ok());
    let duration = Duration::from_secs(seconds.unwrap_or(5));
    let baseline = Baseline::read();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (name, create) in databases::all() {
        if runs("engine") {
            for clients in CLIENTS {
                let database = create();
                let rate = runtime.block_on(engine::measure(&database, clients, duration));
                baseline.report("engine", name, clients, rate);
                database.audit();
            }
        }
        if runs("http") {
            let mut without_keys: Option<http::Measured> = None;
            for (part, connection, keys) in [
                ("http_null", "null", Keys::Without),
                ("http_null_keys", "null", Keys::With),
                ("http_embedded", "embedded", Keys::Without),
            ] {
                let database = create();
                let measured =
                    http::measure(&database, connection, keys, HTTP_CONNECTIONS, duration);
                let measured = runtime.block_on(measured);
                baseline.report(part, name, HTTP_CONNECTIONS, measured.rate);
                println!("{part}_memory_mb database={name} {}", measured.memory);
                println!("{part}_cpu_us_per_order database={name} value={:.1}", measured.cpu_us);
                match (keys, &without_keys) {
                    (Keys::With, Some(without)) => {
                        let (rate, cpu) =
                            (measured.rate / without.rate, without.cpu_us / measured.cpu_us);
                        println!("{part}_ratio database={name} value={rate:.2} by_cpu={cpu:.2}");
                    }
                    _ => without_keys = Some(measured),
                }
                database.audit();
            }
        }
    }
    if part.as_deref() == Some("memory") {
        let database = Database::sqlite();
        runtime.block_on(http::measure_memory(&database, HTTP_CONNECTIONS));
    }
}
