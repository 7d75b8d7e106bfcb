//! The deadline of each request.

use std::time::Duration;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use crate::deadline::Deadline;

/// Handles the request with a deadline, `timeout` after the arrival of its head. Everything that it
/// waits for ends by then.
pub async fn limit<B: MessageBody>(
    timeout: Duration,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    Deadline::after(timeout).scope(next.call(request)).await
}
