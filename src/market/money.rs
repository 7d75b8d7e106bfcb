//! Decimal numbers of eight decimals: prices, amounts, values, balances, rates.
//!
//! A [`Fixed`] is a count of 10⁻⁸ units in 64 bits, products are computed in 128 bits, and every
//! rounding operation is named after its direction. There are no floats and no operators: an
//! overflow is a `None` that the caller has to handle, never a wrapped number.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

/// Units in one: 10⁸.
const SCALE: i64 = 100_000_000;
/// Decimals after the point.
const DECIMALS: u32 = 8;
/// Longer texts are rejected before they are parsed, in bytes.
const MAX_TEXT_LEN: usize = 64;

/// A number with eight decimals, in units of 10⁻⁸. Its range is about ±92 billion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed(i64);

/// Why a text cannot be parsed as a [`Fixed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Not a decimal number in JSON notation.
    NotANumber,
    /// More than eight decimals: it would have to be rounded.
    TooFine,
    /// Out of range.
    OutOfRange,
}

impl Fixed {
    pub const ZERO: Self = Self(0);
    /// The smallest positive number, 10⁻⁸.
    pub const UNIT: Self = Self(1);
    pub const ONE: Self = Self(SCALE);
    pub const MAX: Self = Self(i64::MAX);

    /// A number from its count of 10⁻⁸ units, as the database holds it.
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// The count of 10⁻⁸ units.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Parses a decimal in any JSON notation (`0.1`, `1e-8`, `5E+4`) exactly. Also accepts input
    /// that is common in forms: surrounding blanks, a leading `+`, `.5` and `5.`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        let notation = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
        if text.is_empty() || text.len() > MAX_TEXT_LEN || !text.chars().all(notation) {
            return Err(ParseError::NotANumber);
        }
        let (mantissa, exponent) = split_exponent(text)?;
        let decimal = parse_mantissa(mantissa)?;
        shift(decimal, exponent)
    }

    /// Like [`Fixed::parse`], but cuts off all decimals after the eighth, towards zero.
    pub fn parse_truncated(text: &str) -> Result<Self, ParseError> {
        match Self::parse(text) {
            Err(ParseError::TooFine) => truncate(text.trim()),
            parsed => parsed,
        }
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Whether it is `n × step` for a whole number n. `step` must be positive.
    pub const fn is_multiple_of(self, step: Self) -> bool {
        matches!(self.0.checked_rem(step.0), Some(0))
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The same number with the other sign.
    ///
    /// # Panics
    /// For the one number without a counterpart, which is no amount and no balance.
    pub fn negated(self) -> Self {
        Self(self.0.checked_neg().expect("amounts are not negative"))
    }

    /// ⌊self × other⌋ in units of 10⁻⁸, for non-negative numbers.
    pub fn mul_floor(self, other: Self) -> Option<Self> {
        let product = self.product(other)?;
        let quotient = product.checked_div(i128::from(SCALE))?;
        i64::try_from(quotient).ok().map(Self)
    }

    /// The largest multiple of `self` up to `most` for which `fits` holds. `fits` must hold for
    /// every amount below one for which it holds. Zero if it holds for no multiple.
    pub(super) fn most_multiples(self, most: Self, fits: impl Fn(Self) -> bool) -> Self {
        let amount = |multiples: i64| Self::from_units(multiples.saturating_mul(self.units()));
        let (mut fit, mut not) = (0, most.units().checked_div(self.units()).unwrap_or(0));
        if fits(amount(not)) {
            return amount(not);
        }
        while not.saturating_sub(fit) > 1 {
            let middle = fit.midpoint(not);
            if fits(amount(middle)) {
                fit = middle;
            } else {
                not = middle;
            }
        }
        amount(fit)
    }

    /// ⌈self × other⌉ in units of 10⁻⁸, for non-negative numbers.
    pub fn mul_ceil(self, other: Self) -> Option<Self> {
        Self::products_ceil([(self, other)])
    }

    /// The sum of exact products, rounded up once. `None` if it is out of range.
    pub(super) fn products_ceil<const N: usize>(products: [(Self, Self); N]) -> Option<Self> {
        let exact = products
            .into_iter()
            .try_fold(0_i128, |sum, (factor, other)| sum.checked_add(factor.product(other)?))?;
        let padded = exact.checked_add(i128::from(SCALE).checked_sub(1)?)?;
        let quotient = padded.checked_div(i128::from(SCALE))?;
        i64::try_from(quotient).ok().map(Self)
    }

    /// ⌊self ÷ other⌋ in units of 10⁻⁸, for non-negative numbers. `None` also if `other` is zero.
    pub fn div_floor(self, other: Self) -> Option<Self> {
        let scaled = i128::from(self.0).checked_mul(i128::from(SCALE))?;
        let quotient = scaled.checked_div(i128::from(other.0))?;
        i64::try_from(quotient).ok().map(Self)
    }

    fn product(self, other: Self) -> Option<i128> {
        debug_assert!(self.0 >= 0 && other.0 >= 0, "rounding is defined for non-negative numbers");
        i128::from(self.0).checked_mul(i128::from(other.0))
    }
}

/// Splits `1.5e-8` into `1.5` and −8; without an exponent it is 0.
fn split_exponent(text: &str) -> Result<(&str, i64), ParseError> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return Ok((text, 0));
    };
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseError::NotANumber);
    }
    // An exponent beyond 64 bits is far out of range, in either direction.
    let fallback = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    Ok((mantissa, exponent.parse().unwrap_or(fallback)))
}

