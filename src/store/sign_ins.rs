//! Sign-ins: how they begin with a password, and how they end.
//!
//! A sign-in is a token or a session. Every function here runs in a write transaction and locks the
//! user's row first, so that concurrent log-ins, log-outs and password changes run one after the
//! other. With the last sign-in, the user's connections to the provider are terminated: by an event
//! of the same transaction, on the user's private channel.

use chrono::NaiveDateTime;
use diesel::dsl::{exists, select};
use diesel::prelude::*;

use super::outbox;
use super::schema::{sessions, tokens};
use super::sessions::{Session, Token, create_session, create_token};
use super::{AnyConnection, ClientInfo, StoreError, now, users};
use crate::events::{ChannelPattern, NewEvent};
use crate::market::{UserId, UserStatus};

/// One sign-in of a user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SignIn {
    /// The id of a token.
    Token(i64),
    Session {
        id: String,
        /// The token that the same log-in created.
        token: Option<i64>,
    },
}

impl SignIn {
    /// The token that its log-in created. `None`: the session of a log-in without one.
    pub const fn token(&self) -> Option<i64> {
        match self {
            Self::Token(id) => Some(*id),
            Self::Session { token, .. } => *token,
        }
    }
}

/// The tokens and sessions that were revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    pub tokens: Vec<i64>,
    pub sessions: Vec<String>,
}

/// The outcome of [`log_in`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogIn {
    /// The id of the token.
    Created(i64),
    /// The password was changed meanwhile.
    PasswordChanged,
    /// The password was for one log-in, and there was one, or its time has ended.
    PasswordUsedUp,
    /// An administrator has frozen the user.
    Frozen,
}

/// Creates a token for a user whose password matched the hash `verified`, and for this client. If
/// there is a `better` hash of the same password, it replaces the old one.
pub fn log_in(
    connection: &mut AnyConnection,
    token: &Token,
    client: &ClientInfo,
    verified: &str,
    better: Option<&str>,
) -> Result<LogIn, StoreError> {
    let user = users::lock(connection, token.user)?;
    let Some(user) = user.filter(|user| user.password.as_deref() == Some(verified)) else {
        return Ok(LogIn::PasswordChanged);
    };
    if user.has_expired_password() || user.one_time_password_used_at.is_some() {
        return Ok(LogIn::PasswordUsedUp);
    }
    if user.status != UserStatus::Active {
        return Ok(LogIn::Frozen);
    }
    if user.one_time_password_expires_at.is_some() {
        users::note_one_time_log_in(connection, token.user)?;
    }
    if let Some(better) = better {
        users::replace_password(connection, token.user, verified, better)?;
    }
    create_token(connection, token, client).map(LogIn::Created)
}

/// Stores the session of a user whose log-in created `token`, for the same client; returns whether
/// it did.
///
/// It does not if the token does not exist any more: the log-in was revoked before its session was
/// written.
pub fn open_session(
    connection: &mut AnyConnection,
    id: &str,
    session: &Session,
    token: i64,
) -> Result<bool, StoreError> {
    let Some(user) = session.user else { return Ok(false) };
    users::lock(connection, user)?;
    let same = tokens::table.filter(tokens::id.eq(token)).filter(tokens::user_id.eq(user.0));
    let found: Option<(Option<String>, Option<String>)> =
        same.select((tokens::address, tokens::user_agent)).first(connection).optional()?;
    let Some((address, user_agent)) = found else { return Ok(false) };
    let client = ClientInfo::of_row(address.as_deref(), user_agent.as_deref());
    create_session(connection, id, session, &client)?;
    Ok(true)
}

/// Whether a sign-in of this user has been neither revoked nor has expired.
pub fn is_valid(
    connection: &mut AnyConnection,
    user: UserId,
    sign_in: &SignIn,
) -> Result<bool, StoreError> {
    let now = now();
    Ok(match sign_in {
        SignIn::Token(id) => {
            let is_valid = tokens::expires_at.is_null().or(tokens::expires_at.gt(now));
            let of_user = tokens::table.find(id).filter(tokens::user_id.eq(user.0));
            select(exists(of_user.filter(is_valid))).get_result(connection)?
        }
        SignIn::Session { id, .. } => {
            let of_user = sessions::table.find(id).filter(sessions::user_id.eq(user.0));
            let valid = of_user.filter(sessions::expires_at.gt(now));
            select(exists(valid)).get_result(connection)?
        }
    })
}

