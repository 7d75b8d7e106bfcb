//! Health and metrics, for load balancers and monitoring.

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

/// `GET /metrics`: 404 if metrics are disabled.
pub async fn metrics(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    match &state.metrics {
        Some(metrics) => {
            Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render()))
        }
        None => Err(ApiError::not_found("Not found.")),
    }
}
