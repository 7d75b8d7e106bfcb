//! The log-ins of a user: where the user is signed in, and how that is ended.
//!
//! A log-in is known by the id of the token that it created. If a browser logged in, there is a
//! session as well. Either may end before the other; the log-in lasts as long as one of them.
//! Tokens that users create for their programs are no log-ins.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::outbox;
use super::schema::{sessions, tokens};
use super::sign_ins::{self, Revoked, SignIn};
use super::statement::on_connection;
use super::views::{Page, PageRequest};
use super::{AnyConnection, ClientInfo, StoreError, now, users};
use crate::events::{ChannelPattern, NewEvent};
use crate::market::UserId;

/// The most rows that one statement deletes: each is a parameter on SQLite.
const DELETED_AT_ONCE: usize = 500;

/// What the client of a log-in keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A bearer token alone.
    Token,
    /// The cookie of a session.
    Cookie,
}

/// A log-in that has not ended.
#[derive(Clone, Debug)]
pub struct ActiveLogIn {
    /// That of its token.
    pub id: i64,
    pub credential: Credential,
    pub created_at: NaiveDateTime,
    /// `None`: it does not expire.
    pub expires_at: Option<NaiveDateTime>,
    /// To the minute. `None`: a previous version created it, and it has not been used since.
    pub last_used_at: Option<NaiveDateTime>,
    /// The client of that use.
    pub client: ClientInfo,
}

/// The log-ins that were ended, and what must not be accepted any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Without those that had expired.
    pub log_ins: usize,
    pub revoked: Revoked,
}

/// The outcome of [`end`] and [`end_others`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Ended(Ended),
    /// The sign-in that asks for it has itself been revoked meanwhile. Nothing has changed.
    SignedOut,
}

/// A token or a session.
#[derive(Queryable)]
struct Row {
    id: i64,
    is_session: bool,
    created_at: NaiveDateTime,
    expires_at: Option<NaiveDateTime>,
    last_used_at: Option<NaiveDateTime>,
    address: Option<String>,
    user_agent: Option<String>,
}

/// The log-ins of a user that have not ended, newest first.
pub fn of_user(
    connection: &mut AnyConnection,
    user: UserId,
    page: &PageRequest,
) -> Result<Page<ActiveLogIn>, StoreError> {
    let now = now();
    let below = page.before.unwrap_or(i64::MAX);
    let (from, to) = (page.from.unwrap_or_else(|| year(1)), page.to.unwrap_or_else(|| year(9999)));
    // One of the two has a log-in among its first rows if both together have.
    macro_rules! first_rows {
        ($table:ident, $id:expr, $is_session:literal, $expires_at:expr, $is_valid:expr) => {
            $table::table
                .filter($table::user_id.eq(user.0))
                .filter($is_valid)
                .filter($id.lt(below))
                .filter($table::created_at.ge(from))
                .filter($table::created_at.lt(to))
                .order($id.desc())
                .limit(page.limit_and_one())
                .select((
                    $id,
                    $is_session.into_sql::<Bool>(),
                    $table::created_at,
                    $expires_at,
                    $table::last_used_at,
                    $table::address,
                    $table::user_agent,
                ))
        };
    }
    let has_not_expired = tokens::expires_at.is_null().or(tokens::expires_at.gt(now));
    let is_log_in = tokens::name.is_null().and(has_not_expired);
    let of_tokens = first_rows!(tokens, tokens::id, false, tokens::expires_at, is_log_in);
    let has_token = sessions::token_id.is_not_null().and(sessions::expires_at.gt(now));
    let of_sessions = first_rows!(
        sessions,
        sessions::token_id.assume_not_null(),
        true,
        sessions::expires_at.nullable(),
        has_token
    );
    let rows: Vec<Row> =
        on_connection!(connection, |c| of_tokens.union_all(of_sessions).load(c)?);
    Ok(page.cut(merged(rows), |log_in| log_in.id))
}

fn year(number: i32) -> NaiveDateTime {
    NaiveDate::from_yo_opt(number, 1).unwrap_or_default().into()
}

/// The log-ins of these tokens and sessions, newest first.
fn merged(mut rows: Vec<Row>) -> Vec<ActiveLogIn> {
    rows.sort_by_key(|row| Reverse(row.id));
    let mut log_ins: Vec<ActiveLogIn> = Vec::with_capacity(rows.len());
    for row in rows {
        let log_in = ActiveLogIn::from(row);
        match log_ins.last_mut().filter(|last| last.id == log_in.id) {
            Some(last) => last.merge(log_in),
            None => log_ins.push(log_in),
        }
    }
    log_ins
}

impl From<Row> for ActiveLogIn {
    fn from(row: Row) -> Self {
        let Row { id, is_session, created_at, expires_at, last_used_at, address, user_agent } = row;
        let client = ClientInfo::of_row(address.as_deref(), user_agent.as_deref());
        let credential = if is_session { Credential::Cookie } else { Credential::Token };
        Self { id, credential, created_at, expires_at, last_used_at, client }
    }
}

impl ActiveLogIn {
    /// Adds the other half of the same log-in.
    fn merge(&mut self, other: Self) {
        if other.credential == Credential::Cookie {
            self.credential = Credential::Cookie;
        }
        self.created_at = self.created_at.min(other.created_at);
        // It lasts as long as one of them.
        self.expires_at = self.expires_at.zip(other.expires_at).map(|(one, two)| one.max(two));
        if other.last_used_at > self.last_used_at {
            self.last_used_at = other.last_used_at;
            self.client = other.client;
        }
    }
}

/// A token of a log-in: its id and its end.
type TokenOf = (i64, Option<NaiveDateTime>);
/// A session: its id, the token of its log-in and its end.
type SessionOf = (String, Option<i64>, NaiveDateTime);

