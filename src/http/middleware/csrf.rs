//! CSRF protection of sessions, as Sanctum does it: a write must carry a token that only pages of
//! the same origin can read.
//!
//! `GET /sanctum/csrf-cookie` sets the token as the cookie `XSRF-TOKEN`. Writes send it back as
//! `X-XSRF-TOKEN` (axios) or `X-CSRF-TOKEN` (Echo). Requests with a bearer token do not need it.

use actix_session::Session;
use actix_web::http::header::HeaderMap;
use subtle::ConstantTimeEq;

use crate::auth::random_hex;
use crate::http::response::ApiError;

const TOKEN_BYTES: usize = 20;
const HEADERS: [&str; 2] = ["x-xsrf-token", "x-csrf-token"];
/// The key of the token among the session's values.
const TOKEN_KEY: &str = "csrf";

/// The session's CSRF token, which is generated if the session has none.
pub fn ensure_token(session: &Session) -> Result<String, ApiError> {
    if let Some(token) = token_of(session) {
        return Ok(token);
    }
    let token = random_hex::<TOKEN_BYTES>();
    let inserted = session.insert(TOKEN_KEY, token.clone());
    inserted.map_err(|_| ApiError::Internal("the session cannot be written"))?;
    Ok(token)
}

/// Whether a header contains the token of the session.
pub fn is_valid(session: &Session, headers: &HeaderMap) -> bool {
    let Some(token) = token_of(session) else { return false };
    HEADERS
        .iter()
        .filter_map(|name| headers.get(*name))
        .any(|given| bool::from(given.as_bytes().ct_eq(token.as_bytes())))
}

fn token_of(session: &Session) -> Option<String> {
    session.get(TOKEN_KEY).ok().flatten()
}
