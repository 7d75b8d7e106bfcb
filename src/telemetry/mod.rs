//! Logs and metrics of the process.
//!
//! Metrics are named `matchcast_{what}_{unit}`: `engine_batch_len`, `engine_batch_seconds`,
//! `engine_waiting`, `engine_full_total`, `engine_failed_total`, `store_retries_total`,
//! `outbox_waiting`, `outbox_oldest_seconds`, `outbox_set_aside`,
//! `publisher_calls_total{outcome,answer}`, `events_delivered_total`, `events_retried_total`,
//! `events_skipped_total`, `events_set_aside_total{answer}`, `events_too_large_total`,
//! `feed_failures_total`, `webhooks_total{outcome}`.

use std::io::IsTerminal;

use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Sends log lines to standard error. Once per process.
pub fn start_log(settings: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.level)
        .context("MATCHCAST__LOG__LEVEL is no level and no list of module=level")?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match settings.format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot start: {error}"))
}

/// Gathers metrics from now on. Once per process.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let quantiles = [0.5, 0.9, 0.99, 1.0];
    let builder = PrometheusBuilder::new().set_quantiles(&quantiles)?;
    builder.install_recorder().context("the metrics cannot start")
}
