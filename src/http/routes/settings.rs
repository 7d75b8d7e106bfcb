//! The public settings, which frontends read before a log-in.

use actix_web::{HttpResponse, web};

use crate::http::response;
use crate::http::state::AppState;

/// `GET /config`
pub async fn settings(state: web::Data<AppState>) -> HttpResponse {
    response::ok("Settings retrieved successfully", &state.settings)
}
