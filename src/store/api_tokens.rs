//! The tokens that users create for their programs: they have a name, and not all abilities.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::abilities::Abilities;
use super::schema::tokens;
use super::sessions::{Token, create_token};
use super::sign_ins::{self, Revoked, SignIn};
use super::{AnyConnection, ClientInfo, StoreError, now, users};
use crate::events::ChannelPattern;
use crate::market::{UserId, UserStatus};

/// A token without its secret.
#[derive(Clone, Debug)]
pub struct ApiToken {
    pub id: i64,
    pub name: String,
    pub abilities: Abilities,
    pub created_at: NaiveDateTime,
    pub expires_at: Option<NaiveDateTime>,
    /// At most a minute before the last use.
    pub last_used_at: Option<NaiveDateTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
struct ApiTokenRow {
    id: i64,
    name: Option<String>,
    abilities: i16,
    created_at: NaiveDateTime,
    expires_at: Option<NaiveDateTime>,
    last_used_at: Option<NaiveDateTime>,
}

impl TryFrom<ApiTokenRow> for ApiToken {
    type Error = StoreError;

    fn try_from(row: ApiTokenRow) -> Result<Self, StoreError> {
        let ApiTokenRow { id, name, abilities, created_at, expires_at, last_used_at } = row;
        let (name, abilities) = (name.unwrap_or_default(), Abilities::from_code(abilities)?);
        Ok(Self { id, name, abilities, created_at, expires_at, last_used_at })
    }
}

/// The outcome of [`create`].
#[derive(Clone, Debug)]
pub enum Creation {
    Created(ApiToken),
    /// The user has as many valid tokens as allowed.
    TooMany,
    /// The sign-in that creates the token was revoked meanwhile, or the user is not active.
    SignedOut,
}

/// Creates a token on behalf of a sign-in, unless the user has `at_most` of them. Runs in a write
/// transaction.
pub fn create(
    connection: &mut AnyConnection,
    token: &Token,
    creator: &SignIn,
    at_most: usize,
) -> Result<Creation, StoreError> {
    // Each sign-out takes the same lock, so that no token survives the one that revokes it.
    let user = users::lock(connection, token.user)?;
    let is_active = user.is_some_and(|user| user.status == UserStatus::Active);
    if !is_active || !sign_ins::is_valid(connection, token.user, creator)? {
        return Ok(Creation::SignedOut);
    }
    if of_user(connection, token.user)?.len() >= at_most {
        return Ok(Creation::TooMany);
    }
    let id = create_token(connection, token, &ClientInfo::default())?;
    let row = tokens::table.find(id).select(ApiTokenRow::as_select()).first(connection)?;
    Ok(Creation::Created(row.try_into()?))
}

/// The valid tokens that a user has created, the newest first.
pub fn of_user(connection: &mut AnyConnection, user: UserId) -> Result<Vec<ApiToken>, StoreError> {
    let is_valid = tokens::expires_at.is_null().or(tokens::expires_at.gt(now()));
    let rows: Vec<ApiTokenRow> = tokens::table
        .filter(tokens::user_id.eq(user.0))
        .filter(tokens::name.is_not_null())
        .filter(is_valid)
        .order(tokens::id.desc())
        .select(ApiTokenRow::as_select())
        .load(connection)?;
    rows.into_iter().map(ApiToken::try_from).collect()
}

/// Revokes a token that the user has created. Nothing is revoked if there is none with this id.
/// Runs in a write transaction.
pub fn revoke(
    connection: &mut AnyConnection,
    user: UserId,
    id: i64,
    channels: &ChannelPattern,
) -> Result<Revoked, StoreError> {
    let named = tokens::table.find(id).filter(tokens::name.is_not_null());
    let found: Option<i64> = named.select(tokens::id).first(connection).optional()?;
    match found {
        Some(id) => sign_ins::log_out(connection, user, &SignIn::Token(id), channels),
        None => Ok(Revoked::default()),
    }
}
