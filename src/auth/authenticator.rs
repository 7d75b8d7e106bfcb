//! Logging in, registering, logging out and changing the password.

use std::time::Duration;

use chrono::TimeDelta;

use super::email::normalized;
use super::error::AuthError;
use super::passwords::{Passwords, Verification};
use super::sessions::Sessions;
use super::tokens::{IssuedToken, SignedIn, Tokens};
use super::uses::Uses;
use crate::events::ChannelPattern;
use crate::market::{AssetId, UserId};
use crate::store::sessions;
use crate::store::sign_ins::{self, PasswordChange, Revoked, SignIn};
use crate::store::users::{self, User};
use crate::store::{ClientInfo, Store, StoreError};

/// How often a log-in is tried when the password hash changes meanwhile. An outdated hash is
/// replaced once, by the first of several concurrent log-ins.
const LOG_IN_ATTEMPTS: usize = 3;

/// The users of this database and their sign-ins. Clones share their caches.
#[derive(Clone)]
pub struct Authenticator {
    pub(super) store: Store,
    passwords: Passwords,
    pub(super) tokens: Tokens,
    sessions: Sessions,
    uses: Uses,
    /// The private channels of users, on which their connections are terminated.
    pub(super) channels: ChannelPattern,
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
    pub fn new(
        store: Store,
        token_lifetime: Option<TimeDelta>,
        cache_ttl: Duration,
        channels: ChannelPattern,
    ) -> Self {
        let uses = Uses::new(store.clone());
        Self {
            passwords: Passwords::default(),
            tokens: Tokens::new(store.clone(), token_lifetime, cache_ttl),
            sessions: Sessions::new(store.clone(), cache_ttl, uses.clone()),
            uses,
            channels,
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

    /// The uses of tokens and sessions, which a task has to write.
    pub const fn uses(&self) -> &Uses {
        &self.uses
    }

    /// The user of a bearer token that this client uses, the sign-in that the token stands for, and
    /// its abilities.
    ///
    /// # Errors
    /// [`AuthError::Unauthenticated`] if the token is malformed, unknown, revoked or expired.
    pub async fn verify_token(
        &self,
        text: &str,
        client: impl FnOnce() -> ClientInfo,
    ) -> Result<SignedIn, AuthError> {
        let (signed_in, is_log_in) = self.tokens.verify(text).await?;
        let client = || if is_log_in { client() } else { ClientInfo::default() };
        self.uses.note(&signed_in.sign_in, client);
        Ok(signed_in)
    }

    /// # Errors
    /// [`AuthError::Unauthenticated`] if the user no longer exists.
    pub async fn user(&self, id: UserId) -> Result<User, AuthError> {
        let user = self.store.read(move |c| users::by_id(c, id)).await?;
        user.ok_or(AuthError::Unauthenticated)
    }

    /// # Errors
    /// [`AuthError::InvalidCredentials`] if the address is unknown or the password is wrong, and
    /// [`AuthError::AccountFrozen`] only if it is right.
    pub async fn log_in(
        &self,
        email: &str,
        password: String,
        client: &ClientInfo,
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
            let client = client.clone();
            let issued = self.tokens.issue_for_password(id, client, stored, rehashed).await?;
            if let Some(token) = issued {
                self.uses.begin(SignIn::Token(token.id));
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
        client: ClientInfo,
    ) -> Result<(User, IssuedToken), AuthError> {
        let Registration { name, email, password } = registration;
        let email = normalized(&email);
        let hash = self.passwords.hash(password).await?;
        let new_token = self.tokens.generate();
        let stored = new_token.clone();
        // A user without a token could not register again.
        let create = move |c: &mut _| {
            let user = users::create(c, &name, &email, &hash, &assets)?;
            let token = sessions::create_token(c, &stored.of_user(user.user_id()), &client)?;
            Ok((user, token))
        };
        let (user, token) = self.store.transact(create).await.map_err(|error| match error {
            StoreError::Duplicate(_) => AuthError::EmailTaken,
            error => AuthError::Store(error),
        })?;
        self.uses.begin(SignIn::Token(token));
        Ok((user, new_token.issued(token)))
    }

    /// Ends one sign-in. A session ends together with the token of its log-in.
    pub async fn log_out(&self, user: UserId, sign_in: SignIn) -> Result<(), AuthError> {
        let channels = self.channels.clone();
        let log_out = move |c: &mut _| sign_ins::log_out(c, user, &sign_in, &channels);
        self.revoke(self.store.transact(log_out).await?);
        Ok(())
    }

    /// `None` if this is not the user's password.
    pub async fn verify_password(
        &self,
        user: &User,
        password: String,
    ) -> Result<Option<VerifiedPassword>, AuthError> {
        let is_expired = user.has_expired_password();
        let verification = self.passwords.verify(password, user.password.clone()).await?;
        Ok(match (verification, &user.password) {
            (Verification::Wrong, _) | (_, None) => None,
            _ if is_expired => None,
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
        let channels = self.channels.clone();
        let change = move |c: &mut _| {
            sign_ins::change_password(c, user, &old_hash, &new_hash, &kept, &channels)
        };
        match self.store.transact(change).await? {
            PasswordChange::Changed(revoked) => self.revoke(revoked),
            PasswordChange::OtherPassword => return Err(AuthError::PasswordChanged),
            PasswordChange::NotActive => return Err(AuthError::Unauthenticated),
        }
        Ok(())
    }

    async fn find_user(&self, email: &str) -> Result<Option<User>, AuthError> {
        let email = normalized(email);
        Ok(self.store.read(move |c| users::by_email(c, &email)).await?)
    }

    pub(super) fn revoke(&self, revoked: Revoked) {
        self.tokens.revoke(revoked.tokens);
        self.sessions.revoke(revoked.sessions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixtures::temporary;

    const PASSWORD: &str = "correct horse";
    const NO_CLIENT: ClientInfo = ClientInfo { address: None, user_agent: None };

    /// An authenticator with caches, and the user `ann@test.example`.
    struct Fixture {
        auth: Authenticator,
        store: Store,
        user: User,
        token: IssuedToken,
        _folder: tempfile::TempDir,
    }

    impl Fixture {
        async fn new() -> Self {
            let ((folder, store), ttl) = (temporary(2), Duration::from_secs(60));
            let auth = Authenticator::new(store.clone(), None, ttl, Default::default());
            let (user, token) = auth.register(registration(), Vec::new(), NO_CLIENT).await.unwrap();
            Self { auth, store, user, token, _folder: folder }
        }

        async fn log_in(&self, email: &str, password: &str) -> Option<IssuedToken> {
            match self.auth.log_in(email, password.to_owned(), &NO_CLIENT).await {
                Ok((user, token)) => {
                    assert_eq!(user.user_id(), self.user.user_id());
                    Some(token)
                }
                Err(AuthError::InvalidCredentials) => None,
                Err(error) => panic!("{error}"),
            }
        }

        async fn is_valid(&self, token: &IssuedToken) -> bool {
            self.accepts(&token.text).await == Some((self.user.user_id(), SignIn::Token(token.id)))
        }

        /// The user and the sign-in of a token; `None` if it is rejected.
        async fn accepts(&self, text: &str) -> Option<(UserId, SignIn)> {
            match self.auth.verify_token(text, || NO_CLIENT).await {
                Ok(accepted) => Some((accepted.user, accepted.sign_in)),
                Err(AuthError::Unauthenticated) => None,
                Err(error) => panic!("{error}"),
            }
        }

        async fn open_session(&self, token: &IssuedToken, hours: i64) -> Option<String> {
            let (user, lifetime) = (self.user.user_id(), TimeDelta::hours(hours));
            self.auth.sessions().open(user, token.id, "csrf", lifetime).await.unwrap()
        }
    }

    fn registration() -> Registration {
        let email = "Ann@test.example".to_owned();
        Registration { name: "Ann".to_owned(), email, password: PASSWORD.to_owned() }
    }

    #[tokio::test]
    async fn a_user_registers_once_and_logs_in() {
        let fixture = Fixture::new().await;
        let Fixture { auth, user, token, .. } = &fixture;
        assert!(fixture.is_valid(token).await);
        assert_eq!(auth.user(user.user_id()).await.unwrap().email, "ann@test.example");
        assert!(matches!(auth.user(UserId(99)).await, Err(AuthError::Unauthenticated)));
        assert!(auth.is_registered("ANN@test.example").await.unwrap());
        assert!(!auth.is_registered("bob@test.example").await.unwrap());
        let again = auth.register(registration(), Vec::new(), NO_CLIENT).await;
        assert!(matches!(again.map(|_| ()), Err(AuthError::EmailTaken)));

        let second = fixture.log_in("ann@TEST.example", PASSWORD).await.unwrap();
        assert!(second.id != token.id && fixture.is_valid(&second).await);
        assert!(fixture.log_in("ann@test.example", "battery staple").await.is_none());
        assert!(fixture.log_in("bob@test.example", PASSWORD).await.is_none());
    }

    #[tokio::test]
    async fn only_the_token_itself_is_accepted_until_it_ends() {
        let fixture = Fixture::new().await;
        let Fixture { auth, store, user, token, .. } = &fixture;
        let (id, secret) = token.text.split_once('|').unwrap();
        let wrong = format!("{id}|{}", secret.replace(|c| c != '0', "0"));
        for text in ["", "|", id, "x|y", "99|secret", &wrong, &format!("{id}|"), secret] {
            assert_eq!(fixture.accepts(text).await, None, "{text}");
        }
        for (lifetime, is_valid) in [(-1, false), (1, true)] {
            let lifetime = Some(TimeDelta::hours(lifetime));
            let other =
                Authenticator::new(store.clone(), lifetime, Duration::ZERO, Default::default());
            let log_in = other.log_in("ann@test.example", PASSWORD.to_owned(), &NO_CLIENT);
            let (_, token) = log_in.await.unwrap();
            assert_eq!(fixture.is_valid(&token).await, is_valid);
        }
        assert!(fixture.is_valid(token).await, "it is cached");
        auth.log_out(user.user_id(), SignIn::Token(token.id)).await.unwrap();
        assert!(!fixture.is_valid(token).await);
    }

    #[tokio::test]
    async fn a_session_ends_with_its_token_and_by_itself() {
        let fixture = Fixture::new().await;
        let Fixture { auth, user, token, .. } = &fixture;
        let sessions = auth.sessions();
        let key = fixture.open_session(token, 1).await.unwrap();
        let loaded = sessions.load(&key).await.unwrap().unwrap();
        assert_eq!((loaded.user, loaded.token), (Some(user.user_id()), Some(token.id)));
        assert_eq!(loaded.csrf_token, "csrf");
        assert_ne!(loaded.id, key, "the database has only the hash");
        assert_eq!(sessions.load("another key").await.unwrap(), None);

        let expired = fixture.open_session(token, -1).await.unwrap();
        assert_eq!(sessions.load(&expired).await.unwrap(), None);
        let deleted = fixture.open_session(token, 1).await.unwrap();
        assert!(sessions.load(&deleted).await.unwrap().is_some());
        sessions.delete(&deleted).await.unwrap();
        assert_eq!(sessions.load(&deleted).await.unwrap(), None);

        let sign_in = SignIn::Session { id: loaded.id, token: loaded.token };
        auth.log_out(user.user_id(), sign_in).await.unwrap();
        assert_eq!(sessions.load(&key).await.unwrap(), None);
        assert!(!fixture.is_valid(token).await);
        assert_eq!(fixture.open_session(token, 1).await, None, "its token is gone");
    }

    #[tokio::test]
    async fn a_new_password_ends_all_other_sign_ins() {
        let fixture = Fixture::new().await;
        let Fixture { auth, user, token: kept, .. } = &fixture;
        let other = fixture.log_in("ann@test.example", PASSWORD).await.unwrap();
        let session = fixture.open_session(&other, 1).await.unwrap();
        assert!(fixture.is_valid(&other).await);
        assert!(auth.sessions().load(&session).await.unwrap().is_some());

        let verify = async |password: &str| {
            let user = auth.user(user.user_id()).await.unwrap();
            auth.verify_password(&user, password.to_owned()).await.unwrap()
        };
        assert!(verify("battery staple").await.is_none());
        let (verified, late) = (verify(PASSWORD).await.unwrap(), verify(PASSWORD).await.unwrap());
        let change = async |verified| {
            auth.change_password(verified, "new password".to_owned(), SignIn::Token(kept.id)).await
        };
        change(verified).await.unwrap();
        assert!(matches!(change(late).await, Err(AuthError::PasswordChanged)));
        assert!(fixture.is_valid(kept).await);
        assert!(!fixture.is_valid(&other).await);
        assert_eq!(auth.sessions().load(&session).await.unwrap(), None);
        assert!(fixture.log_in("ann@test.example", PASSWORD).await.is_none());
        assert!(fixture.log_in("ann@test.example", "new password").await.is_some());
    }

    #[tokio::test]
    async fn a_bcrypt_hash_is_noted_and_replaced_at_the_next_log_in() {
        let fixture = Fixture::new().await;
        let Fixture { auth, store, user, .. } = &fixture;
        let bcrypt = bcrypt::hash(PASSWORD, 4).unwrap();
        let (id, old) = (user.user_id(), user.password.clone().unwrap());
        store.transact(move |c| users::replace_password(c, id, &old, &bcrypt)).await.unwrap();
        auth.note_stored_hashes().await.unwrap();
        assert_eq!(auth.passwords.note(""), 4);
        assert!(fixture.log_in("ann@test.example", "battery staple").await.is_none());
        assert!(fixture.log_in("ann@test.example", PASSWORD).await.is_some());
        let replaced = auth.user(id).await.unwrap().password.unwrap();
        assert!(replaced.starts_with("$argon2id$"), "{replaced}");
    }
}
