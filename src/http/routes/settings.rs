//! The public settings, which frontends read before a log-in.

use actix_web::{HttpResponse, web};

use crate::http::response;
use crate::http::schema as doc;
use crate::http::state::{AppState, PublicSettings};

/// Returns the settings that a frontend needs.
#[utoipa::path(
    get,
    path = "/api/config",
    operation_id = "getSettings",
    tag = "Operation",
    security(()),
    responses((status = 200, description = "Success", body = doc::Success<PublicSettings>)),
)]
pub async fn settings(state: web::Data<AppState>) -> HttpResponse {
    response::ok("Settings retrieved successfully", &state.settings)
}
