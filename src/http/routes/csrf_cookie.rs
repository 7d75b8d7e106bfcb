//! The cookie with the CSRF token of the session.

use actix_session::Session;
use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::config::Cookies;
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
    let Cookies { secure, domain, same_site } = state.cookies.clone();
    let mut cookie =
        Cookie::build(COOKIE, token).path("/").same_site(same_site.into()).secure(secure).finish();
    if let Some(domain) = domain {
        cookie.set_domain(domain);
    }
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}
