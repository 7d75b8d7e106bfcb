//! The cookie with the CSRF token of the session.

use actix_session::Session;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpResponse, web};

use crate::http::middleware::csrf;
use crate::http::response::ApiError;
use crate::http::state::AppState;

const COOKIE: &str = "XSRF-TOKEN";

/// `GET /sanctum/csrf-cookie`
pub async fn set(session: Session, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let token = csrf::ensure_token(&session)?;
    let cookie = Cookie::build(COOKIE, token)
        .path("/")
        .same_site(SameSite::Lax)
        .secure(state.secure_cookies)
        .finish();
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}
