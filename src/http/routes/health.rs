//! Health, readiness and metrics, for load balancers and monitoring.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::http::readiness::Report;
use crate::http::response::ApiError;
use crate::http::schema as doc;
use crate::http::state::AppState;

/// Tells whether the database responds.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "getHealth",
    tag = "Operation",
    security(()),
    responses((status = 200, description = "Success", body = doc::Health)),
)]
pub async fn health(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.store.ping().await?;
    let version = env!("CARGO_PKG_VERSION");
    Ok(HttpResponse::Ok().json(json!({ "status": "ok", "version": version })))
}

/// Tells whether an order can be accepted now.
#[utoipa::path(
    get,
    path = "/ready",
    operation_id = "getReadiness",
    tag = "Operation",
    security(()),
    responses(
        (status = 200, description = "An order can be accepted.", body = Report),
        (status = 503, description = "No order can be accepted now.", body = Report),
    ),
)]
pub async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let report = state.readiness.report().await;
    let mut response =
        if report.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(report)
}

/// Responds. Laravel's health route.
#[utoipa::path(
    get,
    path = "/up",
    operation_id = "isUp",
    tag = "Operation",
    security(()),
    responses((status = 200, description = "Success", body = doc::Up)),
)]
pub async fn up() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "up" }))
}

/// Returns metrics for Prometheus, if they are enabled.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "Operation",
    security(()),
    responses((status = 200, description = "Success", body = String)),
)]
pub async fn metrics(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    match &state.metrics {
        Some(metrics) => {
            Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render()))
        }
        None => Err(ApiError::not_found("Not found.")),
    }
}
