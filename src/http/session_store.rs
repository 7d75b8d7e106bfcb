//! actix-session's storage in our own table, so that a session can be revoked.
//!
//! The table knows a session by the hash of its cookie's key: who reads the table cannot log in.

use std::collections::HashMap;
use std::sync::Arc;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time;
use anyhow::anyhow;
use moka::sync::Cache;

use super::csrf::USER_KEY;
use super::secrets::{memory, random_hex, sha256_hex};
use crate::market::UserId;
use crate::store::sessions::{self, Session};
use crate::store::{Store, now};

const KEY_BYTES: usize = 32;

type State = HashMap<String, String>;

/// Sessions in the table `sessions`.
#[derive(Clone)]
pub struct TableSessions {
    store: Store,
    cache: Cache<String, Arc<Session>>,
}

impl TableSessions {
    pub fn new(store: Store, cache_seconds: u64) -> Self {
        Self { store, cache: memory(cache_seconds) }
    }
}

fn session_of(state: &State, ttl: &time::Duration) -> Result<Session, anyhow::Error> {
    // actix-session keeps each value as JSON.
    let user = state.get(USER_KEY).and_then(|value| value.parse().ok()).map(UserId);
    let expires_at = now() + chrono::Duration::seconds(ttl.whole_seconds());
    Ok(Session { user, state: serde_json::to_string(state)?, expires_at })
}

impl SessionStore for TableSessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let id = sha256_hex(key.as_ref());
        let session = match self.cache.get(&id) {
            Some(session) => Some(session),
            None => {
                let wanted = id.clone();
                let found = self.store.read(move |c| sessions::find_session(c, &wanted)).await;
                let found = found.map_err(|error| LoadError::Other(anyhow!(error)))?.map(Arc::new);
                if let Some(session) = &found {
                    self.cache.insert(id, session.clone());
                }
                found
            }
        };
        session
            .filter(|session| session.expires_at > now())
            .map(|session| serde_json::from_str(&session.state))
            .transpose()
            .map_err(|error| LoadError::Deserialization(anyhow!(error)))
    }

    async fn save(&self, state: State, ttl: &time::Duration) -> Result<SessionKey, SaveError> {
        let key = random_hex::<KEY_BYTES>();
        let id = sha256_hex(&key);
        let session = session_of(&state, ttl).map_err(SaveError::Serialization)?;
        let saved = self.store.transact(move |c| sessions::create_session(c, &id, &session)).await;
        saved.map_err(|error| SaveError::Other(anyhow!(error)))?;
        key.try_into().map_err(|_| SaveError::Other(anyhow!("a session key is short enough")))
    }

    async fn update(
        &self,
        key: SessionKey,
        state: State,
        ttl: &time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let id = sha256_hex(key.as_ref());
        self.cache.invalidate(&id);
        let session = session_of(&state, ttl).map_err(UpdateError::Serialization)?;
        let updated =
            self.store.transact(move |c| sessions::update_session(c, &id, &session)).await;
        match updated {
            Ok(true) => Ok(key),
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
        self.cache.invalidate(&id);
        Ok(self.store.transact(move |c| sessions::extend_session(c, &id, expires_at)).await?)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let id = sha256_hex(key.as_ref());
        self.cache.invalidate(&id);
        let deleted = {
            let id = id.clone();
            self.store.transact(move |c| sessions::delete_session(c, &id)).await
        };
        // A look-up that ran beside the deletion may have remembered the session again.
        self.cache.invalidate(&id);
        Ok(deleted?)
    }
}
