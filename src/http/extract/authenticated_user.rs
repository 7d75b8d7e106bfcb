//! The user of a request: by bearer token, or by session with its CSRF token.

use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use crate::auth::SignIn;
use crate::http::middleware::{csrf, session_store};
use crate::http::response::ApiError;
use crate::http::state::AppState;
use crate::market::UserId;

/// The user that a request acts for. A request with an `Authorization` header is not authenticated
/// by its session.
#[derive(Clone, Debug)]
pub struct AuthenticatedUser {
    pub id: UserId,
    pub sign_in: SignIn,
}

impl FromRequest for AuthenticatedUser {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (id, sign_in) = if request.headers().contains_key(header::AUTHORIZATION) {
                by_token(&request).await?
            } else {
                by_session(&request)?
            };
            Ok(Self { id, sign_in })
        })
    }
}

async fn by_token(request: &HttpRequest) -> Result<(UserId, SignIn), ApiError> {
    let header = request.headers().get(header::AUTHORIZATION);
    let token = header.and_then(|value| value.to_str().ok()).and_then(bearer_token);
    let token = token.ok_or(ApiError::Unauthenticated)?;
    let state = request.app_data::<web::Data<AppState>>();
    let state = state.ok_or(ApiError::Internal("the application has no state"))?;
    Ok(state.auth.verify_token(token).await?)
}

fn by_session(request: &HttpRequest) -> Result<(UserId, SignIn), ApiError> {
    let session = request.get_session();
    let signed_in = session_store::signed_in(&session).ok_or(ApiError::Unauthenticated)?;
    if !request.method().is_safe() && !csrf::is_valid(&session, request.headers()) {
        return Err(ApiError::CsrfMismatch);
    }
    Ok(signed_in)
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
