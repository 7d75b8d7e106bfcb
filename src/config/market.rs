//! Validates the settings of markets and of the commission.

use super::error::ConfigError;
use super::raw::{RawCommission, RawMarket};
use super::settings::{Commission, Market};
use crate::market::{Fixed, Rules};
use crate::store::markets::QUOTE;

pub fn market(raw: RawMarket) -> Result<Market, ConfigError> {
    let rules = Rules {
        min_value: at_least_a_unit(&raw.min_value, "MIN_VALUE")?,
        tick_size: at_least_a_unit(&raw.tick_size, "TICK_SIZE")?,
        lot_size: at_least_a_unit(&raw.lot_size, "LOT_SIZE")?,
        max_open_orders: Some(raw.max_open_orders).filter(|limit| *limit > 0),
        max_slippage: rate(&raw.max_slippage, "MATCHCAST__MARKET__MAX_SLIPPAGE")?,
    };
    let max_fills_per_transaction = raw.max_fills_per_transaction;
    let symbols = symbols(raw.symbols)?;
    let excess_decimals = raw.excess_decimals;
    Ok(Market { symbols, rules, max_fills_per_transaction, excess_decimals })
}

pub fn commission(raw: &RawCommission) -> Result<Commission, ConfigError> {
    Ok(Commission {
        buyer: rate(&raw.buyer, "MATCHCAST__COMMISSION__BUYER")?,
        seller: rate(&raw.seller, "MATCHCAST__COMMISSION__SELLER")?,
    })
}

fn symbols(symbols: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let is_valid = |symbol: &String| {
        (1..=16).contains(&symbol.len())
            && symbol.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && symbol != QUOTE
    };
    match symbols.iter().find(|symbol| !is_valid(symbol)) {
        Some(symbol) => Err(ConfigError(format!(
            "MATCHCAST__MARKET__SYMBOLS: {symbol:?} must be 1 to 16 capital letters and digits, \
             and not {QUOTE}"
        ))),
        None => Ok(symbols),
    }
}

fn at_least_a_unit(text: &str, key: &str) -> Result<Fixed, ConfigError> {
    match Fixed::parse(text) {
        Ok(number) if number.is_positive() => Ok(number),
        _ => Err(ConfigError(format!(
            "MATCHCAST__MARKET__{key} must be at least 0.00000001, with at most 8 decimals"
        ))),
    }
}

fn rate(text: &str, variable: &str) -> Result<Fixed, ConfigError> {
    match Fixed::parse(text) {
        Ok(rate) if rate >= Fixed::ZERO && rate <= Fixed::ONE => Ok(rate),
        _ => Err(ConfigError(format!("{variable} must be from 0 to 1 with at most 8 decimals"))),
    }
}
