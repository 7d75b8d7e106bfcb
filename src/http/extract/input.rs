//! What a client sent, as fields: JSON or a form, whatever Content-Type says.
//!
//! Numbers keep the digits they were written with. Each rule that a field breaks becomes a text
//! that names the field; the texts are Laravel's, because pages show them.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};

use crate::http::response::{ApiError, FieldErrors};
use crate::market::{Fixed, ParseError};

/// The fields of a request's body.
#[derive(Clone, Debug, Default)]
pub struct Input(Map<String, Value>);

impl FromRequest for Input {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = RawBody::from_request(request, payload);
        Box::pin(async move { Self::parse(&body.await?.0) })
    }
}

/// A request's body, byte for byte.
pub struct RawBody(pub web::Bytes);

impl FromRequest for RawBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let read = bytes.await.map(Self);
            read.map_err(|error| match error.as_response_error().status_code() {
                StatusCode::PAYLOAD_TOO_LARGE => ApiError::refused(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body_too_large",
                    "The request body is too large.",
                ),
                _ => malformed("The request body could not be read."),
            })
        })
    }
}

fn malformed(message: &str) -> ApiError {
    ApiError::refused(StatusCode::BAD_REQUEST, "malformed_body", message)
}

impl Input {
    fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(malformed("The request body is not UTF-8."));
        };
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.starts_with(['{', '[', '"']) {
            return Self::parse_json(text);
        }
        if !text.contains('=') {
            return Err(malformed("The request body is neither JSON nor a form."));
        }
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text)
            .map_err(|_| malformed("The request body is not a valid form."))?;
        Ok(Self(pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect()))
    }

    fn parse_json(text: &str) -> Result<Self, ApiError> {
        let parsed = serde_json::from_str::<Value>(text).or_else(|error| {
            // Some languages write NaN and Infinity. They are answered like any other value that is
            // no number: by the name of the field.
            serde_json::from_str(&without_bare_words(text)).map_err(|_| error)
        });
        match parsed {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(malformed("The request body must be a JSON object.")),
            Err(error) => Err(malformed(&format!(
                "The request body is not valid JSON (line {}, column {}).",
                error.line(),
                error.column()
            ))),
        }
    }

    /// The field, if it is a string: exactly as it was sent.
    pub fn string(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(Value::as_str)
    }

    /// The field as text: a string, or a number as it was written.
    fn text(&self, field: &str) -> Option<String> {
        match self.0.get(field) {
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        }
    }

    fn is_missing(&self, field: &str) -> bool {
        match self.0.get(field) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(_) => false,
        }
    }
}

/// Turns the words NaN and Infinity outside of strings into strings.
fn without_bare_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(16));
    let mut rest = text;
    while let Some(start) = rest.find(['"', 'N', 'I', '-']) {
        let (before, found) = rest.split_at(start);
        out.push_str(before);
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|w| found.starts_with(w));
        let len = match word {
            Some(word) => {
                out.push('"');
                out.push_str(word);
                out.push('"');
                word.len()
            }
            None => {
                let len = if found.starts_with('"') { string_len(found) } else { 1 };
                out.push_str(&found[..len]);
                len
            }
        };
        rest = &found[len..];
    }
    out.push_str(rest);
    out
}

/// The length of the JSON string at the beginning of `text`, with its quotes.
fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (position, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return position.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

/// Reads fields by rules and gathers what is wrong with them.
///
/// A getter gives `None` exactly when it has noted an error, so after [`Rules::finish`] every value
/// is there.
pub struct Rules<'a> {
    input: &'a Input,
    errors: FieldErrors,
}

impl<'a> Rules<'a> {
    pub fn of(input: &'a Input) -> Self {
        Self { input, errors: FieldErrors::default() }
    }

    pub fn fail(&mut self, field: &'static str, text: impl Into<String>) {
        self.errors.add(field, text);
    }

    /// A text that must be there, at most `max` characters long.
    pub fn text(&mut self, field: &'static str, max: usize) -> Option<String> {
        if self.input.is_missing(field) {
            self.fail(field, format!("The {} field is required.", words(field)));
            return None;
        }
        let Some(Value::String(text)) = self.input.0.get(field) else {
            self.fail(field, format!("The {} field must be a string.", words(field)));
            return None;
        };
        // PostgreSQL has no place for it in a text.
        if text.contains('\0') {
            self.fail(field, format!("The {} field format is invalid.", words(field)));
            return None;
        }
        let text = text.trim().to_owned();
        self.bounded(field, text, max)
    }

    /// A text that is taken as it is: passwords may begin or end with blanks.
    pub fn raw_text(&mut self, field: &'static str, max: usize) -> Option<String> {
        self.text(field, max)?;
        match self.input.0.get(field) {
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

    /// A price or an amount: a JSON number or a string, positive, at most 8 decimals.
    pub fn positive(&mut self, field: &'static str) -> Option<Fixed> {
        if self.input.is_missing(field) {
            self.fail(field, format!("The {} field is required.", words(field)));
            return None;
        }
        let parsed = self.input.text(field).map(|text| Fixed::parse(&text));
        let problem = match parsed {
            Some(Ok(value)) if value >= Fixed::UNIT => return Some(value),
            Some(Ok(_)) => format!("must be at least {}", Fixed::UNIT),
            Some(Err(ParseError::TooFine)) => "must have at most 8 decimal places".to_owned(),
            Some(Err(ParseError::OutOfRange)) => {
                format!("must not be greater than {}", Fixed::MAX)
            }
            None | Some(Err(ParseError::NotANumber)) => "must be a number".to_owned(),
        };
        self.fail(field, format!("The {} field {problem}.", words(field)));
        None
    }

    pub fn optional_positive(&mut self, field: &'static str) -> Option<Fixed> {
        if self.input.is_missing(field) { None } else { self.positive(field) }
    }

    /// # Errors
    /// 422 with every text that was noted.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::Invalid(self.errors)) }
    }
}

/// `socket_id` as a person reads it.
fn words(field: &str) -> String {
    field.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::{Input, without_bare_words};

    #[test]
    fn words_that_are_no_json_become_strings_but_not_within_strings() {
        for (given, expected) in [
            (r#"{"a":NaN}"#, r#"{"a":"NaN"}"#),
            (r#"{"a":-Infinity,"b":-1}"#, r#"{"a":"-Infinity","b":-1}"#),
            (r#"{"NaN":"NaN \" NaN","b":Infinity}"#, r#"{"NaN":"NaN \" NaN","b":"Infinity"}"#),
            (r#"{"a":"unfinished NaN"#, r#"{"a":"unfinished NaN"#),
        ] {
            assert_eq!(without_bare_words(given), expected);
        }
    }

    #[test]
    fn bodies_are_read_by_what_they_are() {
        let field = |body: &str| Input::parse(body.as_bytes()).ok().and_then(|i| i.text("a"));
        assert_eq!(
            field(r#"{"a":0.10000000000000000000001}"#).as_deref(),
            Some("0.10000000000000000000001")
        );
        assert_eq!(field("a=1.1%2B&b=2").as_deref(), Some("1.1+"));
        assert_eq!(field(""), None);
        for broken in ["{", "[]", "\"x\"", "words", "{\"a\":}", "\u{0}"] {
            assert!(Input::parse(broken.as_bytes()).is_err(), "{broken}");
        }
        assert!(Input::parse(&[0xff, 0xfe]).is_err());
    }
}
