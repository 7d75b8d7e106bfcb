//! Logging in, registering, logging out and changing the password.

use std::time::Duration;

use chrono::TimeDelta;

use super::error::AuthError;
use super::passwords::{Passwords, Verification};
use super::sessions::Sessions;
use super::tokens::{IssuedToken, Tokens};
use crate::market::{AssetId, UserId};
use crate::store::sessions;
use crate::store::sign_ins::{self, Revoked, SignIn};
use crate::store::users::{self, User};
use crate::store::{Store, StoreError};

/// How often a log-in is tried when the password hash changes meanwhile. An outdated hash is
/// replaced once, by the first of several concurrent log-ins.
const LOG_IN_ATTEMPTS: usize = 3;

/// The users of this database and their sign-ins. Clones share their caches.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    passwords: Passwords,
    tokens: Tokens,
    sessions: Sessions,
}

/// A user to be created.
pub struct Registration {
    pub name: String,
    pub email: String,
    pub password: String,
}

/// Proof that a user's current password was given.
pub struct VerifiedPassword {
    user: UserId,
    hash: String,
}

impl Authenticator {
    /// `token_lifetime` `None`: tokens are valid until they are revoked. `cache_ttl` is how long
    /// look-ups of tokens and sessions are cached; zero disables the caches.
    pub fn new(store: Store, token_lifetime: Option<TimeDelta>, cache_ttl: Duration) -> Self {
        Self {
            passwords: Passwords::default(),
            tokens: Tokens::new(store.clone(), token_lifetime, cache_ttl),
            sessions: Sessions::new(store.clone(), cache_ttl),
            store,
        }
    }

    /// Looks for bcrypt hashes, whose cost determines the work of a failed log-in.
    pub async fn note_stored_hashes(&self) -> Result<(), AuthError> {
        for hash in self.store.read(users::greatest_bcrypt_hashes).await? {
            self.passwords.note(&hash);
        }
        Ok(())
    }

    pub const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The user of a bearer token, and the sign-in that the token stands for.
    ///
    /// # Errors
    /// [`AuthError::Unauthenticated`] if the token is malformed, unknown, revoked or expired.
    pub async fn verify_token(&self, text: &str) -> Result<(UserId, SignIn), AuthError> {
        self.tokens.verify(text).await
    }

    /// # Errors
    /// [`AuthError::Unauthenticated`] if the user no longer exists.
    pub async fn user(&self, id: UserId) -> Result<User, AuthError> {
        let user = self.store.read(move |c| users::by_id(c, id)).await?;
        user.ok_or(AuthError::Unauthenticated)
    }

    /// # Errors
    /// [`AuthError::InvalidCredentials`] if the address is unknown or the password is wrong.
    pub async fn log_in(
        &self,
        email: &str,
        password: String,
    ) -> Result<(User, IssuedToken), AuthError> {
        for _ in 0..LOG_IN_ATTEMPTS {
            let user = self.find_user(email).await?;
            let stored = user.as_ref().and_then(|user| user.password.clone());
            let rehashed = match self.passwords.verify(password.clone(), stored.clone()).await? {
                Verification::Wrong => return Err(AuthError::InvalidCredentials),
                Verification::Correct => None,
                Verification::Outdated { rehashed } => Some(rehashed),
            };
            let (Some(user), Some(stored)) = (user, stored) else { break };
            let id = user.user_id();
            if let Some(token) = self.tokens.issue_for_password(id, stored, rehashed).await? {
                return Ok((user, token));
            }
        }
        Err(AuthError::InvalidCredentials)
    }

    /// Whether a user with this email address exists.
    pub async fn is_registered(&self, email: &str) -> Result<bool, AuthError> {
        Ok(self.find_user(email).await?.is_some())
    }

    /// Creates a user with an empty account for each of `assets`.
    ///
    /// # Errors
    /// [`AuthError::EmailTaken`] if a user with this email address exists.
    pub async fn register(
        &self,
        registration: Registration,
        assets: Vec<AssetId>,
    ) -> Result<(User, IssuedToken), AuthError> {
        let Registration { name, email, password } = registration;
        let email = normalized(&email);
        let hash = self.passwords.hash(password).await?;
        let new_token = self.tokens.generate();
        let stored = new_token.clone();
        // A user without a token could not register again.
        let create = move |c: &mut _| {
            let user = users::create(c, &name, &email, &hash, &assets)?;
            let token = sessions::create_token(c, &stored.of_user(user.user_id()))?;
            Ok((user, token))
        };
        let (user, token) = self.store.transact(create).await.map_err(|error| match error {
            StoreError::Duplicate(_) => AuthError::EmailTaken,
            error => AuthError::Store(error),
        })?;
        Ok((user, new_token.issued(token)))
    }

    /// Ends one sign-in. A session ends together with the token of its log-in.
    pub async fn log_out(&self, user: UserId, sign_in: SignIn) -> Result<(), AuthError> {
        let log_out = move |c: &mut _| sign_ins::log_out(c, user, &sign_in);
        self.revoke(self.store.transact(log_out).await?);
        Ok(())
    }

    /// `None` if this is not the user's password.
    pub async fn verify_password(
        &self,
        user: &User,
        password: String,
    ) -> Result<Option<VerifiedPassword>, AuthError> {
        let verification = self.passwords.verify(password, user.password.clone()).await?;
        Ok(match (verification, &user.password) {
            (Verification::Wrong, _) | (_, None) => None,
            (Verification::Correct | Verification::Outdated { .. }, Some(hash)) => {
                Some(VerifiedPassword { user: user.user_id(), hash: hash.clone() })
            }
        })
    }

    /// Sets a new password and ends all other sign-ins of the user.
    ///
    /// # Errors
    /// [`AuthError::PasswordChanged`] if the verified password is no longer the current one.
    pub async fn change_password(
        &self,
        verified: VerifiedPassword,
        new_password: String,
        kept: SignIn,
    ) -> Result<(), AuthError> {
        let VerifiedPassword { user, hash: old_hash } = verified;
        let new_hash = self.passwords.hash(new_password).await?;
        let change =
            move |c: &mut _| sign_ins::change_password(c, user, &old_hash, &new_hash, &kept);
        let revoked = self.store.transact(change).await?;
        self.revoke(revoked.ok_or(AuthError::PasswordChanged)?);
        Ok(())
    }

    async fn find_user(&self, email: &str) -> Result<Option<User>, AuthError> {
        let email = normalized(email);
        Ok(self.store.read(move |c| users::by_email(c, &email)).await?)
    }

    fn revoke(&self, revoked: Revoked) {
        self.tokens.revoke(revoked.tokens);
        self.sessions.revoke(revoked.sessions);
    }
}

/// Email addresses are stored and compared in lower case.
fn normalized(email: &str) -> String {
    email.to_lowercase()
}
