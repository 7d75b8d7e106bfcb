//! The user of a request: by bearer token, or by session with its CSRF token.

use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use crate::auth::{self, SignIn};
use crate::http::response::ApiError;
use crate::http::state::AppState;
use crate::market::UserId;

/// The user that a request acts for. A request with a bearer token is not authenticated by its
/// session. An `Authorization` header without a well-formed token is ignored: a proxy may add
/// `Basic …`, and a page that has no token may send `Bearer null`.
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
            if let Some(user) = request.extensions().get::<Self>() {
                return Ok(user.clone());
            }
            let (id, sign_in) = match bearer_token(request.headers()) {
                Some(token) => by_token(&request, token).await?,
                None => by_session(&request).await?,
            };
            Ok(Self { id, sign_in })
        })
    }
}

async fn by_token(request: &HttpRequest, token: &str) -> Result<(UserId, SignIn), ApiError> {
    Ok(state(request)?.auth.verify_token(token).await?)
}

async fn by_session(request: &HttpRequest) -> Result<(UserId, SignIn), ApiError> {
    let session = state(request)?.sessions.load(&request.get_session()).await?;
    let session = session.ok_or(ApiError::Unauthenticated)?;
    let has_csrf_token = session.has_csrf_token(request.headers());
    let signed_in = session.signed_in().ok_or(ApiError::Unauthenticated)?;
    if !request.method().is_safe() && !has_csrf_token {
        return Err(ApiError::CsrfMismatch);
    }
    Ok(signed_in)
}

fn state(request: &HttpRequest) -> Result<&web::Data<AppState>, ApiError> {
    request.app_data().ok_or(ApiError::Internal("the application has no state"))
}

/// The first well-formed bearer token of the request.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::AUTHORIZATION).filter_map(|value| value.to_str().ok());
    values.filter_map(token_of).next()
}

fn token_of(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && auth::is_token(token)).then_some(token)
}
