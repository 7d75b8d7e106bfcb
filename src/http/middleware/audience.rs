//! Notes that somebody uses the API, for the demo's traders.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web;

use crate::http::state::AppState;

const API: &str = "/api/";

/// Files, checks of monitoring, and requests to the embedded provider do not count.
pub async fn note<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if request.path().starts_with(API)
        && let Some(state) = request.app_data::<web::Data<AppState>>()
        && let Some(traders) = &state.demo_traders
    {
        traders.audience.note();
    }
    next.call(request).await
}
