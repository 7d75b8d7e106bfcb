//! Measures the idle binary: the time until it is ready, its memory, and its size without symbols.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::connection::Connection;
use crate::databases;
use crate::options::Options;
use crate::recorder::Recorder;
use crate::server::{self, Server};

const REQUEST: &[u8] = b"GET /ready HTTP/1.1\r\nhost: bench\r\n\r\n";
/// The memory is read when nothing has happened for this long.
const IDLE: Duration = Duration::from_secs(2);
const MB: f64 = 1024.0 * 1024.0;

pub fn measure(options: Options) {
    let mut recorder = Recorder::create("process");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for repetition in 1..=options.repetitions {
        for (name, create) in databases::all() {
            let database = create();
            let parameters = json!({ "database": name });
            // The first start migrates the database, which later ones need not.
            for (metric, measures_memory) in [("first_start_s", false), ("start_s", true)] {
                let started = Instant::now();
                let server = Server::start(&database, &[("BROADCAST_CONNECTION", "null")]);
                runtime.block_on(wait_until_ready(&server.address));
                let elapsed = started.elapsed().as_secs_f64();
                recorder.record(metric, parameters.clone(), repetition, elapsed);
                if measures_memory {
                    let idle = options.size(IDLE, IDLE / 10);
                    runtime.block_on(async { tokio::time::sleep(idle).await });
                    let memory = server.memory_mb();
                    recorder.record("idle_memory_mb", parameters.clone(), repetition, memory);
                }
            }
        }
    }
    recorder.record("binary_mb", json!({}), 1, stripped_size() as f64 / MB);
}

async fn wait_until_ready(address: &str) {
    let mut connection = Connection::open(address).await;
    while connection.send(REQUEST).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// In bytes. `strip` belongs to the linker's package.
fn stripped_size() -> u64 {
    let copy = tempfile::NamedTempFile::new().expect("a temporary file");
    let strip =
        Command::new("strip").arg("-o").args([copy.path(), Path::new(server::PROGRAM)]).status();
    assert!(strip.expect("strip is installed").success(), "strip failed");
    copy.path().metadata().expect("the stripped binary").len()
}
