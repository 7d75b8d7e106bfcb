//! Who is asking: by bearer token, or by the session cookie of the page's own log-in.
//!
//! A look-up is remembered for some seconds, so that the endpoint which every page asks on every
//! reconnect costs no query. What is revoked through this process is forgotten at once.

use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use subtle::ConstantTimeEq;

use crate::auth::{TtlCache, random_hex, sha256_hex};
use crate::http::middleware::{csrf, session_store};
use crate::http::response::ApiError;
use crate::market::UserId;
use crate::store::sessions::{self, Token};
use crate::store::sign_ins::{self, SignIn};
use crate::store::{Store, now};

/// Random bytes of a token's secret half.
const SECRET_BYTES: usize = 30;

/// The user that a request acts for.
#[derive(Clone, Debug)]
pub struct AuthenticatedUser {
    pub user: UserId,
    /// How the caller proved it.
    pub sign_in: SignIn,
}

/// A new token.
pub struct IssuedToken {
    pub id: i64,
    /// In the form that the client keeps: `{id}|{secret}`.
    pub text: String,
}

/// The bearer tokens of this database.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    cache: TtlCache<i64, Token>,
    lifetime: Option<chrono::Duration>,
}

impl Tokens {
    /// `lifetime_minutes` 0: tokens live until they are revoked. `cache_seconds` 0: nothing is
    /// remembered.
    pub fn new(store: Store, lifetime_minutes: u32, cache_seconds: u64) -> Self {
        let lifetime =
            (lifetime_minutes > 0).then(|| chrono::Duration::minutes(lifetime_minutes.into()));
        Self { store, cache: TtlCache::new(cache_seconds), lifetime }
    }

    /// A token for somebody who has just registered.
    pub async fn issue(&self, user: UserId) -> Result<IssuedToken, ApiError> {
        let (token, secret) = self.draw(user);
        let id = self.store.transact(move |c| sessions::create_token(c, &token)).await?;
        Ok(IssuedToken { id, text: format!("{id}|{secret}") })
    }

    /// A token for somebody whose password fitted the hash `verified`; puts the hash `better` in
    /// its place, if there is one. `None` when it is not the user's hash any more.
    pub async fn issue_for_password(
        &self,
        user: UserId,
        verified: String,
        better: Option<String>,
    ) -> Result<Option<IssuedToken>, ApiError> {
        let (token, secret) = self.draw(user);
        let log_in = move |c: &mut _| sign_ins::log_in(c, &token, &verified, better.as_deref());
        let id = self.store.transact(log_in).await?;
        Ok(id.map(|id| IssuedToken { id, text: format!("{id}|{secret}") }))
    }

    /// A token that is nowhere yet, and its secret half.
    fn draw(&self, user: UserId) -> (Token, String) {
        let secret = random_hex::<SECRET_BYTES>();
        let expires_at = self.lifetime.map(|lifetime| now() + lifetime);
        (Token { user, secret_hash: sha256_hex(&secret), expires_at }, secret)
    }

    /// # Errors
    /// 401 for what is malformed, unknown, revoked or expired: the same answer for all.
    async fn verify(&self, text: &str) -> Result<AuthenticatedUser, ApiError> {
        let (id, secret) = text.split_once('|').ok_or(ApiError::Unauthenticated)?;
        let id: i64 = id.parse().map_err(|_| ApiError::Unauthenticated)?;
        let token = match self.cache.get(&id) {
            Some(known) => known,
            None => {
                let found = self.store.read(move |c| sessions::find_token(c, id)).await?;
                found.and_then(|token| self.cache.remember(id, token))
            }
        };
        let token = token.ok_or(ApiError::Unauthenticated)?;
        let hash = sha256_hex(secret);
        let same = bool::from(hash.as_bytes().ct_eq(token.secret_hash.as_bytes()));
        if !same || token.expires_at.is_some_and(|at| at <= now()) {
            return Err(ApiError::Unauthenticated);
        }
        Ok(AuthenticatedUser { user: token.user, sign_in: SignIn::Token(id) })
    }

    /// Believes at once that these tokens are gone.
    pub fn forget(&self, revoked: Vec<i64>) {
        self.cache.revoke(revoked);
    }
}

impl FromRequest for AuthenticatedUser {
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
            let sign_in = session_store::sign_in(&session).ok_or(ApiError::Unauthenticated)?;
            Ok(Self { user, sign_in })
        })
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
