//! Validates the settings of markets and of the commission.

use toml::Table;

use super::error::ConfigError;
use super::raw::{RawCommission, RawListing, RawMarket};
use super::settings::Market;
use crate::market::{CommissionRates, Fixed, Rules};
use crate::store::markets::{Conditions, Listing, Listings, QUOTE};

/// `tables` are those of `[[markets]]`.
pub fn market(
    raw: RawMarket,
    tables: Vec<Table>,
    raw_commission: &RawCommission,
) -> Result<Market, ConfigError> {
    let rules = Rules {
        min_value: at_least_a_unit(&raw.min_value, "MATCHCAST__MARKET__MIN_VALUE")?,
        tick_size: at_least_a_unit(&raw.tick_size, "MATCHCAST__MARKET__TICK_SIZE")?,
        lot_size: at_least_a_unit(&raw.lot_size, "MATCHCAST__MARKET__LOT_SIZE")?,
        max_open_orders: Some(raw.max_open_orders).filter(|limit| *limit > 0),
        max_slippage: rate(&raw.max_slippage, "MATCHCAST__MARKET__MAX_SLIPPAGE")?,
    };
    let others = Conditions { commission: commission(raw_commission)?, rules };
    let max_fills_per_transaction = raw.max_fills_per_transaction;
    check_assets(&raw.symbols)?;
    let mut listings = Listings::of_symbols(&raw.symbols, others);
    let mut configured: Vec<String> = Vec::new();
    for (number, table) in (1..).zip(tables) {
        let listing = listing(table, others)
            .map_err(|ConfigError(error)| ConfigError(format!("[[markets]] {number}: {error}")))?;
        if configured.contains(&listing.symbol) {
            let symbol = listing.symbol;
            return Err(ConfigError(format!("[[markets]] {number}: {symbol} is there twice")));
        }
        configured.push(listing.symbol.clone());
        match listings.markets.iter_mut().find(|known| known.symbol == listing.symbol) {
            Some(known) => *known = listing,
            None => listings.markets.push(listing),
        }
    }
    let excess_decimals = raw.excess_decimals;
    Ok(Market { listings, max_fills_per_transaction, excess_decimals })
}

/// One of `[[markets]]`: what it leaves out is as for `others`.
fn listing(table: Table, others: Conditions) -> Result<Listing, ConfigError> {
    let raw: RawListing = table
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError(error.message().to_owned()))?;
    let (base, quote) = raw.symbol.split_once('/').unwrap_or((&raw.symbol, QUOTE));
    let is_named_by_its_base = quote == QUOTE && raw.symbol.contains('/');
    if !is_asset(base) || !is_asset(quote) || base == quote || is_named_by_its_base {
        return Err(ConfigError(format!(
            "symbol {:?} must be an asset such as BTC, for a market quoted in {QUOTE}, or two such \
             as ETH/BTC; an asset is 1 to 16 capital letters and digits",
            raw.symbol
        )));
    }
    let unit_or = |text: &Option<String>, name, other| match text {
        Some(text) => at_least_a_unit(text, name),
        None => Ok(other),
    };
    let Rules { min_value, tick_size, lot_size, max_open_orders, max_slippage } = others.rules;
    let rules = Rules {
        min_value: unit_or(&raw.min_value, "min_value", min_value)?,
        tick_size: unit_or(&raw.tick_size, "tick_size", tick_size)?,
        lot_size: unit_or(&raw.lot_size, "lot_size", lot_size)?,
        max_open_orders: match raw.max_open_orders {
            Some(limit) => Some(limit).filter(|limit| *limit > 0),
            None => max_open_orders,
        },
        max_slippage: rate_or(&raw.max_slippage, "max_slippage", Some(max_slippage))?,
    };
    let conditions = Conditions { commission: commission_of(&raw, others.commission)?, rules };
    let (base, quote) = (base.to_owned(), quote.to_owned());
    Ok(Listing { symbol: raw.symbol, base, quote, conditions })
}

