//! The steps in which the traders count prices and amounts, so that the rules of their market
//! accept them: multiples of its tick size and lot size, and no order below its minimum value.

use crate::market::{Fixed, Rules, Side};

/// 3,000.
const BASE_PRICE: i64 = 3_000 * ONE;
/// 0.05, or the next multiple of the tick size.
const PRICE_STEP: i64 = ONE / 20;
/// 0.001, or the next multiple of the lot size.
const AMOUNT_STEP: i64 = ONE / 1_000;
/// A coarser tick size raises the price instead.
const MIN_BASE_STEPS: i64 = 1_000;
const ONE: i64 = Fixed::ONE.units();

/// The steps of one market. All fields are positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// In units of 10⁻⁸.
    price_step: i64,
    /// In units of 10⁻⁸.
    amount_step: i64,
    /// The price around which the market moves, in steps.
    base: i64,
    /// What is added to each amount, in steps: worth the minimum value at half the base price.
    least: i64,
}

impl Scale {
    pub fn of(rules: &Rules) -> Self {
        let price_step = next_multiple(PRICE_STEP, rules.tick_size.units());
        let amount_step = next_multiple(AMOUNT_STEP, rules.lot_size.units());
        let base = (BASE_PRICE / price_step).max(MIN_BASE_STEPS);
        let lowest_price = i128::from(base / 2) * i128::from(price_step);
        let least_units = i128::from(rules.min_value.units()) * i128::from(ONE) / lowest_price;
        let least = least_units / i128::from(amount_step) + 1;
        Self { price_step, amount_step, base, least: i64::try_from(least).unwrap_or(i64::MAX) }
    }

    /// The base price, in steps.
    pub fn base(&self) -> i64 {
        self.base
    }

    /// `None`: there is no such price.
    pub fn price(&self, steps: i64) -> Option<Fixed> {
        let price = steps.checked_mul(self.price_step).map(Fixed::from_units);
        price.filter(|price| price.is_positive())
    }

    /// The step of this price, or the next one in the direction of its side's worse prices.
    pub fn steps_of(&self, price: Fixed, side: Side) -> i64 {
        let floor = price.units().div_euclid(self.price_step);
        let is_between = !price.is_multiple_of(Fixed::from_units(self.price_step));
        match side {
            Side::Buy => floor,
            Side::Sell => floor + i64::from(is_between),
        }
    }

    /// The amount of this size, which is at least 0. `None`: it is out of range.
    pub fn amount(&self, size: i64) -> Option<Fixed> {
        let steps = self.least.checked_add(size)?;
        steps.checked_mul(self.amount_step).map(Fixed::from_units)
    }
}

/// The smallest multiple of `unit` that is at least `wanted`. Both are positive.
fn next_multiple(wanted: i64, unit: i64) -> i64 {
    let unit = unit.max(1);
    let count = wanted / unit + i64::from(wanted % unit > 0);
    count.saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(min_value: &str, tick_size: &str, lot_size: &str) -> Rules {
        let parse = |text| Fixed::parse(text).unwrap();
        Rules {
            min_value: parse(min_value),
            tick_size: parse(tick_size),
            lot_size: parse(lot_size),
            ..Rules::NONE
        }
    }

    #[test]
    fn prices_and_amounts_fulfil_the_rules_of_the_market() {
        for (min_value, tick_size, lot_size, price, amount) in [
            ("0.00000001", "0.00000001", "0.00000001", "3000", "0.001"),
            ("10", "0.01", "0.001", "3000", "0.007"),
            ("5000", "0.5", "0.1", "3000", "3.4"),
            ("1", "0.07", "0.3", "2999.99", "0.3"),
            ("1", "7", "1", "7000", "1"),
        ] {
            let rules = rules(min_value, tick_size, lot_size);
            let scale = Scale::of(&rules);
            let base = scale.price(scale.base()).unwrap();
            let least = scale.amount(0).unwrap();
            assert_eq!((base.to_string(), least.to_string()), (price.into(), amount.into()));
            for (steps, size) in [(0, 0), (17, 5), (-scale.base() / 2, 0)] {
                let price = scale.price(scale.base() + steps).unwrap();
                let amount = scale.amount(size).unwrap();
                assert!(price.is_multiple_of(rules.tick_size), "{price} {tick_size}");
                assert!(amount.is_multiple_of(rules.lot_size), "{amount} {lot_size}");
                assert!(price.mul_floor(amount).unwrap() >= rules.min_value, "{price} {amount}");
                assert_eq!(scale.steps_of(price, Side::Buy), scale.base() + steps);
                assert_eq!(scale.steps_of(price, Side::Sell), scale.base() + steps);
            }
        }
    }

    #[test]
    fn a_price_between_two_steps_counts_as_the_worse_one() {
        let scale = Scale::of(&Rules::NONE);
        let price = Fixed::parse("3000.01").unwrap();
        assert_eq!(scale.steps_of(price, Side::Buy), scale.base());
        assert_eq!(scale.steps_of(price, Side::Sell), scale.base() + 1);
        assert_eq!(scale.price(0), None);
        assert_eq!(scale.price(i64::MAX), None);
        assert_eq!(scale.amount(i64::MAX), None);
    }
}