/// Ends one log-in, on behalf of a sign-in; none, if the user has none with this id. With the last
/// sign-in it terminates the connections. Runs in a write transaction.
pub fn end(
    connection: &mut AnyConnection,
    user: UserId,
    caller: &SignIn,
    id: i64,
    channels: &ChannelPattern,
) -> Result<Ending, StoreError> {
    if !lock(connection, user, caller)? {
        return Ok(Ending::SignedOut);
    }
    let of_user = tokens::table.filter(tokens::user_id.eq(user.0)).filter(tokens::name.is_null());
    let token: Vec<TokenOf> = of_user
        .filter(tokens::id.eq(id))
        .select((tokens::id, tokens::expires_at))
        .load(connection)?;
    let of_user = sessions::table.filter(sessions::user_id.eq(user.0));
    let session: Vec<SessionOf> = of_user
        .filter(sessions::token_id.eq(id))
        .select((sessions::id, sessions::token_id, sessions::expires_at))
        .load(connection)?;
    delete(connection, user, &token, &session, channels)
}

/// [`end`] for all log-ins except that of the caller.
pub fn end_others(
    connection: &mut AnyConnection,
    user: UserId,
    caller: &SignIn,
    channels: &ChannelPattern,
) -> Result<Ending, StoreError> {
    if !lock(connection, user, caller)? {
        return Ok(Ending::SignedOut);
    }
    // No token has this id.
    let kept_token = caller.token().unwrap_or(0);
    let kept_session = if let SignIn::Session { id, .. } = caller { id } else { "" };
    let of_user = tokens::table.filter(tokens::user_id.eq(user.0)).filter(tokens::name.is_null());
    let others: Vec<TokenOf> = of_user
        .filter(tokens::id.ne(kept_token))
        .select((tokens::id, tokens::expires_at))
        .load(connection)?;
    let of_user = sessions::table.filter(sessions::user_id.eq(user.0));
    let other_sessions: Vec<SessionOf> = of_user
        .filter(sessions::id.ne(kept_session))
        .filter(sessions::token_id.is_null().or(sessions::token_id.ne(kept_token)))
        .select((sessions::id, sessions::token_id, sessions::expires_at))
        .load(connection)?;
    delete(connection, user, &others, &other_sessions, channels)
}

/// Locks the user's row; returns whether the sign-in that asks has not been revoked meanwhile.
fn lock(connection: &mut AnyConnection, user: UserId, caller: &SignIn) -> Result<bool, StoreError> {
    users::lock(connection, user)?;
    sign_ins::is_valid(connection, user, caller)
}

/// The user's row is locked, so these are all that there are.
fn delete(
    connection: &mut AnyConnection,
    user: UserId,
    of_tokens: &[TokenOf],
    of_sessions: &[SessionOf],
    channels: &ChannelPattern,
) -> Result<Ending, StoreError> {
    let now = now();
    let revoked = Revoked {
        tokens: of_tokens.iter().map(|(id, _)| *id).collect(),
        sessions: of_sessions.iter().map(|(id, ..)| id.clone()).collect(),
    };
    for ids in revoked.tokens.chunks(DELETED_AT_ONCE) {
        diesel::delete(tokens::table.filter(tokens::id.eq_any(ids))).execute(connection)?;
    }
    for ids in revoked.sessions.chunks(DELETED_AT_ONCE) {
        diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(connection)?;
    }
    if revoked != Revoked::default() && !sign_ins::has_sign_in(connection, user)? {
        outbox::write(connection, &NewEvent::terminate_connections(user, channels))?;
    }
    let valid_tokens = of_tokens.iter().filter(|(_, end)| end.is_none_or(|end| end > now));
    let valid_sessions = of_sessions.iter().filter(|(.., end)| *end > now);
    let mut log_ins: BTreeSet<i64> = valid_tokens.map(|(id, _)| *id).collect();
    log_ins.extend(valid_sessions.filter_map(|(_, token, _)| *token));
    Ok(Ending::Ended(Ended { log_ins: log_ins.len(), revoked }))
}

#[cfg(test)]
mod tests {
    use super::{ActiveLogIn, Credential, Row, merged, year};

    fn row(id: i64, is_session: bool, created: i32, expires: Option<i32>, used: i32) -> Row {
        Row {
            id,
            is_session,
            created_at: year(created),
            expires_at: expires.map(year),
            last_used_at: Some(year(used)),
            address: Some(format!("192.0.2.{}", used % 100)),
            user_agent: None,
        }
    }

    #[test]
    fn the_token_and_the_session_of_a_log_in_are_one() {
        let log_ins = merged(vec![
            row(7, false, 2001, Some(2010), 2005),
            row(9, false, 2003, None, 2003),
            row(9, true, 2004, Some(2005), 2004),
            row(8, true, 2002, Some(2009), 2002),
            row(7, true, 2002, Some(2009), 2004),
        ]);
        let describe = |log_in: &ActiveLogIn| {
            let address = log_in.client.address.unwrap().to_string();
            let times = (log_in.created_at, log_in.expires_at, log_in.last_used_at.unwrap());
            (log_in.id, log_in.credential, times, address)
        };
        let cookie = |id, created, expires: Option<i32>, used: i32, address: &str| {
            let times = (year(created), expires.map(year), year(used));
            (id, Credential::Cookie, times, address.to_owned())
        };
        assert_eq!(
            log_ins.iter().map(describe).collect::<Vec<_>>(),
            [
                cookie(9, 2003, None, 2004, "192.0.2.4"),
                cookie(8, 2002, Some(2009), 2002, "192.0.2.2"),
                cookie(7, 2001, Some(2010), 2005, "192.0.2.5"),
            ]
        );
    }
}
