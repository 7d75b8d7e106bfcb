//! The cookie with the CSRF token of the session.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::response::ApiError;
use crate::http::state::AppState;

/// `GET /sanctum/csrf-cookie`
pub async fn set(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    state.throttles.csrf_cookie(&request)?;
    let mut response = HttpResponse::NoContent();
    let session = match state.sessions.load(&request).await? {
        Some(session) => session,
        None => {
            let (session, cookie) = state.sessions.visitor();
            response.cookie(cookie);
            session
        }
    };
    Ok(response.cookie(state.sessions.csrf_cookie(&session)).finish())
}
