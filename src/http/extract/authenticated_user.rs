//! The user of a request: by bearer token, or by session with its CSRF token.

use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use crate::auth::{self, Abilities, Ability, SignIn, SignedIn};
use crate::http::client_info::client_info;
use crate::http::response::{ApiError, ErrorCode};
use crate::http::state::AppState;
use crate::market::UserId;

/// The user that a request acts for, whose token has the ability that the call needs. A request
/// with a bearer token is not authenticated by its session. An `Authorization` header without a
/// well-formed token is ignored: a proxy may add `Basic …`, and a page that has no token may send
/// `Bearer null`.
#[derive(Clone, Debug)]
pub struct AuthenticatedUser {
    pub id: UserId,
    pub sign_in: SignIn,
    pub abilities: Abilities,
}

impl FromRequest for AuthenticatedUser {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let known = request.extensions().get::<Self>().cloned();
            let user = match known {
                Some(user) => user,
                None => Self::authenticate(&request).await?,
            };
            match needed_ability(request.method(), request.path()) {
                Some(ability) if !user.abilities.contains(ability) => {
                    let message =
                        format!("This token does not have the ability {}.", ability.name());
                    Err(ApiError::refused(ErrorCode::MissingAbility, message))
                }
                _ => Ok(user),
            }
        })
    }
}

impl AuthenticatedUser {
    /// The user of a request, whatever it asks for.
    pub async fn authenticate(request: &HttpRequest) -> Result<Self, ApiError> {
        let signed_in = match bearer_token(request.headers()) {
            Some(token) => {
                state(request)?.auth.verify_token(token, || client_info(request)).await?
            }
            None => by_session(request).await?,
        };
        let SignedIn { user: id, sign_in, abilities } = signed_in;
        Ok(Self { id, sign_in, abilities })
    }
}

async fn by_session(request: &HttpRequest) -> Result<SignedIn, ApiError> {
    let state = state(request)?;
    let session = state.sessions.load(&request.get_session()).await?;
    let session = session.ok_or(ApiError::Unauthenticated)?;
    let has_csrf_token = session.has_csrf_token(request.headers());
    let (user, sign_in) = session.signed_in().ok_or(ApiError::Unauthenticated)?;
    if !request.method().is_safe() && !has_csrf_token {
        return Err(ApiError::CsrfMismatch);
    }
    state.auth.uses().note(&sign_in, || client_info(request));
    Ok(SignedIn { user, sign_in, abilities: Abilities::ALL })
}

/// The ability that a call needs: to change what is not an order needs the one for the account, and
/// so does a call that is not mentioned here. `None`: none, because a token may end itself.
fn needed_ability(method: &Method, path: &str) -> Option<Ability> {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let is_within =
        |root: &str| path.strip_prefix(root).is_some_and(|p| p.is_empty() || p.starts_with('/'));
    if path == "/logout" {
        return None;
    }
    Some(match path {
        _ if ["/tokens", "/sessions", "/webhooks"].into_iter().any(is_within) => Ability::Account,
        _ if method.is_safe() || is_within("/broadcasting") => Ability::Read,
        "/orders/preview" => Ability::Read,
        _ if is_within("/orders") => Ability::Trade,
        _ => Ability::Account,
    })
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
