//! How long after an order its events arrive.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::heard::Heard;
use crate::load::Traded;

/// From the first order to the last event.
pub fn events_per_second(traded: &[Traded], heard: &[Heard]) -> f64 {
    let first = traded.iter().map(|order| order.sent).min().expect("a trade");
    let last = heard.iter().map(|heard| heard.at).max().expect("an event");
    heard.len() as f64 / (last - first).as_secs_f64()
}

/// Prints how long these events were under way: from when the order that traded was sent, and from
/// when its answer was there, after the commit. An event may be faster than the answer.
pub fn report(name: &str, database: &str, load: &str, traded: &[Traded], heard: &[Heard]) {
    let orders: HashMap<i64, &Traded> = traded
        .iter()
        .flat_map(|order| order.trades.iter().map(move |trade| (*trade, order)))
        .collect();
    let per_second = events_per_second(traded, heard);
    let print = |from: &str, start: fn(&Traded) -> Instant| {
        let waits = heard.iter().map(|heard| ms_between(start(orders[&heard.trade]), heard.at));
        let mut waits: Vec<f64> = waits.collect();
        waits.sort_unstable_by(f64::total_cmp);
        println!(
            "{name}_latency_ms database={database:<8} load={load:<6} \
             events_per_second={per_second:<6.0} from={from:<6} p50={:<7.2} p99={:<7.2} max={:.2}",
            percentile(&waits, 50),
            percentile(&waits, 99),
            percentile(&waits, 100)
        );
    };
    print("order", |order| order.sent);
    print("answer", |order| order.answered);
}

/// Negative where the end came first.
fn ms_between(start: Instant, end: Instant) -> f64 {
    let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    ms(end.saturating_duration_since(start)) - ms(start.saturating_duration_since(end))
}

/// Of sorted values: the smallest one that so many of a hundred do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}
