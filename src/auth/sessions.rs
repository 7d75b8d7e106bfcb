//! Browser sessions, stored in the database so that they can be revoked.
//!
//! A browser holds the key of its session; the database has only the hash of the key, which is the
//! session's id, so a copy of the table does not give access. The session of a user is stored only
//! while the token of the same log-in exists: if it was revoked in between, the session is stored
//! as that of an anonymous visitor.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;

use super::error::AuthError;
use super::secret::{random_hex, sha256_hex};
use super::ttl_cache::TtlCache;
use crate::market::UserId;
use crate::store::sessions::{self, Session};
use crate::store::{Store, now, sign_ins};

const KEY_BYTES: usize = 32;
/// The value with the id of the user who has logged in.
pub const USER_KEY: &str = "user";
/// The value with the id of the token of the same log-in.
pub const TOKEN_KEY: &str = "token";
/// The value with the session's id. Present in loaded sessions, never stored.
pub const ID_KEY: &str = "id";

/// The values of a session, each as JSON text.
pub type SessionState = HashMap<String, String>;

/// The browser sessions in the database, cached. Clones share the cache.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    cache: TtlCache<String, Session>,
}

impl Sessions {
    pub fn new(store: Store, cache_ttl: Duration) -> Self {
        Self { store, cache: TtlCache::new(cache_ttl) }
    }

    /// The session with this key, unless it is unknown, revoked or expired.
    pub async fn load(&self, key: &str) -> Result<Option<SessionState>, AuthError> {
        let id = sha256_hex(key);
        let wanted = id.clone();
        let look_up = self.store.read(move |c| sessions::find_session(c, &wanted));
        let session = self.cache.get_or_look_up(&id, look_up).await?;
        let Some(session) = session.filter(|session| session.expires_at > now()) else {
            return Ok(None);
        };
        let mut state: SessionState =
            serde_json::from_str(&session.state).map_err(AuthError::SessionState)?;
        let id = serde_json::to_string(&id).map_err(AuthError::SessionState)?;
        state.insert(ID_KEY.to_owned(), id);
        Ok(Some(state))
    }

    /// Stores a new session and returns its key.
    pub async fn create(
        &self,
        mut state: SessionState,
        lifetime: TimeDelta,
    ) -> Result<String, AuthError> {
        let key = random_hex::<KEY_BYTES>();
        let id = sha256_hex(&key);
        let session = to_session(&state, lifetime)?;
        let token: Option<i64> = state.get(TOKEN_KEY).and_then(|value| value.parse().ok());
        state.retain(|key, _| key != USER_KEY && key != TOKEN_KEY);
        let anonymous = to_session(&state, lifetime)?;
        let create = move |c: &mut _| {
            let is_stored = match (session.user, token) {
                (Some(_), Some(token)) => sign_ins::open_session(c, &id, &session, token)?,
                _ => false,
            };
            if is_stored { Ok(()) } else { sessions::create_session(c, &id, &anonymous) }
        };
        self.store.transact(create).await?;
        Ok(key)
    }

    /// Replaces the values of a session and extends it. Returns its key, which is a new one if the
    /// session has been revoked in the meantime.
    pub async fn update(
        &self,
        key: &str,
        state: SessionState,
        lifetime: TimeDelta,
    ) -> Result<String, AuthError> {
        let id = sha256_hex(key);
        let session = to_session(&state, lifetime)?;
        let wanted = id.clone();
        let update = move |c: &mut _| sessions::update_session(c, &wanted, &session);
        if !self.store.transact(update).await? {
            return self.create(state, lifetime).await;
        }
        self.cache.invalidate(&id);
        Ok(key.to_owned())
    }

    /// Lets a session expire after `lifetime` from now.
    pub async fn extend(&self, key: &str, lifetime: TimeDelta) -> Result<(), AuthError> {
        let id = sha256_hex(key);
        let wanted = id.clone();
        let expires_at = now() + lifetime;
        let extend = move |c: &mut _| sessions::extend_session(c, &wanted, expires_at);
        self.store.transact(extend).await?;
        self.cache.invalidate(&id);
        Ok(())
    }

    pub async fn delete(&self, key: &str) -> Result<(), AuthError> {
        let id = sha256_hex(key);
        let wanted = id.clone();
        self.store.transact(move |c| sessions::delete_session(c, &wanted)).await?;
        self.cache.revoke([id]);
        Ok(())
    }

    /// Rejects these sessions from now on. They are already deleted from the database.
    pub fn revoke(&self, ids: Vec<String>) {
        self.cache.revoke(ids);
    }
}

fn to_session(state: &SessionState, lifetime: TimeDelta) -> Result<Session, AuthError> {
    let user = state.get(USER_KEY).and_then(|value| value.parse().ok()).map(UserId);
    let stored: HashMap<_, _> = state.iter().filter(|(key, _)| *key != ID_KEY).collect();
    let state = serde_json::to_string(&stored).map_err(AuthError::SessionState)?;
    Ok(Session { user, state, expires_at: now() + lifetime })
}
