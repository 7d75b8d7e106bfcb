//! The time from an order to the arrival of its events.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::TradedOrder;
use crate::received::ReceivedEvent;
use crate::recorder::Recorder;

/// The last one is the maximum.
const PERCENTILES: [usize; 3] = [50, 99, 100];

/// Measured from the first order to the last event.
pub fn events_per_second(orders: &[TradedOrder], received: &[ReceivedEvent]) -> f64 {
    let first = orders.iter().map(|order| order.sent_at).min().expect("a trade");
    let last = received.iter().map(|event| event.at).max().expect("an event");
    received.len() as f64 / (last - first).as_secs_f64()
}

/// Records two latencies of these events: from the moment the order was sent, and from its
/// response, which follows the commit. The second one is negative if an event arrives before the
/// response.
pub fn record(
    recorder: &mut Recorder,
    parameters: &Value,
    repetition: u32,
    orders: &[TradedOrder],
    received: &[ReceivedEvent],
) {
    let order_of_trade: HashMap<i64, &TradedOrder> = orders
        .iter()
        .flat_map(|order| order.trades.iter().map(move |trade| (*trade, order)))
        .collect();
    for from in ["order", "response"] {
        let latency_ms = |event: &ReceivedEvent| {
            let order = order_of_trade[&event.trade];
            let start = if from == "order" { order.sent_at } else { order.responded_at };
            ms_between(start, event.at)
        };
        let mut latencies: Vec<f64> = received.iter().map(latency_ms).collect();
        latencies.sort_unstable_by(f64::total_cmp);
        for percent in PERCENTILES {
            let mut parameters = parameters.clone();
            parameters["from"] = from.into();
            parameters["percentile"] = percent.into();
            let latency = percentile(&latencies, percent);
            recorder.record("latency_ms", parameters, repetition, latency);
        }
    }
}

/// Negative if `end` is before `start`.
fn ms_between(start: Instant, end: Instant) -> f64 {
    let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    ms(end.saturating_duration_since(start)) - ms(start.saturating_duration_since(end))
}

/// The nearest-rank percentile of sorted values.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}
