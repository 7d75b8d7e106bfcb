//! The bodies around what handlers return.
#![expect(dead_code, reason = "only their schemas are used")]

use serde_json::Value;
use utoipa::ToSchema;

use super::formats::{ErrorWord, FieldTexts, always_true};

/// A success.
#[derive(ToSchema)]
pub struct Success<T> {
    #[schema(schema_with = always_true)]
    success: bool,
    /// A sentence for people.
    message: String,
    data: T,
}

/// A success without data.
#[derive(ToSchema)]
pub struct Done {
    #[schema(schema_with = always_true)]
    success: bool,
    /// A sentence for people.
    message: String,
}

/// An error (RFC 9457), for clients whose `Accept` names `application/problem+json`.
#[derive(ToSchema)]
pub struct Problem {
    /// The path that describes the code.
    #[schema(rename = "type")]
    kind: String,
    /// The error in general.
    title: String,
    status: u16,
    /// This error.
    detail: String,
    /// The path of the request.
    instance: String,
    code: ErrorWord,
    request_id: Option<String>,
    errors: Option<FieldTexts>,
    /// What else there is to say.
    data: Option<Value>,
}

/// The database responds.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum HealthStatus {
    Ok,
}

/// The response of `GET /health`.
#[derive(ToSchema)]
pub struct Health {
    #[schema(inline)]
    status: HealthStatus,
    version: String,
}

/// The process responds.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum UpStatus {
    Up,
}

/// The response of `GET /up`.
#[derive(ToSchema)]
pub struct Up {
    #[schema(inline)]
    status: UpStatus,
}
