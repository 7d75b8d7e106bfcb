//! `matchcast market SYMBOL STATUS`: sets which commands a market accepts, while servers run.

use std::io::Write;
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;

use super::database::Database;
use super::write_json;
use crate::config::Config;
use crate::events::order::market_status_name;
use crate::market::MarketStatus;
use crate::store::admin_log::Actor;
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

/// The result in JSON.
#[derive(Serialize)]
struct StatusBody<'a> {
    symbol: &'a str,
    status: &'static str,
    previous_status: &'static str,
}

pub fn set_status(
    config: &Config,
    symbol: &str,
    status: Status,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let set = |c: &mut _| markets::set_status(c, symbol, status.into(), &Actor::COMMAND);
    let Some(previous) = Database::open(config)?.write(set)? else {
        writeln!(out, "there is no market {symbol}")?;
        return Ok(ExitCode::FAILURE);
    };
    if json {
        let (status, previous_status) =
            (market_status_name(status.into()), market_status_name(previous));
        let body = StatusBody { symbol, status, previous_status };
        write_json(out, &body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let effect = match status {
        Status::Open => "open",
        Status::CancelOnly => "cancel only: orders can be cancelled, and nothing else",
        Status::Halted => "halted: no command is accepted",
    };
    writeln!(out, "market {symbol} is {effect}")?;
    Ok(ExitCode::SUCCESS)
}
