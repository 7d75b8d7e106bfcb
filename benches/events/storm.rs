//! Measures a thousand pages that read after each of their events, while orders trade.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::database::Database;
use crate::latency;
use crate::load::{self, TradedOrder};
use crate::options::Options;
use crate::page::{self, Observations};
use crate::provider::APP;
use crate::recorder::Recorder;
use crate::server::Server;
use crate::setup;

const TRADES_PER_SECOND: u32 = 100;
/// Connections that place the orders.
const CONNECTIONS: u32 = 20;
/// A measurement takes this many times as long as others.
const LENGTH: u32 = 5;
/// Fails a measurement whose trades are far from the intended rate.
const LEAST_RATE: f64 = 0.5;
const PERCENTILES: [usize; 3] = [50, 99, 100];
const VARIABLES: [(&str, &str); 5] = [
    ("BROADCAST_CONNECTION", "embedded"),
    ("MATCHCAST__EVENTS__TRADE_EXECUTED", "true"),
    ("MATCHCAST__EVENTS__BOOK_UPDATED", "true"),
    ("MATCHCAST__EMBEDDED__CONNECTIONS", "2000"),
    ("MATCHCAST__EMBEDDED__CONNECTIONS_PER_ADDRESS", "2000"),
];

/// Each page is of another user. The pages have a thread of their own, so that the times of the
/// orders do not contain waits for it.
pub fn measure(options: Options) {
    let mut recorder = Recorder::create("storm");
    for repetition in 1..=options.repetitions {
        let database = Database::postgres();
        setup::prepare(&database);
        let server = Server::start(&database, &[&VARIABLES[..], &APP].concat());
        let pages = options.size(setup::USERS, setup::USERS / 10);
        let (observations, mut times) = Observations::new();
        let idle = server.memory_mb();
        let open = Pages::open(&server.address, pages, &observations);
        let start = server.memory_mb();
        let half = options.duration * LENGTH / 2;
        let mut orders = place_orders(&server.address, half);
        let middle = server.memory_mb();
        orders.extend(place_orders(&server.address, half));
        let end = server.memory_mb();
        drop(open);
        for (at, memory) in [("idle", idle), ("start", start), ("half", middle), ("end", end)] {
            recorder.record("memory_mb", json!({ "at": at }), repetition, memory);
        }
        let reads = drain(&mut times);
        let seconds = (half * 2).as_secs_f64();
        let rate = orders.len() as f64 / seconds;
        assert!(rate > f64::from(TRADES_PER_SECOND) * LEAST_RATE, "only {rate} trades a second");
        recorder.record("pages", json!({}), repetition, pages as f64);
        recorder.record("trades_per_second", json!({}), repetition, rate);
        let per_second = reads.len() as f64 / seconds;
        recorder.record("reads_per_second", json!({}), repetition, per_second);
        let messages = [("private", &observations.private), ("public", &observations.public)];
        for (channel, count) in messages {
            let rate = count.load(Ordering::Relaxed) as f64 / seconds;
            let parameters = json!({ "channel": channel });
            recorder.record("messages_per_second", parameters, repetition, rate);
        }
        let times = |order: &TradedOrder| order.responded_at - order.sent_at;
        let orders = orders.iter().map(times).collect();
        for (name, times) in [("order_ms", orders), ("read_ms", reads)] {
            for (percentile, ms) in percentiles(times) {
                let parameters = json!({ "percentile": percentile });
                recorder.record(name, parameters, repetition, ms);
            }
        }
        drop(server);
        database.audit();
    }
}

/// Open pages. Dropping them closes them.
struct Pages {
    _runtime: tokio::runtime::Runtime,
}

impl Pages {
    fn open(address: &str, pages: i64, observations: &Observations) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            for user in 1..=pages {
                page::open(address, user, observations).await;
            }
        });
        Self { _runtime: runtime }
    }
}

fn place_orders(address: &str, duration: Duration) -> Vec<TradedOrder> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let orders = load::at_rate(address, CONNECTIONS, TRADES_PER_SECOND, duration);
    runtime.expect("a runtime").block_on(orders)
}

fn drain(times: &mut UnboundedReceiver<Duration>) -> Vec<Duration> {
    std::iter::from_fn(|| times.try_recv().ok()).collect()
}

/// In milliseconds.
fn percentiles(times: Vec<Duration>) -> Vec<(usize, f64)> {
    let mut ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    ms.sort_unstable_by(f64::total_cmp);
    PERCENTILES.iter().map(|percent| (*percent, latency::percentile(&ms, *percent))).collect()
}
