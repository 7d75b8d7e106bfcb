//! The cookie with the CSRF token of the session.

use actix_session::Session;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::middleware::csrf;
use crate::http::response::ApiError;
use crate::http::state::AppState;

const COOKIE: &str = "XSRF-TOKEN";

/// `GET /sanctum/csrf-cookie`
pub async fn set(
    session: Session,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    state.throttles.csrf_cookie(&request)?;
    let token = csrf::ensure_token(&session)?;
    let cookie = Cookie::build(COOKIE, token)
        .path("/")
        .same_site(SameSite::Lax)
        .secure(state.secure_cookies)
        .finish();
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}
