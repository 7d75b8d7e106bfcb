//! Is this process well? For load balancers and people.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::http::response::ApiError;
use crate::http::state::AppState;

/// `GET /health`: 200 when the database answers.
pub async fn health(services: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    services.store.ping().await?;
    let version = env!("CARGO_PKG_VERSION");
    Ok(HttpResponse::Ok().json(json!({ "status": "ok", "version": version })))
}

/// `GET /metrics`, where it is switched on.
pub async fn metrics(services: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    match &services.metrics {
        Some(metrics) => {
            Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render()))
        }
        None => Err(ApiError::not_found("Not found.")),
    }
}
