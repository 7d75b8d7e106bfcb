//! Measures the binary with a database that is some milliseconds away.

use std::time::Duration;

use serde_json::{Value, json};

use crate::database::Database;
use crate::http;
use crate::options::Options;
use crate::order_load::Keys;
use crate::read_load::Read;
use crate::recorder::Recorder;
use crate::relay::{self, Relay};
use crate::server::Server;
use crate::setup;

/// Round trips to the database in microseconds. The first one is without a relay.
const DISTANCES_US: [u64; 5] = [0, 500, 1_000, 2_300, 5_000];
/// The distance at which more is measured: another zone of the same region.
const FAR_US: u64 = 2_300;
const CONNECTIONS: usize = 256;
/// Connections at [`FAR_US`], besides [`CONNECTIONS`].
const OTHER_CONNECTIONS: [usize; 3] = [1, 64, 1_000];
const READERS: usize = 64;

/// The parameter `distance_ms` is the intended distance; `round_trip_ms` is what was measured.
pub fn measure(options: Options) {
    let mut recorder = Recorder::create("distance");
    for repetition in 1..=options.repetitions {
        for &distance in options.size(&DISTANCES_US[..], &DISTANCES_US[3..4]) {
            let mut numbers = vec![CONNECTIONS];
            if distance == 0 || distance == FAR_US {
                numbers.extend(options.size(&OTHER_CONNECTIONS[..], &OTHER_CONNECTIONS[2..]));
            }
            for connections in numbers {
                let database = Database::postgres();
                setup::prepare(&database);
                let parameters = json!({
                    "distance_ms": distance as f64 / 1e3, "connections": connections,
                });
                at(&database, distance, |far| {
                    if connections == CONNECTIONS {
                        let ms = relay::round_trip(far).as_secs_f64() * 1e3;
                        recorder.record("round_trip_ms", parameters.clone(), repetition, ms);
                    }
                    let (events, keys) = ("null", Keys::Without);
                    let duration = options.duration;
                    let measured = http::measure_prepared(far, events, keys, connections, duration);
                    recorder.record("http", parameters.clone(), repetition, measured.rate);
                });
                database.audit();
            }
        }
        profile(options, &mut recorder, repetition);
    }
}

/// Calls `measure` with the database at this distance.
fn at(database: &Database, distance_us: u64, mut measure: impl FnMut(&Database)) {
    if distance_us == 0 {
        measure(database);
    } else {
        let relay = Relay::start(database, Duration::from_micros(distance_us));
        measure(&relay.database);
    }
}

/// A read that always asks the database.
fn profile(options: Options, recorder: &mut Recorder, repetition: u32) {
    let database = Database::postgres();
    setup::prepare(&database);
    for distance in [0, FAR_US] {
        let parameters: Value = json!({
            "path": "/api/profile", "connections": READERS, "distance_ms": distance as f64 / 1e3,
        });
        at(&database, distance, |far| {
            let server = Server::start(far, &[("BROADCAST_CONNECTION", "null")]);
            let read = Read { path: "/api/profile", user: 1, encoding: "", is_conditional: false };
            let reads = read.measure(&server.address, READERS, options.duration);
            recorder.record("reads", parameters.clone(), repetition, reads.per_second);
        });
    }
}
