//! `matchcast audit`: recomputes the books and reports every difference.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;

use crate::config::Config;
use crate::store::{AnyConnection, audit};

pub fn audit(config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut connection =
        AnyConnection::open(&config.database).context("the database cannot be opened")?;
    let findings = audit::run(&mut connection)?;
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
