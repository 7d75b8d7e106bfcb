//! Browser sessions of users, stored in the database so that they can be revoked.
//!
//! A browser holds the key of its session; the database has only the hash of the key, which is the
//! session's id, so a copy of the table does not give access. A session is stored only while the
//! token of the same log-in exists.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::error::AuthError;
use super::secret::{random_hex, sha256_hex};
use super::ttl_cache::TtlCache;
use super::uses::Uses;
use crate::market::UserId;
use crate::store::sessions::{self, Session};
use crate::store::sign_ins::{self, SignIn};
use crate::store::{Store, now};

const KEY_BYTES: usize = 32;
/// The values of a session, each of which is JSON within the JSON of the state.
const USER: &str = "user";
const TOKEN: &str = "token";
const CSRF_TOKEN: &str = "csrf";

/// A session, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    pub id: String,
    /// `None`: an older version stored it before a user logged in.
    pub user: Option<UserId>,
    /// The token of the same log-in.
    pub token: Option<i64>,
    pub csrf_token: String,
}

impl StoredSession {
    /// `None` if the state is not that of a session.
    fn parse(id: String, session: &Session) -> Option<Self> {
        let values: HashMap<String, String> = serde_json::from_str(&session.state).ok()?;
        let number = |name: &str| values.get(name)?.parse().ok();
        let csrf_token = serde_json::from_str(values.get(CSRF_TOKEN)?).ok()?;
        Some(Self { id, user: number(USER).map(UserId), token: number(TOKEN), csrf_token })
    }
}

fn state(user: UserId, token: i64, csrf_token: &str) -> String {
    let csrf_token = json!(csrf_token).to_string();
    json!({ USER: user.to_string(), TOKEN: token.to_string(), CSRF_TOKEN: csrf_token }).to_string()
}

/// The browser sessions in the database, cached. Clones share the cache.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    cache: TtlCache<String, Session>,
    uses: Uses,
}

impl Sessions {
    pub fn new(store: Store, cache_ttl: Duration, uses: Uses) -> Self {
        Self { store, cache: TtlCache::new(cache_ttl), uses }
    }

    /// The session with this key, unless it is unknown, revoked or expired.
    pub async fn load(&self, key: &str) -> Result<Option<StoredSession>, AuthError> {
        let id = sha256_hex(key);
        let wanted = id.clone();
        let look_up = self.store.read(move |c| sessions::find_session(c, &wanted));
        let session = self.cache.get_or_look_up(&id, look_up).await?;
        let session = session.filter(|session| session.expires_at > now());
        Ok(session.and_then(|session| StoredSession::parse(id, &session)))
    }

    /// Stores the session of a user whose log-in issued `token`. Returns its key.
    ///
    /// `None` if the token has been revoked meanwhile.
    pub async fn open(
        &self,
        user: UserId,
        token: i64,
        csrf_token: &str,
        lifetime: TimeDelta,
    ) -> Result<Option<String>, AuthError> {
        let key = random_hex::<KEY_BYTES>();
        let id = sha256_hex(&key);
        let state = state(user, token, csrf_token);
        let session = Session { user: Some(user), state, expires_at: now() + lifetime };
        let sign_in = SignIn::Session { id: id.clone(), token: Some(token) };
        let open = move |c: &mut _| sign_ins::open_session(c, &id, &session, token);
        let is_open = self.store.transact(open).await?;
        if is_open {
            self.uses.begin(sign_in);
        }
        Ok(is_open.then_some(key))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn session(user: Option<i64>, state: &str) -> Session {
        Session { user: user.map(UserId), state: state.to_owned(), expires_at: now() }
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let session = session(Some(1), &state(UserId(1), 7, "a\"b"));
        let expected = StoredSession {
            id: "id".to_owned(),
            user: Some(UserId(1)),
            token: Some(7),
            csrf_token: "a\"b".to_owned(),
        };
        assert_eq!(StoredSession::parse("id".to_owned(), &session), Some(expected));
    }

    #[test]
    fn the_states_of_older_versions_are_read_and_others_are_no_sessions() {
        let parse = |state| StoredSession::parse(String::new(), &session(None, state));
        let visitor = parse(r#"{"csrf":"\"abc\""}"#).unwrap();
        assert_eq!((visitor.user, visitor.token, visitor.csrf_token.as_str()), (None, None, "abc"));
        for broken in ["", "{}", r#"{"csrf":"abc"}"#, r#"{"user":"1"}"#] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }
}
