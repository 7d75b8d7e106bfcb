//! `matchcast market SYMBOL STATUS`: sets which commands a market accepts, while servers run.

use std::io::Write;
use std::process::ExitCode;

use clap::ValueEnum;

use super::database::Database;
use crate::config::Config;
use crate::market::MarketStatus;
use crate::store::markets;

/// A status as it is written on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Status {
    /// Every command is accepted
    Open,
    /// Orders can be cancelled, and nothing else; stop orders wait
    CancelOnly,
    /// No command is accepted, not even a cancellation; orders with a date still expire
    Halted,
}

impl From<Status> for MarketStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::CancelOnly => Self::CancelOnly,
            Status::Halted => Self::Halted,
        }
    }
}

pub fn set_status(
    config: &Config,
    symbol: &str,
    status: Status,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let is_found = Database::open(config)?
        .write(|connection| markets::set_status(connection, symbol, status.into()))?;
    if !is_found {
        writeln!(out, "there is no market {symbol}")?;
        return Ok(ExitCode::FAILURE);
    }
    let effect = match status {
        Status::Open => "open",
        Status::CancelOnly => "cancel only: orders can be cancelled, and nothing else",
        Status::Halted => "halted: no command is accepted",
    };
    writeln!(out, "market {symbol} is {effect}")?;
    Ok(ExitCode::SUCCESS)
}
