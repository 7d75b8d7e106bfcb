//! `matchcast migrate`: brings the schema up to date.

use std::io::Write;
use std::process::ExitCode;

use crate::config::Config;
use crate::store;

pub fn migrate(config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let applied = store::migrate(&config.database)?;
    writeln!(out, "{applied} migrations applied")?;
    Ok(ExitCode::SUCCESS)
}
