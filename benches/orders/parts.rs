//! The parts that measure orders in an empty database: what is measured in turn, and what is
//! recorded.

use serde_json::json;

use crate::baseline::Baseline;
use crate::ceiling::{self, Ceiling, ForeignKeys};
use crate::database::Database;
use crate::databases;
use crate::engine as typed;
use crate::http as binary;
use crate::options::Options;
use crate::order_load::Keys;
use crate::recorder::Recorder;
use crate::steps::StepMetrics;

/// Numbers of concurrent clients. Each waits for the result before it sends the next order.
const CLIENTS: [usize; 4] = [1, 16, 64, 256];
/// The most clients of pgbench: a server accepts a hundred connections by default.
const MAX_BASELINE_CLIENTS: usize = 64;
const CONNECTIONS: usize = 256;

/// The engine against the baseline and the ceiling.
pub fn engine(options: Options) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let metrics = StepMetrics::start();
    let mut recorder = Recorder::create("engine");
    for repetition in 1..=options.repetitions {
        for &clients in options.size(&CLIENTS[..], &CLIENTS[2..]) {
            let parameters = json!({ "clients": clients });
            if clients <= MAX_BASELINE_CLIENTS {
                for baseline in Baseline::ALL {
                    let rate = baseline.measure(clients, options.duration);
                    let name = format!("baseline_{}", baseline.name());
                    recorder.record(&name, parameters.clone(), repetition, rate);
                }
            }
            for (name, create) in databases::all() {
                let database = create();
                let before = metrics.seconds();
                let committed = typed::measure(&database, clients, options.duration);
                let committed = runtime.block_on(committed);
                let steps = metrics.since(&before);
                database.audit();
                let parameters = json!({ "database": name, "clients": clients });
                recorder.record("engine", parameters, repetition, committed.per_second());
                for (step, seconds) in steps {
                    let parameters = json!({ "database": name, "clients": clients, "step": step });
                    let per_order = seconds * 1e6 / committed.orders as f64;
                    recorder.record("engine_step_us", parameters, repetition, per_order);
                }
            }
        }
        for (name, keys) in [("kept", ForeignKeys::Kept), ("dropped", ForeignKeys::Dropped)] {
            let ceiling = ceiling::measure(keys, options.duration / 2, options.duration);
            let Ceiling { orders_per_second, rows_per_order } = runtime.block_on(ceiling);
            let parameters = json!({ "foreign_keys": name });
            recorder.record("ceiling", parameters, repetition, orders_per_second);
            for (rows, count) in rows_per_order.iter().filter(|(_, count)| **count > 0.0005) {
                let parameters = json!({ "foreign_keys": name, "rows": rows });
                recorder.record("ceiling_rows_per_order", parameters, repetition, *count);
            }
        }
    }
}

/// The binary over HTTP, against its engine.
pub fn http(options: Options) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut recorder = Recorder::create("http");
    for repetition in 1..=options.repetitions {
        for (name, create) in databases::all() {
            let database = create();
            let engine = typed::measure(&database, CONNECTIONS, options.duration);
            let parameters = json!({ "database": name, "clients": CONNECTIONS });
            let rate = runtime.block_on(engine).per_second();
            recorder.record("engine", parameters, repetition, rate);
            database.audit();
            for (events, keys) in
                [("null", Keys::Without), ("embedded", Keys::Without), ("null", Keys::With)]
            {
                let database = create();
                let duration = options.duration;
                let measured = binary::measure(&database, events, keys, CONNECTIONS, duration);
                database.audit();
                let keys = if keys == Keys::With { "with" } else { "without" };
                let parameters = json!({
                    "database": name, "connections": CONNECTIONS, "events": events, "keys": keys,
                });
                recorder.record("http", parameters.clone(), repetition, measured.rate);
                recorder.record("http_cpu_us", parameters, repetition, measured.cpu_us);
            }
        }
        if options.is_short {
            continue;
        }
        let ceiling = ceiling::measure(ForeignKeys::Kept, options.duration / 2, options.duration);
        let ceiling = runtime.block_on(ceiling).orders_per_second;
        recorder.record("ceiling", json!({ "foreign_keys": "kept" }), repetition, ceiling);
    }
}

/// The memory while a million orders are placed.
pub fn memory() {
    let mut recorder = Recorder::create("memory");
    let database = Database::sqlite();
    for (orders, memory) in binary::measure_memory(&database, CONNECTIONS) {
        recorder.record("memory_mb", json!({ "orders": orders }), 1, memory);
    }
}