/// The commission of one of `[[markets]]`: by side, by role, or as for other markets.
fn commission_of(
    raw: &RawListing,
    others: CommissionRates,
) -> Result<CommissionRates, ConfigError> {
    let by_side = (&raw.buyer_commission, &raw.seller_commission);
    let by_role = (&raw.maker_commission, &raw.taker_commission);
    match (by_side, by_role) {
        ((None, None), (None, None)) => Ok(others),
        ((buyer, seller), (None, None)) => {
            let others = match others {
                CommissionRates::BySide { buyer, seller } => Some((buyer, seller)),
                CommissionRates::ByRole { .. } => None,
            };
            Ok(CommissionRates::BySide {
                buyer: rate_or(buyer, "buyer_commission", others.map(|rates| rates.0))?,
                seller: rate_or(seller, "seller_commission", others.map(|rates| rates.1))?,
            })
        }
        ((None, None), (maker, taker)) => {
            let others = match others {
                CommissionRates::BySide { .. } => None,
                CommissionRates::ByRole { maker, taker } => Some((maker, taker)),
            };
            Ok(CommissionRates::ByRole {
                maker: rate_or(maker, "maker_commission", others.map(|rates| rates.0))?,
                taker: rate_or(taker, "taker_commission", others.map(|rates| rates.1))?,
            })
        }
        _ => Err(ConfigError(
            "set either buyer_commission and seller_commission, or maker_commission and \
             taker_commission"
                .to_owned(),
        )),
    }
}

/// The commission of the markets that have none of their own.
fn commission(raw: &RawCommission) -> Result<CommissionRates, ConfigError> {
    const MAKER: &str = "MATCHCAST__COMMISSION__MAKER";
    const TAKER: &str = "MATCHCAST__COMMISSION__TAKER";
    match (raw.maker.as_str(), raw.taker.as_str()) {
        ("", "") => Ok(CommissionRates::BySide {
            buyer: rate(&raw.buyer, "MATCHCAST__COMMISSION__BUYER")?,
            seller: rate(&raw.seller, "MATCHCAST__COMMISSION__SELLER")?,
        }),
        ("", _) | (_, "") => Err(ConfigError(format!("{MAKER} and {TAKER} must be set together"))),
        (maker, taker) => {
            Ok(CommissionRates::ByRole { maker: rate(maker, MAKER)?, taker: rate(taker, TAKER)? })
        }
    }
}

fn is_asset(symbol: &str) -> bool {
    (1..=16).contains(&symbol.len())
        && symbol.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn check_assets(symbols: &[String]) -> Result<(), ConfigError> {
    match symbols.iter().find(|symbol| !is_asset(symbol) || *symbol == QUOTE) {
        Some(symbol) => Err(ConfigError(format!(
            "MATCHCAST__MARKET__SYMBOLS: {symbol:?} must be 1 to 16 capital letters and digits, \
             and not {QUOTE}"
        ))),
        None => Ok(()),
    }
}

pub(super) fn at_least_a_unit(text: &str, name: &str) -> Result<Fixed, ConfigError> {
    match Fixed::parse(text) {
        Ok(number) if number.is_positive() => Ok(number),
        _ => {
            Err(ConfigError(format!("{name} must be at least 0.00000001, with at most 8 decimals")))
        }
    }
}

/// `other` is the rate of a market that has none of its own.
fn rate_or(text: &Option<String>, name: &str, other: Option<Fixed>) -> Result<Fixed, ConfigError> {
    match (text, other) {
        (Some(text), _) => rate(text, name),
        (None, Some(other)) => Ok(other),
        (None, None) => Err(ConfigError(format!("{name} is missing"))),
    }
}

fn rate(text: &str, variable: &str) -> Result<Fixed, ConfigError> {
    match Fixed::parse(text) {
        Ok(rate) if rate >= Fixed::ZERO && rate <= Fixed::ONE => Ok(rate),
        _ => Err(ConfigError(format!("{variable} must be from 0 to 1 with at most 8 decimals"))),
    }
}
