//! What a page must know of this matchcast before anybody has logged in. Nothing in it is secret.

use actix_web::{HttpResponse, web};

use crate::http::response;
use crate::http::state::AppState;

/// `GET /config`
pub async fn settings(services: web::Data<AppState>) -> HttpResponse {
    response::ok("Settings retrieved successfully", &services.settings)
}
