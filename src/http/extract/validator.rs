//! Validation rules for the fields of a request, and the error texts for fields that break them.
//!
//! The texts are Laravel's, because frontends display them.

use chrono::{DateTime, Datelike, NaiveDateTime};
use serde_json::Value;

use super::input::Input;
use super::number;
use crate::config::ExcessDecimals;
use crate::http::response::{ApiError, FieldErrors};
use crate::market::{Fixed, ParseError, Side, UnixMicros};
use crate::store::unix_micros;

/// The words of the field `side`.
pub const SIDES: [(&str, Side); 2] = [("buy", Side::Buy), ("sell", Side::Sell)];
/// More characters than any word of a list has.
const MAX_WORD: usize = 32;

/// Reads fields and collects the errors of those that are invalid.
///
/// A getter returns `None` exactly when it has added an error, so [`Validator::finish`] can return
/// every value.
pub struct Validator<'a> {
    input: &'a Input,
    errors: FieldErrors,
}

impl<'a> Validator<'a> {
    pub fn of(input: &'a Input) -> Self {
        Self { input, errors: FieldErrors::default() }
    }

    pub fn fail(&mut self, field: &'static str, text: impl Into<String>) {
        self.errors.add(field, text);
    }

    /// A required text of at most `max` characters, without surrounding white space.
    pub fn text(&mut self, field: &'static str, max: usize) -> Option<String> {
        if self.input.is_missing(field) {
            self.fail(field, format!("The {} field is required.", words(field)));
            return None;
        }
        let Some(Value::String(text)) = self.input.value(field) else {
            self.fail(field, format!("The {} field must be a string.", words(field)));
            return None;
        };
        // PostgreSQL cannot store NUL in a text.
        if text.contains('\0') {
            self.fail(field, format!("The {} field format is invalid.", words(field)));
            return None;
        }
        let text = text.trim().to_owned();
        self.bounded(field, text, max)
    }

