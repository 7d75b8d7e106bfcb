//! Numbers from outside: no text makes the parser panic, none is accepted that is no number, and
//! what is accepted is exact.

use matchcast::events::decimal::DecimalNumber;
use matchcast::market::{Fixed, ParseError};
use proptest::prelude::*;

use crate::fuzz::{config, corpus, text_variants};

const CORPUS: &str = include_str!("../fixtures/fuzz/numbers.json");

/// Compares with the standard library's parser of floats, which accepts the same notation.
fn check(text: &str) {
    let Ok(number) = Fixed::parse(text) else { return };
    let float: f64 = text.trim().parse().unwrap_or_else(|_| panic!("{text:?} is no number"));
    #[expect(clippy::cast_precision_loss, reason = "compared with a tolerance")]
    let parsed = number.units() as f64 / 1e8;
    assert!((parsed - float).abs() <= float.abs() * 1e-12, "{text:?} became {number}");
    assert_eq!(Fixed::parse(&number.to_string()), Ok(number), "{text:?}");
    let json = serde_json::to_string(&DecimalNumber(number)).unwrap();
    let read: serde_json::Number = serde_json::from_str(&json).unwrap();
    assert_eq!(Fixed::parse(&read.to_string()), Ok(number), "{text:?} written as {json}");
}

#[test]
fn picked_numbers_are_parsed_exactly_or_rejected() {
    corpus(CORPUS).iter().for_each(|text| check(text));
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn a_text_is_parsed_exactly_or_rejected(text in text_variants(CORPUS)) {
        check(&text);
    }

    #[test]
    fn a_decimal_is_exact_in_every_notation(
        digits in 0_i64..1_000_000_000_000_000_000,
        negative: bool,
        exponent in -12_i32..4,
    ) {
        let sign = if negative { "-" } else { "" };
        let scale = exponent + 8;
        let exact = |factor: i128| i128::from(digits) * factor;
        let expected = if scale >= 0 {
            let factor = 10_i128.pow(scale.unsigned_abs());
            i64::try_from(exact(factor)).map_err(|_| ParseError::OutOfRange)
        } else {
            let divisor = 10_i64.pow(scale.unsigned_abs());
            if digits % divisor == 0 { Ok(digits / divisor) } else { Err(ParseError::TooFine) }
        };
        let signed = |units: i64| if negative { -units } else { units };
        let text = format!("{sign}{digits}e{exponent}");
        let parsed = Fixed::parse(&text).map(Fixed::units);
        prop_assert_eq!(parsed, expected.map(signed), "{}", text);
    }

    #[test]
    fn a_number_survives_text_and_json(units: i64) {
        check(&Fixed::from_units(units).to_string());
    }
}
