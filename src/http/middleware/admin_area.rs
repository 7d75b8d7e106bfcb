//! The calls under `/api/admin` exist for administrators only: everybody else gets the response of
//! an unknown path, whatever the method.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError};

use crate::http::extract::verify_administrator;
use crate::http::response::ApiError;

/// Responds with 404 unless the request has the token of an administrator.
pub async fn restrict<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let error = match verify_administrator(request.request()).await {
        Ok(Some(_)) => return Ok(next.call(request).await?.map_into_left_body()),
        Ok(None) => ApiError::not_found("Not found."),
        // A service that pays in must not take an outage for a wrong address.
        Err(error) => error,
    };
    Ok(request.into_response(error.error_response()).map_into_right_body())
}
