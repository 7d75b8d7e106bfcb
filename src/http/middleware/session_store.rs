//! actix-session's storage in our own table, so that a session can be revoked.
//!
//! The table knows a session by the hash of its cookie's key: who reads the table cannot log in.
//! A user's session is written only while the token of the same log-in is there: what was revoked
//! in between comes up as nobody's session.

use std::collections::HashMap;

use actix_session::Session as Handle;
use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time;
use anyhow::anyhow;

use super::csrf::USER_KEY;
use crate::auth::{TtlCache, random_hex, sha256_hex};
use crate::http::response::ApiError;
use crate::market::UserId;
use crate::store::sessions::{self, Session};
use crate::store::sign_ins::{self, SignIn};
use crate::store::{Store, now};

const KEY_BYTES: usize = 32;
/// Keys of the session's state: the session's id, which is there while it is loaded, and the token
/// that came of the same log-in.
const ID_KEY: &str = "id";
const TOKEN_KEY: &str = "token";

type State = HashMap<String, String>;

/// Sessions in the table `sessions`.
#[derive(Clone)]
pub struct TableSessions {
    store: Store,
    cache: TtlCache<String, Session>,
}

impl TableSessions {
    pub fn new(store: Store, cache_seconds: u64) -> Self {
        Self { store, cache: TtlCache::new(cache_seconds) }
    }

    /// Believes at once that these sessions are gone.
    pub fn forget(&self, revoked: Vec<String>) {
        self.cache.revoke(revoked);
    }

    /// Stores a new session. Gives its key, or nothing where its log-in was revoked.
    async fn create(
        &self,
        state: &State,
        ttl: &time::Duration,
    ) -> Result<Option<SessionKey>, SaveError> {
        let key = random_hex::<KEY_BYTES>();
        let id = sha256_hex(&key);
        let session = session_of(state, ttl).map_err(SaveError::Serialization)?;
        let token: Option<i64> = state.get(TOKEN_KEY).and_then(|value| value.parse().ok());
        let create = move |c: &mut _| match (session.user, token) {
            (None, _) => sessions::create_session(c, &id, &session).map(|()| true),
            (Some(_), Some(token)) => sign_ins::open_session(c, &id, &session, token),
            (Some(_), None) => Ok(false),
        };
        let created = self.store.transact(create).await;
        if !created.map_err(|error| SaveError::Other(anyhow!(error)))? {
            return Ok(None);
        }
        let key = key.try_into();
        key.map(Some).map_err(|_| SaveError::Other(anyhow!("a session key is short enough")))
    }
}

/// Makes the session that of a user whose log-in gave this token, under a new key.
pub fn log_in(session: &Handle, user: UserId, token: i64) -> Result<(), ApiError> {
    session.renew();
    let written = session.insert(USER_KEY, user.0).and_then(|()| session.insert(TOKEN_KEY, token));
    written.map_err(|_| ApiError::Internal("the session cannot be written"))
}

/// What to end when the session's user logs out.
pub fn sign_in(session: &Handle) -> Option<SignIn> {
    let id = session.get(ID_KEY).ok().flatten()?;
    Some(SignIn::Session { id, token: session.get(TOKEN_KEY).ok().flatten() })
}

fn session_of(state: &State, ttl: &time::Duration) -> Result<Session, anyhow::Error> {
    // actix-session keeps each value as JSON.
    let user = state.get(USER_KEY).and_then(|value| value.parse().ok()).map(UserId);
    let expires_at = now() + chrono::Duration::seconds(ttl.whole_seconds());
    let mut stored = state.clone();
    stored.remove(ID_KEY);
    Ok(Session { user, state: serde_json::to_string(&stored)?, expires_at })
}

impl SessionStore for TableSessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let id = sha256_hex(key.as_ref());
        let session = match self.cache.get(&id) {
            Some(known) => known,
            None => {
                let wanted = id.clone();
                let found = self.store.read(move |c| sessions::find_session(c, &wanted)).await;
                let found = found.map_err(|error| LoadError::Other(anyhow!(error)))?;
                found.and_then(|session| self.cache.remember(id.clone(), session))
            }
        };
        let Some(session) = session.filter(|session| session.expires_at > now()) else {
            return Ok(None);
        };
        let broken = |error: serde_json::Error| LoadError::Deserialization(anyhow!(error));
        let mut state: State = serde_json::from_str(&session.state).map_err(broken)?;
        state.insert(ID_KEY.to_owned(), serde_json::to_string(&id).map_err(broken)?);
        Ok(Some(state))
    }

    async fn save(&self, mut state: State, ttl: &time::Duration) -> Result<SessionKey, SaveError> {
        if let Some(key) = self.create(&state, ttl).await? {
            return Ok(key);
        }
        state.retain(|key, _| key != USER_KEY && key != TOKEN_KEY);
        let key = self.create(&state, ttl).await?;
        key.ok_or_else(|| SaveError::Other(anyhow!("nobody's session was revoked")))
    }

    async fn update(
        &self,
        key: SessionKey,
        state: State,
        ttl: &time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let id = sha256_hex(key.as_ref());
        let session = session_of(&state, ttl).map_err(UpdateError::Serialization)?;
        let wanted = id.clone();
        let update = move |c: &mut _| sessions::update_session(c, &wanted, &session);
        match self.store.transact(update).await {
            Ok(true) => {
                self.cache.forget(&id);
                Ok(key)
            }
            // Revoked in the meantime: what the page still knows becomes a new session.
            Ok(false) => self.save(state, ttl).await.map_err(|error| match error {
                SaveError::Serialization(cause) => UpdateError::Serialization(cause),
                SaveError::Other(cause) => UpdateError::Other(cause),
            }),
            Err(error) => Err(UpdateError::Other(anyhow!(error))),
        }
    }

    async fn update_ttl(
        &self,
        key: &SessionKey,
        ttl: &time::Duration,
    ) -> Result<(), anyhow::Error> {
        let id = sha256_hex(key.as_ref());
        let expires_at = now() + chrono::Duration::seconds(ttl.whole_seconds());
        let wanted = id.clone();
        let extend = move |c: &mut _| sessions::extend_session(c, &wanted, expires_at);
        self.store.transact(extend).await?;
        self.cache.forget(&id);
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let id = sha256_hex(key.as_ref());
        let wanted = id.clone();
        self.store.transact(move |c| sessions::delete_session(c, &wanted)).await?;
        self.cache.revoke([id]);
        Ok(())
    }
}