fn parse_mantissa(text: &str) -> Result<Decimal, ParseError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let empty = whole.is_empty() && fraction.is_empty();
    if empty || !only_digits(whole) || !only_digits(fraction) {
        return Err(ParseError::NotANumber);
    }
    // Trailing zeros are insignificant but would count towards the capacity of a Decimal.
    let significant =
        if digits.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if significant.trim_start_matches(['+', '-']).is_empty() {
        return Ok(Decimal::ZERO);
    }
    match Decimal::from_str_exact(significant.strip_prefix('+').unwrap_or(significant)) {
        Ok(decimal) => Ok(decimal),
        Err(rust_decimal::Error::Underflow) => Err(ParseError::TooFine),
        Err(_) => Err(ParseError::OutOfRange),
    }
}

/// `decimal × 10^exponent`, which must be a whole number of 10⁻⁸ units.
fn shift(decimal: Decimal, exponent: i64) -> Result<Fixed, ParseError> {
    let decimal = decimal.normalize();
    if decimal.is_zero() {
        return Ok(Fixed::ZERO);
    }
    // units = mantissa × 10^(8 − scale + exponent)
    let power = i64::from(DECIMALS)
        .checked_sub(i64::from(decimal.scale()))
        .and_then(|power| power.checked_add(exponent))
        .ok_or(if exponent < 0 { ParseError::TooFine } else { ParseError::OutOfRange })?;
    let factor = u32::try_from(power.unsigned_abs()).ok().and_then(|p| 10_i128.checked_pow(p));
    let mantissa = decimal.mantissa();
    let units = if power >= 0 {
        factor.and_then(|factor| mantissa.checked_mul(factor)).ok_or(ParseError::OutOfRange)?
    } else {
        let factor = factor.ok_or(ParseError::TooFine)?;
        if mantissa.checked_rem(factor) != Some(0) {
            return Err(ParseError::TooFine);
        }
        mantissa.checked_div(factor).ok_or(ParseError::TooFine)?
    };
    i64::try_from(units).map(Fixed).map_err(|_| ParseError::OutOfRange)
}

/// The eight decimals of a number that has more of them.
fn truncate(text: &str) -> Result<Fixed, ParseError> {
    let (mantissa, exponent) = split_exponent(text)?;
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // The number of digits up to the eighth decimal; not positive if that is before the first one.
    let kept = i64::try_from(whole.len())
        .unwrap_or(i64::MAX)
        .saturating_add(i64::from(DECIMALS))
        .saturating_add(exponent);
    let kept = usize::try_from(kept).unwrap_or(0);
    if kept > MAX_TEXT_LEN {
        return Err(ParseError::OutOfRange);
    }
    let mut digits = [sign, whole, fraction].concat();
    let end = sign.len().saturating_add(kept);
    digits.extend(std::iter::repeat_n('0', end.saturating_sub(digits.len())));
    digits.truncate(end);
    if kept == 0 {
        return Ok(Fixed::ZERO);
    }
    digits.parse().map(Fixed).map_err(|_| ParseError::OutOfRange)
}

impl FromStr for Fixed {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

/// The shortest exact notation, which is also valid JSON: `50000`, `0.1`, `-0.00000001`.
impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = Decimal::from_i128_with_scale(i128::from(self.0), DECIMALS);
        write!(f, "{}", decimal.normalize())
    }
}

#[cfg(test)]
mod tests {
    use super::{Fixed, ParseError};

