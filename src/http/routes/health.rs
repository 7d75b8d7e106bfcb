//! Health, readiness and metrics, for load balancers and monitoring.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::http::response::ApiError;
use crate::http::state::AppState;

/// `GET /health`: 200 if the database responds.
pub async fn health(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.store.ping().await?;
    let version = env!("CARGO_PKG_VERSION");
    Ok(HttpResponse::Ok().json(json!({ "status": "ok", "version": version })))
}

/// `GET /ready`: 503 unless an order can be accepted now.
pub async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let report = state.readiness.report().await;
    let mut response =
        if report.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(report)
}

/// `GET /up`: the process responds. Laravel's health route.
pub async fn up() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "up" }))
}

/// `GET /metrics`: 404 if metrics are disabled.
pub async fn metrics(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    match &state.metrics {
        Some(metrics) => {
            Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render()))
        }
        None => Err(ApiError::not_found("Not found.")),
    }
}
