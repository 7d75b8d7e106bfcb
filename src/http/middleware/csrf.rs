//! What a cookie alone must not be enough for: writes carry a token that only the page itself can
//! read, as Sanctum does it.
//!
//! `GET /sanctum/csrf-cookie` opens a session and sets `XSRF-TOKEN`; writes by session give it back
//! as `X-XSRF-TOKEN` (axios does) or `X-CSRF-TOKEN` (Echo does). Bearer tokens need none of this.

use actix_session::Session;
use actix_web::http::header::HeaderMap;
use subtle::ConstantTimeEq;

use crate::auth::random_hex;
use crate::http::response::ApiError;
use crate::market::UserId;

const TOKEN_BYTES: usize = 20;
const HEADERS: [&str; 2] = ["x-xsrf-token", "x-csrf-token"];
/// Keys of the session's state.
const TOKEN_KEY: &str = "csrf";
pub const USER_KEY: &str = "user";

/// The session's CSRF token; a session that has none gets one.
pub fn ensure_token(session: &Session) -> Result<String, ApiError> {
    if let Some(token) = token_of(session) {
        return Ok(token);
    }
    let token = random_hex::<TOKEN_BYTES>();
    let inserted = session.insert(TOKEN_KEY, token.clone());
    inserted.map_err(|_| ApiError::Internal("the session cannot be written"))?;
    Ok(token)
}

/// Whether the request gives back the token of its session.
pub fn is_valid(session: &Session, headers: &HeaderMap) -> bool {
    let Some(token) = token_of(session) else { return false };
    HEADERS
        .iter()
        .filter_map(|name| headers.get(*name))
        .any(|given| bool::from(given.as_bytes().ct_eq(token.as_bytes())))
}

/// Who has logged in to this session.
pub fn session_user(session: &Session) -> Option<UserId> {
    session.get::<i64>(USER_KEY).ok().flatten().map(UserId)
}

fn token_of(session: &Session) -> Option<String> {
    session.get(TOKEN_KEY).ok().flatten()
}
