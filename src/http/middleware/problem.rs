//! Errors as `application/problem+json` (RFC 9457), for clients that accept it.
//!
//! The body of an error is converted, whether a handler has made it or an earlier request with the
//! same idempotency key. Everybody else gets Laravel's shape.

use actix_web::Error;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{Accept, CONTENT_TYPE, Header, HeaderValue, Quality};
use actix_web::middleware::Next;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::response::ErrorCode;
use crate::request_id::RequestId;

const MEDIA_TYPE: &str = "application/problem+json";

/// The body of an error in Laravel's shape.
#[derive(Deserialize)]
struct ErrorBody {
    message: String,
    code: String,
    errors: Option<Value>,
    data: Option<Value>,
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    /// The path of the request.
    instance: &'a str,
    code: ErrorCode,
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// Converts the response if it is an error and the client accepts problems.
pub async fn negotiate<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let is_accepted = accepts_problems(&request);
    let response = next.call(request).await?;
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if !is_accepted || !is_error {
        return Ok(response.map_into_left_body());
    }
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    // Errors are complete bodies, and not streams.
    let body = match body.try_into_bytes() {
        Ok(body) => body,
        Err(body) => {
            let response = head.set_body(body).map_into_left_body();
            return Ok(ServiceResponse::new(request, response));
        }
    };
    let body = match problem(&body, request.path()) {
        Some(problem) => {
            head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
            BoxBody::new(problem)
        }
        None => BoxBody::new(body),
    };
    Ok(ServiceResponse::new(request, head.set_body(body).map_into_right_body()))
}

/// Whether the header names the type. `*/*` does not: a client that understands no problems may
/// send it.
fn accepts_problems(request: &ServiceRequest) -> bool {
    let Ok(Accept(ranges)) = Accept::parse(request) else { return false };
    ranges
        .iter()
        .any(|range| range.item.essence_str() == MEDIA_TYPE && range.quality > Quality::ZERO)
}

/// `None` if the body is not that of an error.
fn problem(body: &[u8], path: &str) -> Option<String> {
    let ErrorBody { message, code, errors, data } = serde_json::from_slice(body).ok()?;
    let code = ErrorCode::parse(&code)?;
    let problem = Problem {
        kind: code.description_path(),
        title: code.title(),
        status: code.status().as_u16(),
        detail: message,
        instance: path,
        code,
        request_id: RequestId::current().map(|id| id.to_string()),
        errors,
        data,
    };
    serde_json::to_string(&problem).ok()
}
