//! Connects actix-session to the sessions of `auth`, and reads and writes a session's log-in.

use actix_session::Session;
use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::{self, time};
use anyhow::anyhow;
use chrono::TimeDelta;

use crate::auth::{AuthError, ID_KEY, SessionState, Sessions, SignIn, TOKEN_KEY, USER_KEY};
use crate::config::SameSite;
use crate::http::response::ApiError;
use crate::market::UserId;

impl From<SameSite> for cookie::SameSite {
    fn from(same_site: SameSite) -> Self {
        match same_site {
            SameSite::Lax => Self::Lax,
            SameSite::Strict => Self::Strict,
            SameSite::None => Self::None,
        }
    }
}

/// The storage of actix-session.
#[derive(Clone)]
pub struct StoredSessions(pub Sessions);

/// Makes the session that of a user whose log-in issued this token, under a new key.
pub fn log_in(session: &Session, user: UserId, token: i64) -> Result<(), ApiError> {
    session.renew();
    let inserted = session.insert(USER_KEY, user.0).and_then(|()| session.insert(TOKEN_KEY, token));
    inserted.map_err(|_| ApiError::Internal("the session cannot be written"))
}

/// The user who has logged in to the session, and the sign-in that a log-out ends.
pub fn signed_in(session: &Session) -> Option<(UserId, SignIn)> {
    let user = session.get(USER_KEY).ok().flatten().map(UserId)?;
    let id = session.get(ID_KEY).ok().flatten()?;
    Some((user, SignIn::Session { id, token: session.get(TOKEN_KEY).ok().flatten() }))
}

fn lifetime(ttl: &time::Duration) -> TimeDelta {
    TimeDelta::seconds(ttl.whole_seconds())
}

fn session_key(key: String) -> Result<SessionKey, anyhow::Error> {
    key.try_into().map_err(|_| anyhow!("the key of a session is too long for a cookie"))
}

impl SessionStore for StoredSessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<SessionState>, LoadError> {
        self.0.load(key.as_ref()).await.map_err(|error| match error {
            AuthError::SessionState(_) => LoadError::Deserialization(anyhow!(error)),
            error => LoadError::Other(anyhow!(error)),
        })
    }

    async fn save(
        &self,
        state: SessionState,
        ttl: &time::Duration,
    ) -> Result<SessionKey, SaveError> {
        let key = self.0.create(state, lifetime(ttl)).await.map_err(|error| match error {
            AuthError::SessionState(_) => SaveError::Serialization(anyhow!(error)),
            error => SaveError::Other(anyhow!(error)),
        })?;
        session_key(key).map_err(SaveError::Other)
    }

    async fn update(
        &self,
        key: SessionKey,
        state: SessionState,
        ttl: &time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let updated = self.0.update(key.as_ref(), state, lifetime(ttl)).await;
        let key = updated.map_err(|error| match error {
            AuthError::SessionState(_) => UpdateError::Serialization(anyhow!(error)),
            error => UpdateError::Other(anyhow!(error)),
        })?;
        session_key(key).map_err(UpdateError::Other)
    }

    async fn update_ttl(
        &self,
        key: &SessionKey,
        ttl: &time::Duration,
    ) -> Result<(), anyhow::Error> {
        Ok(self.0.extend(key.as_ref(), lifetime(ttl)).await?)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        Ok(self.0.delete(key.as_ref()).await?)
    }
}
