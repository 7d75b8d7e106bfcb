//! The log: lines for people or for programs, on standard error.

use std::io::IsTerminal;

use anyhow::Context;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{Directive, EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use super::dependencies::{CountOutages, outage_of};
use crate::config::{Log, LogFormat};

/// The target of the lines about requests, one for each.
pub const ACCESS_LOG: &str = "access";

/// Starts the log. Call it once per process.
pub fn start_log(settings: &Log) -> anyhow::Result<()> {
    let is_terminal = std::io::stderr().is_terminal();
    let started = subscriber(settings, std::io::stderr, is_terminal)?.try_init();
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

/// Writes lines to `writer`, with colours if it is a terminal.
fn subscriber<W>(
    settings: &Log,
    writer: W,
    is_terminal: bool,
) -> anyhow::Result<impl Subscriber + Send + Sync + use<W>>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&settings.level)
        .context("MATCHCAST__LOG__LEVEL must be a level or a list of module=level")?
        .add_directive(access_directive(settings.access)?);
    let lines = fmt::layer().with_writer(writer).with_ansi(is_terminal);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match settings.format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let is_written = |line: &Metadata<'_>| !is_repeated(line) && outage_of(line).is_none();
    let is_counted = |line: &Metadata<'_>| outage_of(line).is_some();
    Ok(tracing_subscriber::registry()
        .with(lines.with_filter(filter.and(filter_fn(is_written))))
        .with(CountOutages.with_filter(filter_fn(is_counted))))
}

/// The access log is on or off whatever the level is.
fn access_directive(is_on: bool) -> anyhow::Result<Directive> {
    let level = if is_on { "info" } else { "off" };
    Ok(format!("{ACCESS_LOG}={level}").parse()?)
}

/// Whether this line of a dependency says what an error says that matchcast handles: the pool logs
/// each failed attempt to connect, and its callers get the last of them.
fn is_repeated(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "r2d2"
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::outage;

    /// A log in memory.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn errors_of_the_http_server_are_warnings_of_which_there_is_one() {
        let lines = Lines::default();
        let settings = Log { level: "info".to_owned(), format: LogFormat::Text, access: false };
        let writer = lines.clone();
        let subscriber = subscriber(&settings, move || writer.clone(), false).unwrap();
        let _guard = tracing::subscriber::set_default(subscriber);
        for _ in 0..20 {
            tracing::error!(target: "actix_server::accept", "Error: {}", "too many open files");
            tracing::error!(target: "actix_http::h1::dispatcher", "stream error: {}", "no HTTP");
        }
        tracing::error!(target: "r2d2", "the database is unavailable");
        tracing::error!(target: "actix_server::server", "Worker 0 has died; restarting");
        tokio::select! {
            () = outage::report() => {}
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
        let text = lines.text();
        assert_eq!(text.matches("ERROR Worker 0 has died").count(), 1, "{text}");
        assert_eq!(text.matches("ERROR").count(), 1, "{text}");
        for (message, cause) in [
            ("connections cannot be accepted", "Error: too many open files"),
            ("connections end with errors", "stream error: no HTTP"),
        ] {
            let line: Vec<_> = text.lines().filter(|line| line.contains(message)).collect();
            assert_eq!(line.len(), 1, "{text}");
            assert!(line[0].contains("WARN") && line[0].contains(cause), "{text}");
        }
    }
}
