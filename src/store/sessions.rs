//! Bearer tokens and browser sessions. Only hashes of the clients' secrets are stored.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::abilities::Abilities;
use super::schema::{sessions, tokens, users};
use super::{AnyConnection, ClientInfo, StoreError, codes, now};
use crate::market::{UserId, UserStatus};

/// A bearer token.
#[derive(Clone, Debug)]
pub struct Token {
    pub user: UserId,
    /// `None`: that of a log-in.
    pub name: Option<String>,
    pub secret_hash: String,
    pub abilities: Abilities,
    pub expires_at: Option<NaiveDateTime>,
}

impl Token {
    /// The token of a log-in, which may be used for everything.
    pub fn of_log_in(user: UserId, secret_hash: String, expires_at: Option<NaiveDateTime>) -> Self {
        Self { user, name: None, secret_hash, abilities: Abilities::ALL, expires_at }
    }
}

/// Stores a token and returns its id, which is the first half of the client's token. A log-in is
/// its first use, by `client`.
pub fn create_token(
    connection: &mut AnyConnection,
    token: &Token,
    client: &ClientInfo,
) -> Result<i64, StoreError> {
    let now = now();
    let values = (
        tokens::user_id.eq(token.user.0),
        tokens::name.eq(&token.name),
        tokens::secret_hash.eq(&token.secret_hash),
        tokens::abilities.eq(token.abilities.code()),
        tokens::created_at.eq(now),
        tokens::expires_at.eq(token.expires_at),
        tokens::last_used_at.eq(token.name.is_none().then_some(now)),
        tokens::address.eq(client.address_text()),
        tokens::user_agent.eq(client.user_agent_text()),
    );
    diesel::insert_into(tokens::table).values(values).execute(connection)?;
    let created = tokens::table.filter(tokens::secret_hash.eq(&token.secret_hash));
    let created = created.filter(tokens::user_id.eq(token.user.0)).select(tokens::id);
    Ok(created.order(tokens::id.desc()).first(connection)?)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
struct TokenRow {
    user_id: i64,
    name: Option<String>,
    secret_hash: String,
    abilities: i16,
    expires_at: Option<NaiveDateTime>,
}

/// Does not return the token of a user who is not active.
pub fn find_token(connection: &mut AnyConnection, id: i64) -> Result<Option<Token>, StoreError> {
    let active = users::status.eq(codes::user_status_code(UserStatus::Active));
    let found = tokens::table.inner_join(users::table).filter(tokens::id.eq(id)).filter(active);
    let found = found.select(TokenRow::as_select());
    let row: Option<TokenRow> = found.first(connection).optional()?;
    row.map(|row| {
        let TokenRow { user_id, name, secret_hash, abilities, expires_at } = row;
        let (user, abilities) = (UserId(user_id), Abilities::from_code(abilities)?);
        Ok(Token { user, name, secret_hash, abilities, expires_at })
    })
    .transpose()
}

/// A browser session.
#[derive(Clone, Debug)]
pub struct Session {
    /// `None`: an older version stored it before a user logged in.
    pub user: Option<UserId>,
    /// The session's values, as JSON.
    pub state: String,
    pub expires_at: NaiveDateTime,
}

/// Does not return expired sessions.
pub fn find_session(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<Option<Session>, StoreError> {
    let columns = (sessions::user_id, sessions::state, sessions::expires_at);
    let alive = sessions::table.find(id).filter(sessions::expires_at.gt(now()));
    let row: Option<(Option<i64>, String, NaiveDateTime)> =
        alive.select(columns).first(connection).optional()?;
    Ok(row.map(|(user, state, expires_at)| {
        let user = user.map(UserId);
        Session { user, state, expires_at }
    }))
}

/// Stores a session, whose log-in is its first use, by `client`.
pub fn create_session(
    connection: &mut AnyConnection,
    id: &str,
    session: &Session,
    client: &ClientInfo,
) -> Result<(), StoreError> {
    let now = now();
    let values = (
        sessions::id.eq(id),
        sessions::user_id.eq(session.user.map(|user| user.0)),
        sessions::state.eq(&session.state),
        sessions::created_at.eq(now),
        sessions::expires_at.eq(session.expires_at),
        sessions::last_used_at.eq(now),
        sessions::address.eq(client.address_text()),
        sessions::user_agent.eq(client.user_agent_text()),
    );
    diesel::insert_into(sessions::table).values(values).execute(connection)?;
    Ok(())
}

pub fn delete_session(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    diesel::delete(sessions::table.find(id)).execute(connection)?;
    Ok(())
}
