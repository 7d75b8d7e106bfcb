//! `X-Request-Id`: taken from the request or generated, and part of the response and of each log
//! line of the request.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use tracing::Instrument;

use crate::request_id::RequestId;

pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Handles the request with its id.
pub async fn identify<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = client_id(request.headers()).unwrap_or_else(RequestId::generate);
    // At the level of errors, so that no log level removes the id from a line.
    let span = tracing::error_span!("request", request_id = %id);
    let mut response = id.clone().scope(next.call(request).instrument(span)).await?;
    let value = HeaderValue::from_str(id.as_str());
    response.headers_mut().insert(HEADER, value.expect("an id has only visible characters"));
    Ok(response)
}

/// The id that the client has chosen, if it is a valid one.
fn client_id(headers: &HeaderMap) -> Option<RequestId> {
    RequestId::parse(headers.get(HEADER)?.to_str().ok()?)
}