/// Ends one sign-in, and with the last one terminates the user's connections.
///
/// A token is the last sign-in if no other token is valid: each session has a token of its own, so
/// sessions need not be checked. A session is the last one if neither a token nor another session
/// is valid.
pub fn log_out(
    connection: &mut AnyConnection,
    user: UserId,
    sign_in: &SignIn,
    channels: &ChannelPattern,
) -> Result<Revoked, StoreError> {
    users::lock(connection, user)?;
    let mut revoked = Revoked::default();
    let is_last = match sign_in {
        SignIn::Token(id) => {
            revoked.tokens = delete_token(connection, user, *id)?;
            !has_token(connection, user, now())?
        }
        SignIn::Session { id, token } => {
            let this = sessions::table.find(id).filter(sessions::user_id.eq(user.0));
            if diesel::delete(this).execute(connection)? > 0 {
                revoked.sessions.push(id.clone());
            }
            if let Some(token) = token {
                revoked.tokens = delete_token(connection, user, *token)?;
            }
            !has_sign_in(connection, user)?
        }
    };
    // If nothing was revoked, another request ended the sign-in and terminated the connections.
    if is_last && revoked != Revoked::default() {
        outbox::write(connection, &NewEvent::terminate_connections(user, channels))?;
    }
    Ok(revoked)
}

/// Whether a token or a session of the user is valid.
pub(super) fn has_sign_in(
    connection: &mut AnyConnection,
    user: UserId,
) -> Result<bool, StoreError> {
    let now = now();
    Ok(has_token(connection, user, now)? || has_session(connection, user, now)?)
}

/// The outcome of [`change_password`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordChange {
    Changed(Revoked),
    /// The hash is not the one that was verified any more. Nothing has changed.
    OtherPassword,
    /// An administrator has frozen or closed the user. Nothing has changed.
    NotActive,
}

/// Replaces a password hash if it is still the one that was verified, terminates all the user's
/// connections, and ends all sign-ins except `kept`.
pub fn change_password(
    connection: &mut AnyConnection,
    user: UserId,
    old_hash: &str,
    new_hash: &str,
    kept: &SignIn,
    channels: &ChannelPattern,
) -> Result<PasswordChange, StoreError> {
    let locked = users::lock(connection, user)?;
    if locked.is_none_or(|user| user.status != UserStatus::Active) {
        return Ok(PasswordChange::NotActive);
    }
    if !users::replace_password(connection, user, old_hash, new_hash)? {
        return Ok(PasswordChange::OtherPassword);
    }
    users::forget_one_time_password(connection, user)?;
    revoke(connection, user, Some(kept), channels).map(PasswordChange::Changed)
}

/// Ends all sign-ins of a user and terminates the connections.
pub fn revoke_all(
    connection: &mut AnyConnection,
    user: UserId,
    channels: &ChannelPattern,
) -> Result<Revoked, StoreError> {
    users::lock(connection, user)?;
    revoke(connection, user, None, channels)
}

/// Ends the log-ins of a user and terminates the connections. The tokens that the user has created
/// remain, for the time when the user is active again; they are among the revoked ones too, because
/// until then they are as good as revoked. The user's row is locked.
pub(super) fn suspend(
    connection: &mut AnyConnection,
    user: UserId,
    channels: &ChannelPattern,
) -> Result<Revoked, StoreError> {
    let of_log_ins = tokens::table.filter(tokens::user_id.eq(user.0));
    let own_sessions = || sessions::table.filter(sessions::user_id.eq(user.0));
    let suspended = Revoked {
        tokens: tokens_of(connection, user)?,
        sessions: own_sessions().select(sessions::id).load(connection)?,
    };
    diesel::delete(of_log_ins.filter(tokens::name.is_null())).execute(connection)?;
    diesel::delete(own_sessions()).execute(connection)?;
    outbox::write(connection, &NewEvent::terminate_connections(user, channels))?;
    Ok(suspended)
}

/// The ids of the tokens of a user.
pub(super) fn tokens_of(
    connection: &mut AnyConnection,
    user: UserId,
) -> Result<Vec<i64>, StoreError> {
    let of_user = tokens::table.filter(tokens::user_id.eq(user.0));
    Ok(of_user.select(tokens::id).order(tokens::id).load(connection)?)
}

/// The user's row is locked, so no sign-in appears between the SELECT and the DELETE.
fn revoke(
    connection: &mut AnyConnection,
    user: UserId,
    kept: Option<&SignIn>,
    channels: &ChannelPattern,
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
    outbox::write(connection, &NewEvent::terminate_connections(user, channels))?;
    Ok(revoked)
}

/// The id, if such a token existed.
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
    let is_valid = tokens::expires_at.is_null().or(tokens::expires_at.gt(now));
    let valid = tokens::table.filter(tokens::user_id.eq(user.0)).filter(is_valid);
    let first = valid.select(tokens::id).first::<i64>(connection).optional()?;
    Ok(first.is_some())
}

fn has_session(
    connection: &mut AnyConnection,
    user: UserId,
    now: NaiveDateTime,
) -> Result<bool, StoreError> {
    let of_user = sessions::table.filter(sessions::user_id.eq(user.0));
    let valid = of_user.filter(sessions::expires_at.gt(now)).select(sessions::id);
    Ok(valid.first::<String>(connection).optional()?.is_some())
}
