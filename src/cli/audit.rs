//! `matchcast audit`: recomputes the books, reports every difference, and records the result.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use serde::Serialize;

use super::database::Database;
use super::{counted, write_json};
use crate::config::Config;
use crate::events::timestamp::iso8601;
use crate::store::admin_log::{self, Head};
use crate::store::audit::{self, Finding};
use crate::store::audit_runs::{self, AuditRun};
use crate::store::now;

/// A result in JSON.
#[derive(Serialize)]
struct AuditBody<'a> {
    started_at: String,
    duration_ms: u128,
    is_clean: bool,
    findings: Vec<FindingBody<'a>>,
    /// Null: the end of the log is missing, which is a finding.
    log: Option<LogEnd<'a>>,
    /// Whether the database has recorded this result.
    is_recorded: bool,
}

#[derive(Serialize)]
struct FindingBody<'a> {
    check: &'static str,
    difference: &'a str,
}

/// The end of the log of administrators.
#[derive(Serialize)]
struct LogEnd<'a> {
    rows: i64,
    last_hash: &'a str,
}

/// `of_replica`: the rows are read from a replica, which needs no lock and no time of the primary.
pub fn audit(
    config: &Config,
    json: bool,
    of_replica: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let mut source =
        if of_replica { Database::open_replica(config)? } else { Database::open(config)? };
    let (started_at, start) = (now(), Instant::now());
    let findings = source.read(audit::run)?;
    let duration = start.elapsed();
    let end = source.read(admin_log::head)?;
    let count = u32::try_from(findings.len()).unwrap_or(u32::MAX);
    let run = AuditRun { started_at, duration, findings: count };
    // The result holds, also for a database that can only be read.
    let record = |mut database: Database| database.write(|c| audit_runs::record(c, &run));
    let recorded =
        if of_replica { Database::open(config).and_then(record) } else { record(source) };
    if json {
        let body = AuditBody {
            started_at: iso8601(started_at),
            duration_ms: duration.as_millis(),
            is_clean: findings.is_empty(),
            findings: findings.iter().map(FindingBody::from).collect(),
            log: end.as_ref().map(LogEnd::from),
            is_recorded: recorded.is_ok(),
        };
        write_json(out, &body)?;
    } else {
        write_text(&findings, end, out)?;
        if let Err(error) = &recorded {
            writeln!(out, "this result was not recorded: {error:#}")?;
        }
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_text(findings: &[Finding], end: Option<Head>, out: &mut impl Write) -> anyhow::Result<()> {
    if let Some(Head { last_id, last_hash }) = end {
        let rows = counted(usize::try_from(last_id).unwrap_or_default(), "row");
        writeln!(out, "the log of administrators has {rows}; the last hash is {last_hash}")?;
    }
    for finding in findings {
        writeln!(out, "{finding}")?;
    }
    match findings.len() {
        0 => writeln!(out, "everything adds up")?,
        count => writeln!(out, "{count} differences")?,
    }
    Ok(())
}

impl<'a> From<&'a Finding> for FindingBody<'a> {
    fn from(Finding { check, difference }: &'a Finding) -> Self {
        Self { check, difference }
    }
}

impl<'a> From<&'a Head> for LogEnd<'a> {
    fn from(Head { last_id, last_hash }: &'a Head) -> Self {
        Self { rows: *last_id, last_hash }
    }
}
