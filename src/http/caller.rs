//! Who is asking: by bearer token, or by the session cookie of the page's own log-in.
//!
//! A look-up is remembered for some seconds, so that the endpoint which every page asks on every
//! reconnect costs no query. What is revoked through this process is forgotten at once.

use std::sync::Arc;

use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use moka::sync::Cache;
use subtle::ConstantTimeEq;

use super::csrf;
use super::error::ApiError;
use super::secrets::{memory, random_hex, sha256_hex};
use crate::market::UserId;
use crate::store::sessions::{self, Token};
use crate::store::{Store, now};

/// Random bytes of a token's secret half.
const SECRET_BYTES: usize = 30;

/// The user that a request acts for.
#[derive(Clone, Debug)]
pub struct Caller {
    pub user: UserId,
    pub credential: Credential,
}

/// How the caller proved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The id of the token.
    Token(i64),
    Session,
}

/// The bearer tokens of this database.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    cache: Cache<i64, Arc<Token>>,
    lifetime: Option<chrono::Duration>,
}

impl Tokens {
    /// `lifetime_minutes` 0: tokens live until they are revoked. `cache_seconds` 0: nothing is
    /// remembered.
    pub fn new(store: Store, lifetime_minutes: u32, cache_seconds: u64) -> Self {
        let lifetime =
            (lifetime_minutes > 0).then(|| chrono::Duration::minutes(lifetime_minutes.into()));
        Self { store, cache: memory(cache_seconds), lifetime }
    }

    /// A new token in the form that the client keeps: `{id}|{secret}`.
    pub async fn issue(&self, user: UserId) -> Result<String, ApiError> {
        let secret = random_hex::<SECRET_BYTES>();
        let expires_at = self.lifetime.map(|lifetime| now() + lifetime);
        let token = Token { user, secret_hash: sha256_hex(&secret), expires_at };
        let id = self.store.transact(move |c| sessions::create_token(c, &token)).await?;
        Ok(format!("{id}|{secret}"))
    }

    /// # Errors
    /// 401 for what is malformed, unknown, revoked or expired: the same answer for all.
    async fn verify(&self, text: &str) -> Result<Caller, ApiError> {
        let (id, secret) = text.split_once('|').ok_or(ApiError::Unauthenticated)?;
        let id: i64 = id.parse().map_err(|_| ApiError::Unauthenticated)?;
        let token = match self.cache.get(&id) {
            Some(token) => token,
            None => {
                let found = self.store.read(move |c| sessions::find_token(c, id)).await?;
                let token = Arc::new(found.ok_or(ApiError::Unauthenticated)?);
                self.cache.insert(id, token.clone());
                token
            }
        };
        let hash = sha256_hex(secret);
        let same = bool::from(hash.as_bytes().ct_eq(token.secret_hash.as_bytes()));
        if !same || token.expires_at.is_some_and(|at| at <= now()) {
            return Err(ApiError::Unauthenticated);
        }
        Ok(Caller { user: token.user, credential: Credential::Token(id) })
    }

    /// Revokes one token and no other.
    pub async fn revoke(&self, id: i64) -> Result<(), ApiError> {
        self.store.transact(move |c| sessions::delete_token(c, id)).await?;
        self.cache.invalidate(&id);
        Ok(())
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            if let Some(value) = request.headers().get(header::AUTHORIZATION) {
                let token = value.to_str().ok().and_then(bearer);
                let token = token.ok_or(ApiError::Unauthenticated)?;
                let tokens = request
                    .app_data::<web::Data<Tokens>>()
                    .ok_or(ApiError::Internal("the routes have no Tokens"))?;
                return tokens.verify(token).await;
            }
            let session = request.get_session();
            let user = csrf::session_user(&session).ok_or(ApiError::Unauthenticated)?;
            if !request.method().is_safe() && !csrf::is_valid(&session, request.headers()) {
                return Err(ApiError::CsrfMismatch);
            }
            Ok(Self { user, credential: Credential::Session })
        })
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
