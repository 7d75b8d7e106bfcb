//! The values of a source row, each with the table, the column and the row for its error.

use chrono::NaiveDateTime;

use super::error::ImportError;
use super::mapping::MappedTable;
use super::source::Row;
use crate::market::{Fixed, ParseError};

/// A row of a mapped table.
pub struct Values<'a> {
    table: &'a MappedTable,
    /// The fields that the row has, in its order.
    names: &'a [&'static str],
    row: &'a Row,
    /// The row's id.
    pub id: i64,
}

impl<'a> Values<'a> {
    pub fn new(
        table: &'a MappedTable,
        names: &'a [&'static str],
        row: &'a Row,
    ) -> Result<Self, ImportError> {
        let mut values = Self { table, names, row, id: 0 };
        values.id = values.integer("id")?;
        Ok(values)
    }

    pub fn text(&self, name: &str) -> Option<&'a str> {
        let position = self.names.iter().position(|known| *known == name)?;
        self.row.get(position)?.as_deref()
    }

    pub fn required(&self, name: &str) -> Result<&'a str, ImportError> {
        self.text(name).ok_or_else(|| self.error(name, "is NULL"))
    }

    pub fn integer(&self, name: &str) -> Result<i64, ImportError> {
        let text = self.required(name)?;
        text.parse().map_err(|_| self.error(name, &format!("{text:?} is not an integer")))
    }

    /// A number of 10⁻⁸ units, and whether it had to be rounded. NULL is 0.
    pub fn fixed(&self, name: &str) -> Result<(Fixed, bool), ImportError> {
        let Some(text) = self.text(name) else { return Ok((Fixed::ZERO, false)) };
        match Fixed::parse(text) {
            Ok(number) => Ok((number, false)),
            Err(ParseError::TooFine) => match round(text) {
                Some(number) => Ok((number, true)),
                None => Err(self.error(name, &format!("{text:?} is out of range"))),
            },
            Err(ParseError::NotANumber) => {
                Err(self.error(name, &format!("{text:?} is not a number")))
            }
            Err(ParseError::OutOfRange) => Err(self.error(
                name,
                &format!("{text} is out of range; the largest number is 92233720368.54775807"),
            )),
        }
    }

    /// A time in UTC. NULL, and MySQL's zero, are none.
    pub fn time(&self, name: &str) -> Result<Option<NaiveDateTime>, ImportError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let text = text.trim();
        if text.is_empty() || text.starts_with("0000-00-00") {
            return Ok(None);
        }
        let plain = text.trim_end_matches("+00:00").trim_end_matches("+00").trim_end_matches('Z');
        ["%F %T%.f", "%FT%T%.f"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(plain, format).ok())
            .map(Some)
            .ok_or_else(|| self.error(name, &format!("{text:?} is not a time in UTC")))
    }

    pub fn error(&self, name: &str, problem: &str) -> ImportError {
        ImportError::Value {
            table: self.table.table.clone(),
            column: self.table.column(name).unwrap_or(name).to_owned(),
            row: self.id,
            problem: problem.to_owned(),
        }
    }
}

/// The nearest number of 8 decimals.
fn round(text: &str) -> Option<Fixed> {
    let text = text.trim();
    let truncated = Fixed::parse_truncated(text).ok()?;
    let next = match text.split_once('.') {
        Some((_, decimals)) if !text.contains(['e', 'E']) => decimals.as_bytes().get(8).copied(),
        _ => None,
    };
    match next {
        Some(b'5'..=b'9') if text.starts_with('-') => truncated.checked_sub(Fixed::UNIT),
        Some(b'5'..=b'9') => truncated.checked_add(Fixed::UNIT),
        _ => Some(truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn float_dust_is_rounded_to_the_nearest_unit() {
        for (text, expected) in [
            ("0.30000000000000004", "0.3"),
            ("0.299999999999999", "0.3"),
            ("-0.299999999999999", "-0.3"),
            ("1e-9", "0"),
        ] {
            assert_eq!(round(text).unwrap().to_string(), expected, "{text}");
        }
    }
}
