//! `matchcast candles rebuild`: makes the candles anew from the trades, while servers run.

use std::io::Write;
use std::process::ExitCode;

use super::counted;
use super::database::Database;
use crate::config::Config;
use crate::store::{candles, markets};

/// Each market is a transaction of its own, during which its orders wait.
pub fn rebuild(config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut database = Database::open(config)?;
    for (market, symbol) in database.read(markets::symbols)? {
        let rebuilt = database.write(|connection| candles::rebuild(connection, market))?;
        writeln!(out, "market {symbol}: {}", counted(rebuilt, "candle"))?;
    }
    Ok(ExitCode::SUCCESS)
}
