//! The envelope of successful responses, and the date format that two of them use.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::NaiveDateTime;
use serde::Serialize;

use super::code::ErrorCode;
use super::outages;

#[derive(Serialize)]
struct Envelope<'a, T> {
    success: bool,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

/// A success with data.
pub fn ok<T: Serialize>(message: &str, data: T) -> HttpResponse {
    outages::recovered();
    let data = Some(data);
    HttpResponse::Ok().json(Envelope { success: true, message, data })
}

/// A success that has created something.
pub fn created<T: Serialize>(message: &str, data: T) -> HttpResponse {
    outages::recovered();
    let data = Some(data);
    HttpResponse::Created().json(Envelope { success: true, message, data })
}

#[derive(Serialize)]
struct RefusalWithData<'a, T> {
    success: bool,
    message: &'a str,
    code: ErrorCode,
    data: T,
}

/// An error with data that says more.
pub fn refused_with<T: Serialize>(code: ErrorCode, message: &str, data: T) -> HttpResponse {
    let body = RefusalWithData { success: false, message, code, data };
    HttpResponse::build(code.status()).json(body)
}

/// A success without data.
pub fn done(message: &str) -> HttpResponse {
    outages::recovered();
    HttpResponse::Ok().json(Envelope::<()> { success: true, message, data: None })
}

/// A success whose envelope has more keys than others.
pub fn with_body<T: Serialize>(status: StatusCode, body: T) -> HttpResponse {
    outages::recovered();
    HttpResponse::build(status).json(body)
}

/// `Y-m-d H:i:s`, the format of the dates in `GET /my-orders`.
pub fn plain(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}
