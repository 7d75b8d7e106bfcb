//! Validates the terms of withdrawals.

use std::collections::BTreeMap;

use toml::Table;

use super::error::ConfigError;
use super::market::at_least_a_unit;
use super::raw::RawWithdrawal;
use crate::market::{Fixed, WithdrawalTerms};
use crate::store::markets::Listings;

/// The terms of assets that have terms of their own, by symbol. `tables` are those of
/// `[[withdrawals]]`.
///
/// # Errors
/// Also if no market has an asset: a limit must not be without effect because of a typing error.
pub fn withdrawals(
    tables: Vec<Table>,
    listings: &Listings,
) -> Result<BTreeMap<String, WithdrawalTerms>, ConfigError> {
    let mut all = BTreeMap::new();
    for (number, table) in (1..).zip(tables) {
        let in_table =
            |ConfigError(error)| ConfigError(format!("[[withdrawals]] {number}: {error}"));
        let (asset, terms) = terms(table).map_err(in_table)?;
        if !listings.has_asset(&asset) {
            return Err(in_table(ConfigError(format!("no market has the asset {asset:?}"))));
        }
        if all.contains_key(&asset) {
            return Err(in_table(ConfigError(format!("{asset} is there twice"))));
        }
        all.insert(asset, terms);
    }
    Ok(all)
}

fn terms(table: Table) -> Result<(String, WithdrawalTerms), ConfigError> {
    let raw: RawWithdrawal = table
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError(error.message().to_owned()))?;
    let fee = match raw.fee.as_deref().map(Fixed::parse) {
        None => Fixed::ZERO,
        Some(Ok(fee)) if fee >= Fixed::ZERO => fee,
        Some(_) => {
            let error = "fee must be at least 0, with at most 8 decimals";
            return Err(ConfigError(error.to_owned()));
        }
    };
    let min = match &raw.min {
        Some(min) => at_least_a_unit(min, "min")?,
        None => fee.checked_add(Fixed::UNIT).unwrap_or(Fixed::MAX),
    };
    if min <= fee {
        return Err(ConfigError("min must be greater than fee".to_owned()));
    }
    let daily_limit = raw.daily_limit.as_deref();
    let daily_limit = daily_limit.map(|limit| at_least_a_unit(limit, "daily_limit")).transpose()?;
    if daily_limit.is_some_and(|limit| limit < min) {
        return Err(ConfigError("daily_limit must not be less than min".to_owned()));
    }
    Ok((raw.asset, WithdrawalTerms { min, fee, daily_limit }))
}
