//! When the audit has run, and what it has found.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::audit_runs;
use super::{AnyConnection, StoreError};

/// One run of the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRun {
    pub started_at: NaiveDateTime,
    pub duration: Duration,
    /// The number of differences. 0: everything added up.
    pub findings: u32,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_runs)]
struct RunRow {
    started_at: NaiveDateTime,
    duration_ms: i64,
    findings: i32,
}

impl From<RunRow> for AuditRun {
    fn from(RunRow { started_at, duration_ms, findings }: RunRow) -> Self {
        let duration = Duration::from_millis(duration_ms.unsigned_abs());
        Self { started_at, duration, findings: findings.unsigned_abs() }
    }
}

/// Adds a run. Runs in a write transaction.
pub fn record(connection: &mut AnyConnection, run: &AuditRun) -> Result<(), StoreError> {
    let row = RunRow {
        started_at: run.started_at,
        duration_ms: i64::try_from(run.duration.as_millis()).unwrap_or(i64::MAX),
        findings: i32::try_from(run.findings).unwrap_or(i32::MAX),
    };
    diesel::insert_into(audit_runs::table).values(row).execute(connection)?;
    Ok(())
}

/// The last run. `None`: the audit has not run yet.
pub fn last(connection: &mut AnyConnection) -> Result<Option<AuditRun>, StoreError> {
    let newest = audit_runs::table.order(audit_runs::id.desc()).select(RunRow::as_select());
    let last: Option<RunRow> = newest.first(connection).optional()?;
    Ok(last.map(AuditRun::from))
}