    fn check(text: &str, expected: Result<i64, ParseError>) {
        assert_eq!(Fixed::parse(text).map(Fixed::units), expected, "{text}");
    }

    #[test]
    fn every_json_notation_is_parsed_exactly() {
        for (text, units) in [
            ("0", 0),
            ("-0", 0),
            ("0e999999999999999999999999", 0),
            ("1", 100_000_000),
            ("+1", 100_000_000),
            ("0.1", 10_000_000),
            ("0.10000000000000000000000000000000000000", 10_000_000),
            (" 50000.00 ", 5_000_000_000_000),
            ("1e-8", 1),
            ("1E-8", 1),
            ("100e-10", 1),
            ("5e+4", 5_000_000_000_000),
            ("0.00000001", 1),
            ("92233720368.54775807", i64::MAX),
            ("-1.5", -150_000_000),
            (".5", 50_000_000),
            ("5.", 500_000_000),
            (".0", 0),
        ] {
            check(text, Ok(units));
        }
    }

    #[test]
    fn numbers_with_more_than_eight_decimals_are_rejected() {
        for text in ["0.000000001", "1e-9", "1.5e-8", "1e-400", "0.1234567891", "1e-99999999999999"]
        {
            check(text, Err(ParseError::TooFine));
        }
        check("0.00000000000000000000000000000000000001", Err(ParseError::TooFine));
    }

    #[test]
    fn further_decimals_can_be_truncated() {
        for (text, expected) in [
            ("0.123456789", Ok(12_345_678)),
            ("-0.123456789", Ok(-12_345_678)),
            (" +.123456789 ", Ok(12_345_678)),
            ("0.999999999999999999999999999999999999999", Ok(99_999_999)),
            ("1e-9", Ok(0)),
            ("99e-10", Ok(0)),
            ("123e-10", Ok(1)),
            ("123456789123e-3", Ok(12_345_678_912_300_000)),
            ("1.23456789123e2", Ok(12_345_678_912)),
            ("1e-99999999999999999999", Ok(0)),
            ("92233720368.547758079", Ok(i64::MAX)),
            ("92233720368.547758080001", Err(ParseError::OutOfRange)),
            ("0.1", Ok(10_000_000)),
            ("0.000000000000000000000000000000001e33", Ok(100_000_000)),
            ("0.000000000000000000000000000000001e99", Err(ParseError::OutOfRange)),
            ("1e400", Err(ParseError::OutOfRange)),
            ("abc", Err(ParseError::NotANumber)),
        ] {
            assert_eq!(Fixed::parse_truncated(text).map(Fixed::units), expected, "{text}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_rejected() {
        for text in ["1e400", "92233720368.54775808", "1e11", "99999999999999999999999999999999999"]
        {
            check(text, Err(ParseError::OutOfRange));
        }
        check("1e99999999999999999999999", Err(ParseError::OutOfRange));
    }

    #[test]
    fn texts_that_are_not_numbers_are_rejected() {
        for text in ["", " ", "abc", "NaN", "inf", "1_000", "1,5", "0x10", "1e", "1e+", "--1", "."]
        {
            check(text, Err(ParseError::NotANumber));
        }
        for text in ["1.2.3", "1e5e5", "e5", "-.", "-", "١", "1-1", "1 000"] {
            check(text, Err(ParseError::NotANumber));
        }
        check(&"1".repeat(65), Err(ParseError::NotANumber));
    }

    #[test]
    fn the_shortest_exact_text_is_written() {
        for (units, text) in [
            (0, "0"),
            (1, "0.00000001"),
            (10_000_000, "0.1"),
            (5_000_000_000_000, "50000"),
            (-150_000_000, "-1.5"),
            (i64::MAX, "92233720368.54775807"),
            (i64::MIN, "-92233720368.54775808"),
        ] {
            assert_eq!(Fixed::from_units(units).to_string(), text);
        }
    }

    #[test]
    fn products_are_rounded_in_the_named_direction() {
        let third = Fixed::from_units(33_333_333);
        assert_eq!(third.mul_floor(third).map(Fixed::units), Some(11_111_110));
        assert_eq!(third.mul_ceil(third).map(Fixed::units), Some(11_111_111));
        assert_eq!(Fixed::ONE.mul_ceil(third), Some(third));
        assert_eq!(Fixed::MAX.mul_floor(Fixed::MAX), None);
        assert_eq!(Fixed::MAX.mul_floor(Fixed::ONE), Some(Fixed::MAX));
    }
}
