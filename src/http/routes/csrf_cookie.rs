//! The cookie with the CSRF token of the session.

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::response::ApiError;
use crate::http::state::AppState;

/// Sets the cookie `XSRF-TOKEN`, which pages send back as a header when they write.
#[utoipa::path(
    get,
    path = "/sanctum/csrf-cookie",
    operation_id = "setCsrfCookie",
    tag = "Sign-in",
    security(()),
    responses((status = 204, description = "Success")),
)]
pub async fn set(
    request: HttpRequest,
    cookie: Session,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    state.throttles.csrf_cookie(&request)?;
    let session = match state.sessions.load(&cookie).await? {
        Some(session) => session,
        None => state.sessions.begin(&cookie)?,
    };
    Ok(HttpResponse::NoContent().cookie(state.sessions.csrf_cookie(&session)).finish())
}
