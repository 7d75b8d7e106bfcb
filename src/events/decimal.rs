//! How decimals are encoded in JSON: digit for digit, never through a float.
//!
//! The API and `order.matched` use JSON numbers ([`DecimalNumber`]), because existing pages call
//! `toFixed` on them. All other events use strings ([`DecimalString`]): `JSON.parse` turns every
//! number into a float, while a string leaves the choice to the page.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Number;

use crate::market::Fixed;

/// A [`Fixed`] that is encoded as a JSON number: `50000`, `0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalNumber(pub Fixed);

impl Serialize for DecimalNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.units() % Fixed::ONE.units() == 0 {
            return serializer.serialize_i64(self.0.units() / Fixed::ONE.units());
        }
        Number::from_string_unchecked(self.0.to_string()).serialize(serializer)
    }
}

/// A count of 10⁻⁸ units that is encoded as a JSON number. Like a [`DecimalString`] it holds larger
/// numbers than a [`Fixed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalSum {
    pub units: i128,
}

impl Serialize for DecimalSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = DecimalString { units: self.units }.to_string();
        Number::from_string_unchecked(text).serialize(serializer)
    }
}

/// A count of 10⁻⁸ units that is encoded as a JSON string: `"50000"`, `"0.1"`.
///
/// It holds larger numbers than a [`Fixed`]: the sum of many orders may exceed any one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalString {
    pub units: i128,
}

impl From<Fixed> for DecimalString {
    fn from(number: Fixed) -> Self {
        Self { units: number.units().into() }
    }
}

impl fmt::Display for DecimalString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = u128::from(Fixed::ONE.units().unsigned_abs());
        let sign = if self.units < 0 { "-" } else { "" };
        let whole = self.units.unsigned_abs() / one;
        let rest = self.units.unsigned_abs() - whole * one;
        let mut rest = u64::try_from(rest).expect("less than one has less than nine digits");
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let mut digits = 8;
        while rest % 10 == 0 {
            rest /= 10;
            digits -= 1;
        }
        write!(f, "{sign}{whole}.{rest:0digits$}")
    }
}

impl Serialize for DecimalString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{DecimalString, DecimalSum};
    use crate::market::Fixed;

    #[test]
    fn a_string_has_the_digits_of_its_number() {
        for units in [0, 1, -1, 10, 99_999_999, 100_000_000, -150_000_000, 123_456_700, i64::MAX] {
            let number = Fixed::from_units(units);
            assert_eq!(DecimalString::from(number).to_string(), number.to_string());
        }
    }

    #[test]
    fn a_string_holds_larger_sums_than_a_number() {
        let text = DecimalString { units: i128::from(i64::MAX) * 1_000 };
        assert_eq!(text.to_string(), "92233720368547.75807");
        assert_eq!(serde_json::to_string(&text).unwrap(), r#""92233720368547.75807""#);
        let number = DecimalSum { units: text.units };
        assert_eq!(serde_json::to_string(&number).unwrap(), "92233720368547.75807");
        let whole = DecimalSum { units: -300_000_000 };
        assert_eq!(serde_json::to_string(&whole).unwrap(), "-3");
    }
}
