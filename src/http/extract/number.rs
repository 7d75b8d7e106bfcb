//! Reads prices and amounts: exactly as they are written, or as a page computed them.
//!
//! In JavaScript 0.1 + 0.2 is 0.30000000000000004, and a page sends it like this. So a JSON number
//! with more than eight decimals is the number of eight decimals that its float stands for. A
//! string is always exact.

use serde_json::Value;

use crate::config::ExcessDecimals;
use crate::market::{Fixed, ParseError};

/// How many floats the result of a computation may be away from the float of the exact result.
const MAX_STEPS: u64 = 4;
/// Below 2²³ that many floats are within half of 10⁻⁸, so the exact result is unambiguous.
const COMPUTED_BELOW: Fixed = Fixed::from_units((1 << 23) * Fixed::ONE.units());
/// Below 2²⁶ floats are closer to each other than 10⁻⁸, so each number has a float of its own.
const WRITTEN_BELOW: Fixed = Fixed::from_units((1 << 26) * Fixed::ONE.units());

/// A JSON number or a string with a number.
pub fn parse(value: &Value, excess: ExcessDecimals) -> Result<Fixed, ParseError> {
    let text = match value {
        Value::String(text) => text.clone(),
        // As it was written.
        Value::Number(number) => number.to_string(),
        _ => return Err(ParseError::NotANumber),
    };
    parse_text(&text, value.is_number(), excess)
}

/// A number that may be negative.
pub fn parse_signed(value: &Value, excess: ExcessDecimals) -> Result<Fixed, ParseError> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Err(ParseError::NotANumber),
    };
    match text.strip_prefix('-') {
        Some(digits) if digits.starts_with(['+', '-']) => Err(ParseError::NotANumber),
        Some(digits) => parse_text(digits, value.is_number(), excess).map(Fixed::negated),
        None => parse_text(&text, value.is_number(), excess),
    }
}

fn parse_text(text: &str, is_float: bool, excess: ExcessDecimals) -> Result<Fixed, ParseError> {
    match Fixed::parse(text) {
        Err(ParseError::TooFine) => {
            let of_float = if is_float { of_float(text) } else { None };
            match (of_float, excess) {
                (Some(number), _) => Ok(number),
                (None, ExcessDecimals::Truncate) => Fixed::parse_truncated(text),
                (None, ExcessDecimals::Reject) => Err(ParseError::TooFine),
            }
        }
        parsed => parsed,
    }
}

/// The positive number of eight decimals that this float stands for, if there is one.
fn of_float(text: &str) -> Option<Fixed> {
    let float: f64 = text.parse().ok()?;
    let nearest =
        Fixed::parse(&format!("{float:.8}")).ok().filter(|number| number.is_positive())?;
    let exact: f64 = nearest.to_string().parse().ok()?;
    // Positive floats are ordered like their bits.
    let steps = exact.to_bits().abs_diff(float.to_bits());
    let max_steps = if nearest < COMPUTED_BELOW { MAX_STEPS } else { 0 };
    (nearest < WRITTEN_BELOW && steps <= max_steps).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::parse;
    use crate::config::ExcessDecimals::{self, Reject, Truncate};
    use crate::market::ParseError::{self, NotANumber, OutOfRange, TooFine};

    fn check(json: &str, excess: ExcessDecimals, expected: Result<&str, ParseError>) {
        let value: Value = serde_json::from_str(json).unwrap();
        let parsed = parse(&value, excess).map(|number| number.to_string());
        assert_eq!(parsed, expected.map(str::to_owned), "{json} {excess:?}");
    }

    #[test]
    fn a_json_number_is_the_number_that_its_float_stands_for() {
        for (json, expected) in [
            // 0.1 + 0.2, 1 - 0.9, 0.3 - 0.1, 1.1 * 1.1, 4.35 * 100, the sum of a hundred 0.01
            ("0.30000000000000004", "0.3"),
            ("0.09999999999999998", "0.1"),
            ("0.19999999999999998", "0.2"),
            ("1.2100000000000002", "1.21"),
            ("434.99999999999994", "435"),
            ("1.0000000000000007", "1"),
            // 50000.1 + 0.2, 1000000.1 + 0.2
            ("50000.299999999996", "50000.3"),
            ("1000000.2999999999", "1000000.3"),
            ("1.0000000000000002e-8", "0.00000001"),
            // Written with 17 digits.
            ("0.10000000000000001", "0.1"),
            ("60000000.299999997", "60000000.3"),
            ("0.1000000000000000055511151231257827021181583404541015625", "0.1"),
        ] {
            for excess in [Reject, Truncate] {
                check(json, excess, Ok(expected));
            }
        }
    }

    #[test]
    fn finer_numbers_are_rejected_or_truncated() {
        for (json, truncated) in [
            ("0.123456789", Ok("0.12345678")),
            ("0.300000001", Ok("0.3")),
            ("0.3000000000000005", Ok("0.3")),
            ("33.333333333333336", Ok("33.33333333")),
            ("50000.123456789", Ok("50000.12345678")),
            ("1e-9", Ok("0")),
            ("1e-400", Ok("0")),
            ("-0.123456789", Ok("-0.12345678")),
            ("-0.30000000000000004", Ok("-0.3")),
            // Floats are too far apart here to tell which number is meant.
            ("9000000.300000004", Ok("9000000.3")),
            ("12345678901.123456789", Ok("12345678901.12345678")),
            // A string is exact.
            ("\"0.30000000000000004\"", Ok("0.3")),
            ("\"0.10000000000000001\"", Ok("0.1")),
            ("\" 0.29999999999999999 \"", Ok("0.29999999")),
        ] {
            check(json, Reject, Err(TooFine));
            check(json, Truncate, truncated);
        }
    }

    #[test]
    fn other_values_do_not_depend_on_the_setting() {
        for (json, expected) in [
            ("0.1", Ok("0.1")),
            ("\"92233720368.54775807\"", Ok("92233720368.54775807")),
            ("92233720368.54775807", Ok("92233720368.54775807")),
            ("1e400", Err(OutOfRange)),
            ("92233720368.54775808", Err(OutOfRange)),
            ("\"abc\"", Err(NotANumber)),
            ("true", Err(NotANumber)),
            ("[1]", Err(NotANumber)),
        ] {
            for excess in [Reject, Truncate] {
                check(json, excess, expected);
            }
        }
    }
}
