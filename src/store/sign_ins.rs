//! What a user has signed in with: how it begins with a password, and how it ends.
//!
//! Everything here runs in a write transaction and locks the user's row first, so that a log-in, a
//! log-out and a change of the password see what the one before has done. Where nothing is left
//! that the user has signed in with, the connections to the provider end too: that is an event of
//! the same transaction.

use chrono::NaiveDateTime;
use diesel::dsl::{exists, select};
use diesel::prelude::*;

use super::outbox;
use super::schema::{sessions, tokens};
use super::sessions::{Session, Token, create_session, create_token};
use super::{AnyConnection, StoreError, now, users};
use crate::events::NewEvent;
use crate::market::UserId;

/// One thing that a user has signed in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// By its id.
    Token(i64),
    Session {
        id: String,
        /// The token that the same log-in gave.
        token: Option<i64>,
    },
}

/// What does not hold any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    pub tokens: Vec<i64>,
    pub sessions: Vec<String>,
}

/// Makes a token for somebody whose password fitted `verified`; puts `better` in its place, if
/// there is one. Gives the token's id.
///
/// `None` when `verified` is not the user's hash any more: what was verified means nothing then.
pub fn log_in(
    connection: &mut AnyConnection,
    token: &Token,
    verified: &str,
    better: Option<&str>,
) -> Result<Option<i64>, StoreError> {
    let user = users::lock(connection, token.user)?;
    if user.and_then(|user| user.password).as_deref() != Some(verified) {
        return Ok(None);
    }
    if let Some(better) = better {
        users::replace_password(connection, token.user, verified, better)?;
    }
    create_token(connection, token).map(Some)
}

/// Stores the session of a user whose log-in gave `token`; says whether it did.
///
/// It does not when that token is gone: the log-in was revoked before its session was written.
pub fn open_session(
    connection: &mut AnyConnection,
    id: &str,
    session: &Session,
    token: i64,
) -> Result<bool, StoreError> {
    let Some(user) = session.user else { return Ok(false) };
    users::lock(connection, user)?;
    let same = tokens::table.filter(tokens::id.eq(token)).filter(tokens::user_id.eq(user.0));
    if !select(exists(same)).get_result::<bool>(connection)? {
        return Ok(false);
    }
    create_session(connection, id, session)?;
    Ok(true)
}

/// Ends one sign-in, and with the last one the user's connections.
///
/// The last one is a token when no other token lives: sessions are not asked, as each of them came
/// with a token of its own. It is a session when neither a token nor another session lives.
pub fn log_out(
    connection: &mut AnyConnection,
    user: UserId,
    sign_in: &SignIn,
) -> Result<Revoked, StoreError> {
    users::lock(connection, user)?;
    let now = now();
    let mut revoked = Revoked::default();
    let is_last = match sign_in {
        SignIn::Token(id) => {
            revoked.tokens = delete_token(connection, user, *id)?;
            !has_token(connection, user, now)?
        }
        SignIn::Session { id, token } => {
            let this = sessions::table.find(id).filter(sessions::user_id.eq(user.0));
            if diesel::delete(this).execute(connection)? > 0 {
                revoked.sessions.push(id.clone());
            }
            if let Some(token) = token {
                revoked.tokens = delete_token(connection, user, *token)?;
            }
            !has_token(connection, user, now)? && !has_session(connection, user, now)?
        }
    };
    // What was gone already was ended by somebody else, who saw to the connections.
    if is_last && revoked != Revoked::default() {
        outbox::write(connection, &NewEvent::terminate_connections(user))?;
    }
    Ok(revoked)
}

/// Replaces a password hash, if it is still the one that was verified, and ends all the user's
/// connections and everything that the user has signed in with, but for `kept`.
///
/// `None` when it was another hash: then nothing has changed.
pub fn change_password(
    connection: &mut AnyConnection,
    user: UserId,
    old_hash: &str,
    new_hash: &str,
    kept: &SignIn,
) -> Result<Option<Revoked>, StoreError> {
    users::lock(connection, user)?;
    if !users::replace_password(connection, user, old_hash, new_hash)? {
        return Ok(None);
    }
    revoke(connection, user, Some(kept)).map(Some)
}

/// Ends all the user's connections and everything that the user has signed in with.
pub fn revoke_all(connection: &mut AnyConnection, user: UserId) -> Result<Revoked, StoreError> {
    users::lock(connection, user)?;
    revoke(connection, user, None)
}

/// The user's row is locked, so nothing comes up between looking and deleting.
fn revoke(
    connection: &mut AnyConnection,
    user: UserId,
    kept: Option<&SignIn>,
) -> Result<Revoked, StoreError> {
    // No token has this id.
    let kept_token = if let Some(SignIn::Token(id)) = kept { *id } else { 0 };
    let kept_session = if let Some(SignIn::Session { id, .. }) = kept { id } else { "" };
    let other_tokens =
        || tokens::table.filter(tokens::user_id.eq(user.0)).filter(tokens::id.ne(kept_token));
    let other_sessions = || {
        sessions::table.filter(sessions::user_id.eq(user.0)).filter(sessions::id.ne(kept_session))
    };
    let revoked = Revoked {
        tokens: other_tokens().select(tokens::id).order(tokens::id).load(connection)?,
        sessions: other_sessions().select(sessions::id).load(connection)?,
    };
    diesel::delete(other_tokens()).execute(connection)?;
    diesel::delete(other_sessions()).execute(connection)?;
    outbox::write(connection, &NewEvent::terminate_connections(user))?;
    Ok(revoked)
}

/// The id again, if there was such a token.
fn delete_token(
    connection: &mut AnyConnection,
    user: UserId,
    id: i64,
) -> Result<Vec<i64>, StoreError> {
    let this = tokens::table.filter(tokens::id.eq(id)).filter(tokens::user_id.eq(user.0));
    let deleted = diesel::delete(this).execute(connection)?;
    Ok(if deleted > 0 { vec![id] } else { Vec::new() })
}

fn has_token(
    connection: &mut AnyConnection,
    user: UserId,
    now: NaiveDateTime,
) -> Result<bool, StoreError> {
    let alive = tokens::expires_at.is_null().or(tokens::expires_at.gt(now));
    let theirs = tokens::table.filter(tokens::user_id.eq(user.0)).filter(alive);
    let first = theirs.select(tokens::id).first::<i64>(connection).optional()?;
    Ok(first.is_some())
}

fn has_session(
    connection: &mut AnyConnection,
    user: UserId,
    now: NaiveDateTime,
) -> Result<bool, StoreError> {
    let theirs = sessions::table.filter(sessions::user_id.eq(user.0));
    let alive = theirs.filter(sessions::expires_at.gt(now)).select(sessions::id);
    Ok(alive.first::<String>(connection).optional()?.is_some())
}
