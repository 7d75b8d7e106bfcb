//! The administrator of a request, by a token that was created on the command line.

use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use crate::client_address::exact_address;
use crate::engine::Origin;
use crate::http::response::{ApiError, ErrorCode};
use crate::http::state::AppState;
use crate::request_id::RequestId;
use crate::store::admin_log::Actor;
use crate::store::admin_tokens::{AdminAbility, AdminToken};

/// The administrator that a request acts for, whose token has the ability that the call needs.
///
/// `middleware::admin_area` has verified the token. Without a valid one no handler is reached.
pub struct Administrator<A> {
    pub token: AdminToken,
    ability: PhantomData<A>,
}

impl<A> Administrator<A> {
    /// Who acts in this request, for the log of administrators.
    pub fn actor(&self) -> Actor {
        let request_id = RequestId::current().map(|id| id.to_string());
        Actor { token: Some(self.token.id), request_id }
    }

    /// Where the administrator's command comes from.
    pub fn origin(&self) -> Origin {
        Origin { token: Some(self.token.id), ..Origin::default() }
    }
}

/// The ability that a call needs. It is part of the type of the handler's argument, so that no path
/// decides it.
pub trait NeededAbility {
    const ABILITY: Option<AdminAbility>;
}

/// For calls that any administrator may use.
pub struct NoAbility;

impl NeededAbility for NoAbility {
    const ABILITY: Option<AdminAbility> = None;
}

/// For calls that need [`AdminAbility::Read`].
pub struct Read;

impl NeededAbility for Read {
    const ABILITY: Option<AdminAbility> = Some(AdminAbility::Read);
}

/// For calls that need [`AdminAbility::Users`].
pub struct Users;

impl NeededAbility for Users {
    const ABILITY: Option<AdminAbility> = Some(AdminAbility::Users);
}

/// For calls that need [`AdminAbility::Funds`].
pub struct Funds;

impl NeededAbility for Funds {
    const ABILITY: Option<AdminAbility> = Some(AdminAbility::Funds);
}

/// For calls that need [`AdminAbility::Markets`].
pub struct Markets;

impl NeededAbility for Markets {
    const ABILITY: Option<AdminAbility> = Some(AdminAbility::Markets);
}

/// The result of the verification for a request. `None`: it has no valid token of an administrator.
#[derive(Clone)]
struct Verified(Option<AdminToken>);

/// Verifies the token of a request, once. `None`: it has no valid token of an administrator.
pub async fn verify(request: &HttpRequest) -> Result<Option<AdminToken>, ApiError> {
    let known = request.extensions().get::<Verified>().cloned();
    if let Some(Verified(known)) = known {
        return Ok(known);
    }
    let verified = look_up(request).await?;
    request.extensions_mut().insert(Verified(verified.clone()));
    Ok(verified)
}

async fn look_up(request: &HttpRequest) -> Result<Option<AdminToken>, ApiError> {
    let state: Option<&web::Data<AppState>> = request.app_data();
    let state = state.ok_or(ApiError::Internal("the application has no state"))?;
    let Some(text) = bearer_token(request.headers()) else { return Ok(None) };
    let verified = state.admin_tokens.verify(text, exact_address(request)).await?;
    // A token without abilities is as good as none.
    Ok(verified.filter(|token| token.abilities.iter().next().is_some()))
}

/// The only bearer token of the request.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl<A: NeededAbility> FromRequest for Administrator<A> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let verified = request.extensions().get::<Verified>().cloned();
        let verified = verified.and_then(|Verified(token)| token);
        std::future::ready(match (verified, A::ABILITY) {
            (None, _) => Err(ApiError::not_found("Not found.")),
            (Some(token), Some(needed)) if !token.abilities.contains(needed) => {
                let message = format!("This token does not have the ability {}.", needed.name());
                Err(ApiError::refused(ErrorCode::MissingAbility, message))
            }
            (Some(token), _) => Ok(Self { token, ability: PhantomData }),
        })
    }
}
