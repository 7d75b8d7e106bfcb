//! Metrics, collected in the process and served in Prometheus' format by `GET /metrics`.
//!
//! This is the list of all metrics. docs/OPERATIONS.md says what to watch for.
//!
//! | name | type | meaning |
//! | --- | --- | --- |
//! | `matchcast_http_request_seconds{method,route,status}` | histogram | duration of requests |
//! | `matchcast_store_wait_seconds` | histogram | how long a call waited for a connection |
//! | `matchcast_store_wait_failed_total` | counter | calls that got no connection in time |
//! | `matchcast_store_connections{state}` | gauge | connections of the pool, `idle` and `busy` |
//! | `matchcast_engine_commands_total{market}` | counter | commands executed, without deposits |
//! | `matchcast_engine_trades_total{market}` | counter | trades |
//! | `matchcast_engine_queue_len{lane}` | gauge | requests left in the queues of a lane |
//! | `matchcast_engine_given_up_total` | counter | batches given up: the database did not respond |
//! | `matchcast_engine_given_up_threads` | gauge | their threads that still wait |
//! | `matchcast_store_given_up_total` | counter | other database calls that were given up |
//! | `matchcast_engine_queue_full_total` | counter | requests rejected: queue full |
//! | `matchcast_engine_expired_total` | counter | requests not executed: expired while waiting |
//! | `matchcast_engine_batch_len{lane}` | summary | requests per transaction |
//! | `matchcast_engine_batch_seconds{lane}` | summary | duration of a transaction |
//! | `matchcast_engine_step_seconds{lane,step}` | summary | of its steps: lock to commit |
//! | `matchcast_engine_failed_total` | counter | requests that failed alone |
//! | `matchcast_store_retries_total` | counter | transactions retried after a conflict |
//! | `matchcast_replica_used{replica}` | gauge | 1: the read replica is used, 0: it is left out |
//! | `matchcast_replica_lag_seconds{replica}` | gauge | how long it lags, checked twice a second |
//! | `matchcast_replica_reads_total{replica,outcome}` | counter | reads: served, late or failed |
//! | `matchcast_outbox_pending` | gauge | pending events, by every process |
//! | `matchcast_outbox_oldest_seconds` | gauge | age of the oldest pending event |
//! | `matchcast_publisher_shards` | gauge | shards of 64 whose events the process publishes |
//! | `matchcast_dead_letters` | gauge | dead letters |
//! | `matchcast_last_audit_timestamp_seconds` | gauge | when `matchcast audit` last ran |
//! | `matchcast_last_audit_findings` | gauge | the differences that it found |
//! | `matchcast_publisher_requests_total{outcome,status}` | counter | requests to the provider |
//! | `matchcast_publisher_request_seconds` | histogram | duration of requests to the provider |
//! | `matchcast_events_delivery_seconds` | histogram | from the commit to the provider's response |
//! | `matchcast_events_delivered_total` | counter | events that the provider accepted |
//! | `matchcast_events_retried_total` | counter | failed attempts, counted per event |
//! | `matchcast_events_skipped_total` | counter | events skipped on unoccupied channels |
//! | `matchcast_events_dead_lettered_total{status}` | counter | events rejected for good |
//! | `matchcast_events_too_large_total` | counter | events above the size limit when written |
//! | `matchcast_market_data_failures_total` | counter | failed attempts to publish order books |
//! | `matchcast_failures_total{kind}` | counter | failures that the log reports per outage |
//! | `matchcast_pruned_total{table}` | counter | expired rows that were deleted |
//! | `matchcast_webhooks_total{outcome}` | counter | webhooks of the provider by outcome |
//! | `matchcast_webhook_attempts_total{outcome}` | counter | requests to webhook endpoints |

use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// How often recorded samples are merged into their summaries.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// The upper bounds of the buckets of durations, in seconds. Unlike the quantiles of a summary,
/// buckets of several processes can be added up.
const DURATION_BUCKETS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The metrics that have buckets.
const HISTOGRAMS: [&str; 4] = [
    "matchcast_http_request_seconds",
    "matchcast_store_wait_seconds",
    "matchcast_publisher_request_seconds",
    "matchcast_events_delivery_seconds",
];

/// Starts to collect metrics. Call it once per process, and only if they are read: without a
/// recorder nothing is recorded. [`run_upkeep`] has to run as long as the process.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let quantiles = [0.5, 0.9, 0.99, 1.0];
    let mut builder = PrometheusBuilder::new().set_quantiles(&quantiles)?;
    for name in HISTOGRAMS {
        let matcher = Matcher::Full(name.to_owned());
        builder = builder.set_buckets_for_metric(matcher, &DURATION_BUCKETS)?;
    }
    builder.install_recorder().context("the metrics cannot be started")
}

/// Keeps the memory of the recorder bounded, whether or not the metrics are read: until it is
/// merged into its summary, each sample takes memory. Never completes.
///
/// `measure` updates the gauges that nothing else does.
pub async fn run_upkeep(handle: PrometheusHandle, measure: impl Fn()) {
    let upkeep = || {
        handle.run_upkeep();
        measure();
    };
    every(UPKEEP_INTERVAL, upkeep).await;
}

async fn every(interval: Duration, mut work: impl FnMut()) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::every;

    #[tokio::test]
    async fn upkeep_runs_repeatedly() {
        let (sender, mut runs) = mpsc::unbounded_channel();
        let upkeep = tokio::spawn(every(Duration::from_millis(1), move || {
            let _ = sender.send(());
        }));
        for _ in 0..3 {
            assert_eq!(runs.recv().await, Some(()));
        }
        upkeep.abort();
    }
}