    /// A required text, unchanged: passwords may begin or end with spaces.
    pub fn raw_text(&mut self, field: &'static str, max: usize) -> Option<String> {
        self.text(field, max)?;
        match self.input.value(field) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        }
    }

    fn bounded(&mut self, field: &'static str, text: String, max: usize) -> Option<String> {
        if text.chars().count() > max {
            let field_words = words(field);
            self.fail(
                field,
                format!("The {field_words} field must not be greater than {max} characters."),
            );
            return None;
        }
        Some(text)
    }

    /// A required price or amount: a JSON number or a string, positive, at most 8 decimals.
    pub fn positive(&mut self, field: &'static str, excess: ExcessDecimals) -> Option<Fixed> {
        if self.input.is_missing(field) {
            self.fail(field, format!("The {} field is required.", words(field)));
            return None;
        }
        let parsed = self.input.value(field).map(|value| number::parse(value, excess));
        let problem = match parsed {
            Some(Ok(value)) if value >= Fixed::UNIT => return Some(value),
            Some(Ok(_)) => format!("must be at least {}", Fixed::UNIT),
            Some(Err(error)) => of_number(error),
            None => of_number(ParseError::NotANumber),
        };
        self.fail(field, format!("The {} field {problem}.", words(field)));
        None
    }

    /// A required amount that is added or taken away: like [`Self::positive`], or negative.
    pub fn signed(&mut self, field: &'static str, excess: ExcessDecimals) -> Option<Fixed> {
        if self.input.is_missing(field) {
            self.fail(field, format!("The {} field is required.", words(field)));
            return None;
        }
        let parsed = self.input.value(field).map(|value| number::parse_signed(value, excess));
        let problem = match parsed {
            Some(Ok(value)) if !value.is_zero() => return Some(value),
            Some(Ok(_)) => "must not be 0".to_owned(),
            Some(Err(error)) => of_number(error),
            None => of_number(ParseError::NotANumber),
        };
        self.fail(field, format!("The {} field {problem}.", words(field)));
        None
    }

    pub fn optional_positive(
        &mut self,
        field: &'static str,
        excess: ExcessDecimals,
    ) -> Option<Fixed> {
        if self.input.is_missing(field) { None } else { self.positive(field, excess) }
    }

    /// A required word of a list, with its meaning.
    pub fn one_of<T: Copy>(&mut self, field: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(field, MAX_WORD)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            self.fail(field, format!("The selected {} is invalid.", self::words(field)));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// A required list of one or more words of a list, with their meanings.
    pub fn some_of<T: Copy>(&mut self, field: &'static str, known: &[(&str, T)]) -> Option<Vec<T>> {
        if self.input.is_missing(field) {
            self.fail(field, format!("The {} field is required.", words(field)));
            return None;
        }
        let items = self.input.value(field).and_then(Value::as_array);
        let meaning = |item: &Value| {
            let (_, meaning) = known.iter().find(|(word, _)| item.as_str() == Some(*word))?;
            Some(*meaning)
        };
        let meanings: Option<Vec<T>> = items.and_then(|items| items.iter().map(meaning).collect());
        let meanings = meanings.filter(|meanings| !meanings.is_empty());
        if meanings.is_none() {
            let known: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            let known = known.join(", ");
            self.fail(field, format!("The {} field must be a list of: {known}.", words(field)));
        }
        meanings
    }

    pub fn optional_one_of<T: Copy>(
        &mut self,
        field: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        if self.input.is_missing(field) { None } else { self.one_of(field, words) }
    }

    /// A required id: a positive integer, or its digits as a string.
    pub fn id(&mut self, field: &'static str) -> Option<i64> {
        if self.input.is_missing(field) {
            self.fail(field, format!("The {} field is required.", words(field)));
            return None;
        }
        let text = match self.input.value(field) {
            Some(Value::String(text)) => text.trim().to_owned(),
            value => value.map(Value::to_string).unwrap_or_default(),
        };
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = is_number.then(|| text.parse().ok()).flatten().filter(|id| *id > 0);
        if id.is_none() {
            self.fail(field, format!("The {} field must be a positive integer.", words(field)));
        }
        id
    }

    pub fn optional_id(&mut self, field: &'static str) -> Option<i64> {
        if self.input.is_missing(field) { None } else { self.id(field) }
    }

    /// Required, and else like [`Self::optional_bool`].
    pub fn bool(&mut self, field: &'static str) -> Option<bool> {
        if self.input.is_missing(field) {
            self.fail(field, format!("The {} field is required.", words(field)));
        }
        self.optional_bool(field)
    }

    /// As Laravel: `true`, `false`, 1 and 0, and the last two as strings. Forms also send words.
    pub fn optional_bool(&mut self, field: &'static str) -> Option<bool> {
        if self.input.is_missing(field) {
            return None;
        }
        let text = self.input.value(field).map(|value| match value {
            Value::String(text) => text.trim().to_owned(),
            value => value.to_string(),
        });
        match text.as_deref() {
            Some("true" | "1") => Some(true),
            Some("false" | "0") => Some(false),
            _ => {
                self.fail(field, format!("The {} field must be true or false.", words(field)));
                None
            }
        }
    }

    pub fn optional_text(&mut self, field: &'static str, max: usize) -> Option<String> {
        if self.input.is_missing(field) { None } else { self.text(field, max) }
    }

    /// A number of rows, 1 to `most`.
    pub fn optional_up_to(&mut self, field: &'static str, most: i64) -> Option<i64> {
        let text = self.optional_text(field, MAX_WORD)?;
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        if number.is_none() {
            let words = words(field);
            self.fail(field, format!("The {words} field must be between 1 and {most}."));
        }
        number
    }

    /// A required time with its offset from UTC: `2026-01-31T12:00:00Z`.
    pub fn time(&mut self, field: &'static str) -> Option<UnixMicros> {
        self.date_time(field).map(unix_micros)
    }

    /// [`Validator::time`], in UTC.
    pub fn optional_date_time(&mut self, field: &'static str) -> Option<NaiveDateTime> {
        if self.input.is_missing(field) { None } else { self.date_time(field) }
    }

    fn date_time(&mut self, field: &'static str) -> Option<NaiveDateTime> {
        let text = self.text(field, MAX_WORD)?;
        let parsed = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.naive_utc());
        // Other years have another number of digits.
        let time = parsed.filter(|time| (1000..=9999).contains(&time.year()));
        if time.is_none() {
            let rule = "must be a time such as 2030-01-31T12:00:00Z";
            self.fail(field, format!("The {} field {rule}.", words(field)));
        }
        time
    }

    /// Returns the values of the getters: of one option, or of a tuple of options.
    ///
    /// # Errors
    /// 422 with all collected texts.
    pub fn finish<T: Validated>(self, values: T) -> Result<T::Values, ApiError> {
        if !self.errors.is_empty() {
            return Err(ApiError::Invalid(self.errors));
        }
        values.all().ok_or(ApiError::Internal("a missing value passed the validation"))
    }
}

/// Values that are all present once they are valid.
pub trait Validated {
    type Values;

    fn all(self) -> Option<Self::Values>;
}

impl<A> Validated for Option<A> {
    type Values = A;

    fn all(self) -> Option<A> {
        self
    }
}

macro_rules! validated_tuples {
    ($(($($value:ident),+);)+) => {$(
        impl<$($value),+> Validated for ($(Option<$value>),+) {
            type Values = ($($value),+);

            fn all(self) -> Option<Self::Values> {
                #[expect(non_snake_case, reason = "a value is named after its type")]
                let ($($value),+) = self;
                Some(($($value?),+))
            }
        }
    )+};
}

validated_tuples! {
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E, F);
}

/// The field's name as it appears in error texts: `socket_id` is "socket id".
fn words(field: &str) -> String {
    field.replace('_', " ")
}

/// What is wrong with a number, after the name of its field.
fn of_number(error: ParseError) -> String {
    match error {
        ParseError::TooFine => "must have at most 8 decimal places".to_owned(),
        ParseError::OutOfRange => format!("must not be greater than {}", Fixed::MAX),
        ParseError::NotANumber => "must be a number".to_owned(),
    }
}
