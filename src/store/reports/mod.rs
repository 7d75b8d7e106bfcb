//! Reports for administrators: sums over many rows, for `Store::report`.
//!
//! Each reads one snapshot and locks nothing. Sums are added up in two parts, whole units and
//! fractions, because a sum of all users may exceed any one account.

mod balance_sheet;
mod commission;

pub use balance_sheet::{AssetSheet, balance_sheet};
pub use commission::{DailyCommission, commission};

use crate::market::Fixed;

/// Amounts per whole unit, as in the SQL of the reports.
const ONE: i64 = 100_000_000;
const _: () = assert!(Fixed::ONE.units() == ONE);

/// The sum whose parts these are, in 10⁻⁸ units.
fn whole_sum(whole: i64, fraction: i64) -> i128 {
    i128::from(whole) * i128::from(ONE) + i128::from(fraction)
}
