//! The envelope of every success, and how times are written.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::NaiveDateTime;
use serde::Serialize;

mod error;

pub use crate::events::timestamp::iso8601;
pub use error::{ApiError, EMAIL_TAKEN, FieldErrors, WRONG_PASSWORD};

#[derive(Serialize)]
struct Envelope<'a, T> {
    success: bool,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    /// Beside `data`, for pages that look there.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

pub fn ok<T: Serialize>(message: &str, data: T) -> HttpResponse {
    let data = Some(data);
    HttpResponse::Ok().json(Envelope { success: true, message, data, token: None })
}

/// A success that has nothing to tell but its message.
pub fn done(message: &str) -> HttpResponse {
    HttpResponse::Ok().json(Envelope::<()> { success: true, message, data: None, token: None })
}

/// A success that gives its token twice: in `data` and beside it.
pub fn with_token<T: Serialize>(
    status: StatusCode,
    message: &str,
    data: T,
    token: &str,
) -> HttpResponse {
    let (data, token) = (Some(data), Some(token));
    HttpResponse::build(status).json(Envelope { success: true, message, data, token })
}

/// The two dates that are written `Y-m-d H:i:s`.
pub fn plain(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}
