//! How timestamps are encoded in JSON.

use chrono::{Datelike, NaiveDateTime, Timelike};

const TEMPLATE: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";

/// ISO 8601 in UTC with six fractional digits: `2026-01-31T12:00:00.000000Z`.
///
/// A response has several timestamps, and Chrono's formatting takes longer than the rest of it.
pub fn iso8601(at: NaiveDateTime) -> String {
    let micros = at.nanosecond() / 1000;
    match u32::try_from(at.year()) {
        Ok(year @ 0..=9999) if micros < 1_000_000 => {
            let mut text = *TEMPLATE;
            write_digits(&mut text[0..4], year);
            write_digits(&mut text[5..7], at.month());
            write_digits(&mut text[8..10], at.day());
            write_digits(&mut text[11..13], at.hour());
            write_digits(&mut text[14..16], at.minute());
            write_digits(&mut text[17..19], at.second());
            write_digits(&mut text[20..26], micros);
            String::from_utf8_lossy(&text).into_owned()
        }
        // A year with another number of digits, or a leap second.
        _ => at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
    }
}

/// Writes the last decimal digits of a number, as many as there is room for.
fn write_digits(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, TimeDelta};

    use super::iso8601;

    #[test]
    fn a_timestamp_is_what_chrono_formats() {
        let first = DateTime::from_timestamp_micros(-62_200_000_000_000_000).unwrap().naive_utc();
        // From before the year 0 to after the year 9999, at changing times of the day.
        let step = TimeDelta::microseconds(3_456_789_012_345);
        let steps = std::iter::successors(Some(first), |at| at.checked_add_signed(step));
        let leap = NaiveDate::from_ymd_opt(2016, 12, 31).unwrap();
        let leap = leap.and_hms_micro_opt(23, 59, 59, 1_500_000).unwrap();
        let (mut count, mut lengths) = (0, std::collections::BTreeSet::new());
        for at in steps.take(92_000).chain([leap]) {
            let expected = at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
            assert_eq!(iso8601(at), expected);
            count += 1;
            lengths.insert(expected.len());
        }
        assert!(count > 90_000 && lengths.len() > 1, "{count} {lengths:?}");
    }
}
