//! The fields of a request's body, which is JSON or a URL-encoded form regardless of its
//! Content-Type. Multipart bodies are refused.
//!
//! Numbers keep the digits they were written with. The parameters of a URL are validated likewise.

use std::collections::BTreeMap;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};

use crate::deadline::Deadline;
use crate::http::response::{ApiError, ErrorCode};
use crate::http::state::AppState;

/// The beginning of a boundary, and of no other accepted body.
const MULTIPART_START: &str = "--";

/// The fields of a request's body, or the parameters of its URL.
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

impl From<BTreeMap<String, String>> for Input {
    /// The parameters of a URL as fields.
    fn from(parameters: BTreeMap<String, String>) -> Self {
        let field = |(name, value)| (name, Value::String(value));
        Self(parameters.into_iter().map(field).collect())
    }
}

/// A request's body, byte for byte.
pub struct RawBody(pub web::Bytes);

impl FromRequest for RawBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(request, payload);
        let state = request.app_data::<web::Data<AppState>>().cloned();
        Box::pin(async move {
            let state = state.ok_or(ApiError::Internal("the application has no state"))?;
            let deadline = Deadline::within(state.body_timeout).instant();
            let Ok(read) = tokio::time::timeout_at(deadline.into(), bytes).await else {
                return Err(ApiError::refused(
                    ErrorCode::BodyTimeout,
                    "The request body did not arrive in time.",
                ));
            };
            let read = read.map(Self);
            read.map_err(|error| match error.as_response_error().status_code() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    ApiError::refused(ErrorCode::BodyTooLarge, "The request body is too large.")
                }
                _ => malformed("The request body could not be read."),
            })
        })
    }
}

fn unsupported() -> ApiError {
    ApiError::refused(
        ErrorCode::UnsupportedMediaType,
        "Send the fields as application/json or application/x-www-form-urlencoded.",
    )
}

fn malformed(message: &str) -> ApiError {
    ApiError::refused(ErrorCode::MalformedBody, message)
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
        if text.starts_with(MULTIPART_START) {
            return Err(unsupported());
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
            // Some languages write NaN and Infinity. As strings they are rejected by the field's
            // validation, with an error that names the field.
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

    /// The fields as JSON, in the order of their names.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("a map of JSON values is valid JSON")
    }

    /// The field, unchanged, if it is a string.
    pub fn string(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(Value::as_str)
    }

    /// The field as a list of objects. `None` if it is something else.
    pub fn objects(&self, field: &str) -> Option<Vec<Self>> {
        let items = self.0.get(field)?.as_array()?.iter();
        items.map(|item| item.as_object().map(|fields| Self(fields.clone()))).collect()
    }

    /// The field as it was sent, whatever its type.
    pub(super) fn value(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// Whether the field has no value, not even white space.
    pub fn is_absent(&self, field: &str) -> bool {
        matches!(self.0.get(field), None | Some(Value::Null)) || self.string(field) == Some("")
    }

    pub fn is_missing(&self, field: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::{Input, without_bare_words};

    #[test]
    fn nan_and_infinity_become_strings_except_within_strings() {
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
    fn the_format_of_a_body_is_detected() {
        let field = |body: &str| {
            Input::parse(body.as_bytes()).ok().and_then(|input| Some(input.value("a")?.to_string()))
        };
        assert_eq!(
            field(r#"{"a":0.10000000000000000000001}"#).as_deref(),
            Some("0.10000000000000000000001")
        );
        assert_eq!(field("a=1.1%2B&b=2").as_deref(), Some(r#""1.1+""#));
        assert_eq!(field(""), None);
        for broken in ["{", "[]", "\"x\"", "words", "{\"a\":}", "\u{0}"] {
            assert!(Input::parse(broken.as_bytes()).is_err(), "{broken}");
        }
        assert!(Input::parse(&[0xff, 0xfe]).is_err());
    }
}
