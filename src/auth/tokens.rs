//! Bearer tokens in the form of Sanctum's, `{id}|{secret}`. Only a hash of the secret is stored.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use subtle::ConstantTimeEq;

use super::error::AuthError;
use super::secret::{random_hex, sha256_hex};
use super::ttl_cache::TtlCache;
use crate::market::UserId;
use crate::store::abilities::Abilities;
use crate::store::api_tokens::{self, ApiToken, Creation};
use crate::store::sessions::{self, Token};
use crate::store::sign_ins::{self, LogIn, SignIn};
use crate::store::{ClientInfo, Store, now};

/// The most valid tokens that a user may have created.
const MAX_API_TOKENS: usize = 50;
/// Random bytes of a token's secret.
const SECRET_BYTES: usize = 30;

/// A new token.
pub struct IssuedToken {
    pub id: i64,
    /// The form that the client sends: `{id}|{secret}`.
    pub text: String,
}

/// A token that is not stored yet.
#[derive(Clone)]
pub struct NewToken {
    secret: String,
    expires_at: Option<NaiveDateTime>,
}

/// A token that a user creates for a program.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    pub name: String,
    pub abilities: Abilities,
    /// `None`: as long as one of a log-in.
    pub expires_at: Option<NaiveDateTime>,
}

/// Who sends a request, and what the request may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub user: UserId,
    pub sign_in: SignIn,
    pub abilities: Abilities,
}

impl NewToken {
    /// To be stored.
    pub fn of_user(&self, user: UserId) -> Token {
        Token::of_log_in(user, sha256_hex(&self.secret), self.expires_at)
    }

    /// To be sent to the client, after it was stored with this id.
    pub fn issued(&self, id: i64) -> IssuedToken {
        IssuedToken { id, text: format!("{id}|{}", self.secret) }
    }
}

/// The bearer tokens in the database, cached. Clones share the cache.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    cache: TtlCache<i64, Token>,
    lifetime: Option<TimeDelta>,
}

impl Tokens {
    /// `lifetime` `None`: tokens are valid until they are revoked.
    pub fn new(store: Store, lifetime: Option<TimeDelta>, cache_ttl: Duration) -> Self {
        Self { store, cache: TtlCache::new(cache_ttl), lifetime }
    }

    /// Issues a token to a user whose password matched `verified_hash`, for this client, and
    /// replaces that hash with `rehashed` if there is one.
    ///
    /// `Ok(None)` if the user's password hash is no longer `verified_hash`.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] if the password was for one log-in, and is used up, and
    /// [`AuthError::AccountFrozen`].
    pub async fn issue_for_password(
        &self,
        user: UserId,
        client: ClientInfo,
        verified_hash: String,
        rehashed: Option<String>,
    ) -> Result<Option<IssuedToken>, AuthError> {
        let new_token = self.generate();
        let token = new_token.of_user(user);
        let log_in = move |c: &mut _| {
            sign_ins::log_in(c, &token, &client, &verified_hash, rehashed.as_deref())
        };
        match self.store.transact(log_in).await? {
            LogIn::Created(id) => Ok(Some(new_token.issued(id))),
            LogIn::PasswordChanged => Ok(None),
            LogIn::PasswordUsedUp => Err(AuthError::InvalidCredentials),
            LogIn::Frozen => Err(AuthError::AccountFrozen),
        }
    }

    /// A token that is not stored yet.
    pub fn generate(&self) -> NewToken {
        let expires_at = self.lifetime.map(|lifetime| now() + lifetime);
        NewToken { secret: random_hex::<SECRET_BYTES>(), expires_at }
    }

    /// Creates a token for a program of the user, on behalf of a sign-in.
    ///
    /// # Errors
    /// [`AuthError::TooManyTokens`], and [`AuthError::ExpiresTooLate`] if tokens have a lifetime.
    pub async fn create(
        &self,
        creator: SignedIn,
        request: TokenRequest,
    ) -> Result<(ApiToken, String), AuthError> {
        let TokenRequest { name, abilities, expires_at } = request;
        let mut new_token = self.generate();
        if let (Some(wanted), Some(last)) = (expires_at, new_token.expires_at)
            && wanted > last
        {
            return Err(AuthError::ExpiresTooLate);
        }
        new_token.expires_at = expires_at.or(new_token.expires_at);
        let token = Token { name: Some(name), abilities, ..new_token.of_user(creator.user) };
        let create =
            move |c: &mut _| api_tokens::create(c, &token, &creator.sign_in, MAX_API_TOKENS);
        match self.store.transact(create).await? {
            Creation::Created(token) => {
                let text = new_token.issued(token.id).text;
                Ok((token, text))
            }
            Creation::TooMany => Err(AuthError::TooManyTokens),
            Creation::SignedOut => Err(AuthError::Unauthenticated),
        }
    }

    /// The user of a token, and whether it is that of a log-in.
    ///
    /// # Errors
    /// [`AuthError::Unauthenticated`] if the token is malformed, unknown, revoked or expired.
    pub async fn verify(&self, text: &str) -> Result<(SignedIn, bool), AuthError> {
        let (id, secret) = text.split_once('|').ok_or(AuthError::Unauthenticated)?;
        let id: i64 = id.parse().map_err(|_| AuthError::Unauthenticated)?;
        let look_up = self.store.read(move |c| sessions::find_token(c, id));
        let token = self.cache.get_or_look_up(&id, look_up).await?;
        let token = token.ok_or(AuthError::Unauthenticated)?;
        let hash = sha256_hex(secret);
        let matches = bool::from(hash.as_bytes().ct_eq(token.secret_hash.as_bytes()));
        if !matches || token.expires_at.is_some_and(|at| at <= now()) {
            return Err(AuthError::Unauthenticated);
        }
        let (user, abilities) = (token.user, token.abilities);
        Ok((SignedIn { user, sign_in: SignIn::Token(id), abilities }, token.name.is_none()))
    }

    /// Accepts these tokens again, if they are in the database.
    pub fn restore(&self, ids: Vec<i64>) {
        self.cache.forget(ids);
    }

    /// Rejects these tokens from now on. They are already deleted from the database, or their user
    /// is frozen there.
    pub fn revoke(&self, ids: Vec<i64>) {
        self.cache.revoke(ids);
    }
}

/// Whether the text has the form of a token, valid or not.
pub fn is_token(text: &str) -> bool {
    text.split_once('|').is_some_and(|(id, secret)| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && !secret.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn a_token_is_recognised_by_its_form() {
        for text in ["1|a", "007|a|b", "99999999999999999999|x"] {
            assert!(is_token(text), "{text}");
        }
        for text in ["", "null", "1", "|", "1|", "|a", "x|a", "-1|a", "1 |a", "١|a"] {
            assert!(!is_token(text), "{text}");
        }
    }
}
