//! `matchcast audit`: recomputes the books and reports every difference.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;

use super::counted;
use crate::config::Config;
use crate::store::admin_log::{self, Head};
use crate::store::{AnyConnection, audit};

pub fn audit(config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut connection =
        AnyConnection::open(&config.database).context("the database cannot be opened")?;
    let findings = audit::run(&mut connection)?;
    let end = admin_log::head(&mut connection)?;
    if let Some(Head { last_id, last_hash }) = end {
        let rows = counted(usize::try_from(last_id).unwrap_or_default(), "row");
        writeln!(out, "the log of administrators has {rows}; the last hash is {last_hash}")?;
    }
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    if findings.is_empty() {
        writeln!(out, "everything adds up")?;
        Ok(ExitCode::SUCCESS)
    } else {
        writeln!(out, "{} differences", findings.len())?;
        Ok(ExitCode::FAILURE)
    }
}
