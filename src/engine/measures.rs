//! What committed batches have done, per market.

use std::collections::BTreeMap;

use crate::market::{Command, MarketId, Trade};
use crate::store::markets::Catalog;

/// Adds executed commands and their trades to the metrics.
pub fn count<'a>(catalog: &Catalog, commands: impl Iterator<Item = &'a Command>, trades: &[Trade]) {
    let commands = counts(commands.filter_map(Command::market));
    let trades = counts(trades.iter().map(|trade| trade.market));
    let symbol = |market| catalog.markets.get(market).map(|market| market.symbol.clone());
    for (market, count) in &commands {
        if let Some(symbol) = symbol(market) {
            metrics::counter!("matchcast_engine_commands_total", "market" => symbol)
                .increment(*count);
        }
    }
    for (market, count) in &trades {
        if let Some(symbol) = symbol(market) {
            metrics::counter!("matchcast_engine_trades_total", "market" => symbol)
                .increment(*count);
        }
    }
}

fn counts(markets: impl Iterator<Item = MarketId>) -> BTreeMap<MarketId, u64> {
    let mut counts = BTreeMap::new();
    for market in markets {
        *counts.entry(market).or_default() += 1;
    }
    counts
}
