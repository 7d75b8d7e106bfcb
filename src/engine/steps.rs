//! Where the time of a batch goes.

use std::time::{Duration, Instant};

/// When the steps of a transaction's last attempt ended.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// It had the locks of its markets.
    pub locked_at: Instant,
    pub loaded_at: Instant,
    /// The plan, its events and its responses were there.
    pub decided_at: Instant,
    pub written_at: Instant,
}

impl Steps {
    /// Adds the steps of a transaction that began and committed at these times to the metrics.
    pub fn record(self, lane: &str, begun_at: Instant, committed_at: Instant) {
        let Self { locked_at, loaded_at, decided_at, written_at } = self;
        let lengths = [
            ("lock", locked_at - begun_at),
            ("load", loaded_at - locked_at),
            ("decide", decided_at - loaded_at),
            ("write", written_at - decided_at),
            ("commit", committed_at - written_at),
        ];
        for (step, length) in lengths {
            record(lane, step, length);
        }
    }
}

fn record(lane: &str, step: &'static str, length: Duration) {
    metrics::histogram!(
        "matchcast_engine_step_seconds", "lane" => lane.to_owned(), "step" => step
    )
    .record(length);
}
