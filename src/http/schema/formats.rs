//! Schemas of numbers, times and other formats, where the type of a field does not give them.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::events::decimal::{DecimalNumber, DecimalSum};

/// A time in a response.
pub enum Timestamp {}
/// A time in a request.
pub enum RequestTime {}
/// `Y-m-d H:i:s`
pub enum PlainTime {}
/// A price or an amount in a request.
pub enum PositiveDecimal {}
/// A price or an amount in a request, or its negative.
pub enum SignedDecimal {}
/// A flag in a request.
pub enum Flag {}
/// A user's own id of an order.
pub enum ClientOrderIdText {}
/// The number of an order's status.
pub enum OrderStatus {}
/// A text that may not be blank.
pub enum RequiredText {}
/// A text in the words of a payment service.
pub enum LabelText {}
/// A password that may be set.
pub enum NewPasswordText {}
/// The id of a connection to the provider.
pub enum SocketIdText {}
/// The code of an error.
pub enum ErrorWord {}
/// The texts for invalid fields.
pub enum FieldTexts {}
/// A level of a book.
pub enum LevelPair {}

/// Declares the name of a type's schema, which [`all`] returns.
macro_rules! schemas {
    ($($type:ty: $name:literal, $schema:expr;)+) => {
        $(
            impl PartialSchema for $type {
                fn schema() -> RefOr<Schema> {
                    // A placeholder: utoipa's builders cannot express some of these schemas.
                    ObjectBuilder::new().into()
                }
            }

            impl ToSchema for $type {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed($name)
                }
            }
        )+

        /// Each schema with its name.
        pub fn all() -> Vec<(&'static str, Value)> {
            vec![$(($name, $schema)),+]
        }
    };
}

/// Of a text without control characters, which white space may surround.
fn label_pattern() -> String {
    const SPACE: &str = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
    const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";
    let visible = format!("[^{SPACE}{CONTROL}]");
    format!("^[{SPACE}]*{visible}([^{CONTROL}]*{visible})?[{SPACE}]*$")
}

schemas! {
    DecimalNumber: "Decimal", json!({
        "type": "number",
        "description": "An exact number with at most eight decimal places.",
        "examples": [50000],
    });
    DecimalSum: "DecimalSum", json!({
        "type": "number",
        "description": "An exact number with at most eight decimal places, which may be larger \
            than any single amount.",
        "examples": [1.5],
    });
    PositiveDecimal: "PositiveDecimal", json!({
        "description": "A number, or a string with a number, of at most eight decimal places. A \
            string is exact; of a number, digits that a float cannot hold are ignored.",
        "anyOf": [
            {
                "type": "number",
                "minimum": 1e-8,
                "maximum": 92_233_720_368_i64,
                "multipleOf": 1e-8,
            },
            {
                "type": "string",
                "pattern": "^([1-9][0-9]{0,9}(\\.[0-9]{1,8})?|0\\.[0-9]{0,7}[1-9])$",
            },
        ],
        "examples": ["0.5"],
    });
    SignedDecimal: "SignedDecimal", json!({
        "description": "A number, or a string with a number, of at most eight decimal places, and \
            not 0. A string is exact; of a number, digits that a float cannot hold are ignored.",
        "anyOf": [
            {
                "type": "number",
                "minimum": -92_233_720_368_i64,
                "maximum": 92_233_720_368_i64,
                "multipleOf": 1e-8,
                "not": { "const": 0 },
            },
            {
                "type": "string",
                "pattern": "^-?([1-9][0-9]{0,9}(\\.[0-9]{1,8})?|0\\.[0-9]{0,7}[1-9])$",
            },
        ],
        "examples": ["-0.5"],
    });
    Timestamp: "Timestamp", json!({
        "type": "string",
        "format": "date-time",
        "description": "A time in UTC, with six decimal places.",
        "examples": ["2026-01-31T12:00:00.000000Z"],
    });
    RequestTime: "Time", json!({
        "type": "string",
        "format": "date-time",
        "pattern": "^[1-9][0-9]{3}-",
        "maxLength": 32,
        "description": "A time with its offset from UTC, in the years 1000 to 9999.",
        "examples": ["2030-01-31T12:00:00Z"],
    });
    PlainTime: "PlainTime", json!({
        "type": "string",
        "pattern": "^\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2}$",
        "description": "A time in UTC, in Laravel's format.",
        "examples": ["2026-01-31 12:00:00"],
    });
    Flag: "Flag", json!({
        "description": "As in Laravel, also 1 and 0, and as a string.",
        "anyOf": [
            { "type": "boolean" },
            { "enum": [0, 1, "0", "1", "true", "false"] },
        ],
        "examples": [true],
    });
    ClientOrderIdText: "ClientOrderId", json!({
        "type": "string",
        "pattern": "^[!-~]{1,64}$",
        "description": "The user's own id of an order: visible ASCII characters, never used twice.",
    });
    RequiredText: "RequiredText", json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "[^\\s\\u0085]",
        "description": "A text that is not blank. White space around it is removed.",
    });
    LabelText: "LabelText", json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": label_pattern(),
        "description": "A text that is not blank, without control characters. White space around \
            it is removed.",
    });
    NewPasswordText: "NewPasswordText", json!({
        "type": "string",
        "minLength": 8,
        "maxLength": 1024,
        "pattern": "[^\\s\\u0085]",
        "description": "A password that is not blank, with white space as it is.",
    });
    SocketIdText: "SocketId", json!({
        "type": "string",
        "maxLength": 64,
        "pattern": "^[0-9]+\\.[0-9]+$",
        "description": "The id of a connection, from the event `pusher:connection_established`.",
        "examples": ["1234.5678"],
    });
    OrderStatus: "OrderStatus", json!({
        "type": "integer",
        "enum": [1, 2, 3],
        "description": "1: open, also while it waits for its stop price or is partly filled; \
            2: filled; 3: cancelled.",
    });
    LevelPair: "Level", json!({
        "type": "array",
        "description": "A price, and the amount of all orders at it.",
        "prefixItems": [{ "type": "number" }, { "type": "number" }],
        "items": false,
        "minItems": 2,
        "maxItems": 2,
    });
    ErrorWord: "ErrorCode", json!({
        "type": "string",
        "description": "What went wrong, see `GET /api/errors`.",
    });
    FieldTexts: "FieldErrors", json!({
        "type": "object",
        "description": "The texts for each invalid field.",
        "additionalProperties": {
            "type": "array",
            "items": { "type": "string" },
            "minItems": 1,
        },
    });
}

/// The field `success` of a success.
pub fn always_true() -> Object {
    always(true)
}

/// The field `success` of an error.
pub fn always_false() -> Object {
    always(false)
}

fn always(value: bool) -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([value])).build()
}
