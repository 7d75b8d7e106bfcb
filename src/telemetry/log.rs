//! The log: lines for people or for programs, on standard error.

use std::io::IsTerminal;

use anyhow::Context;
use tracing::Metadata;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

use crate::config::{Log, LogFormat};

/// Starts the log. Call it once per process.
pub fn start_log(settings: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.level)
        .context("MATCHCAST__LOG__LEVEL must be a level or a list of module=level")?;
    let is_terminal = std::io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
    let started = match settings.format {
        LogFormat::Text => init(lines.with_target(false), filter),
        LogFormat::Json => init(lines.json(), filter),
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

fn init<L>(lines: L, filter: EnvFilter) -> Result<(), TryInitError>
where
    L: Layer<tracing_subscriber::Registry> + Send + Sync + 'static,
{
    let lines = lines.with_filter(filter.and(filter_fn(|metadata| !is_repeated(metadata))));
    tracing_subscriber::registry().with(lines).try_init()
}

/// Whether this line of a dependency says what an error says that matchcast handles: the pool logs
/// each failed attempt to connect, and its callers get the last of them.
fn is_repeated(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "r2d2"
}
