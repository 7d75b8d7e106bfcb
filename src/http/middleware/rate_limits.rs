//! Limits of requests per minute, with the headers that tell a client how many are left.
//!
//! The calls of administrators have a limit of their own. Any other request counts for the token or
//! the session that it is authenticated by, otherwise for its address: so nobody can use up the
//! limit of somebody else's token, and wrong tokens do not avoid the limit. Without limits, no user
//! is looked up here.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use crate::client_address::client_address;
use crate::http::extract::{AuthenticatedUser, verify_administrator};
use crate::http::response::ApiError;
use crate::http::state::AppState;
use crate::http::throttle::{Caller, Kind};

const ADMINISTRATION: &str = "/api/admin/";

pub const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
pub const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");

/// Refuses the request with 429 if its client has sent too many.
pub async fn enforce<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let administrator = administrator(&request).await;
    let kind = match administrator {
        Some(_) => Some(Kind::Administration),
        None => Kind::of(request.method(), request.path()),
    };
    let limited = state.zip(kind).filter(|(state, kind)| state.throttles.requests.has_limit(*kind));
    let caller = match &limited {
        Some(_) if administrator.is_some() => administrator,
        Some(_) => caller(&request).await,
        None => None,
    };
    let (Some((state, kind)), Some(caller)) = (limited, caller) else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let counted = match state.throttles.requests.count(kind, caller) {
        Ok(counted) => counted,
        Err(throttled) => {
            let response = ApiError::from(throttled).error_response();
            return Ok(request.into_response(response).map_into_right_body());
        }
    };
    if let Some(counted) = &counted {
        request.extensions_mut().insert(counted.clone());
    }
    let mut response = next.call(request).await?;
    // An order in a batch may be refused by the handler, with the same headers.
    if let Some(counted) = counted.filter(|_| !response.headers().contains_key(LIMIT)) {
        let headers = response.headers_mut();
        headers.insert(LIMIT, HeaderValue::from(counted.limit()));
        headers.insert(REMAINING, HeaderValue::from(counted.remaining()));
    }
    Ok(response.map_into_left_body())
}

/// The administrator whose call this is. If that cannot be found out, the area of administrators
/// says so.
async fn administrator(request: &ServiceRequest) -> Option<Caller> {
    // As the router reads it: with other encodings of the same path.
    let path = request.match_info().as_str();
    if !path.starts_with(ADMINISTRATION) {
        return None;
    }
    let token = verify_administrator(request.request()).await.ok().flatten()?;
    Some(Caller::AdminToken(token.id))
}

/// `None`: the server does not know the address.
async fn caller(request: &ServiceRequest) -> Option<Caller> {
    if let Ok(user) = AuthenticatedUser::authenticate(request.request()).await {
        let caller = Caller::from(&user.sign_in);
        // The handler needs no second look-up.
        request.extensions_mut().insert(user);
        return Some(caller);
    }
    client_address(request.request()).map(Caller::Address)
}
