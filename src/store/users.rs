//! Users: who they are, not what they hold.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{accounts, users};
use super::{AnyConnection, StoreError, now};
use crate::market::{AssetId, UserId};

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub email: String,
    /// A hash; `None` for those who cannot log in.
    pub password: Option<String>,
    pub email_verified_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
}

impl User {
    pub fn user_id(&self) -> UserId {
        UserId(self.id)
    }
}

/// Makes a user with an empty account of each asset. Runs in a write transaction.
///
/// # Errors
/// [`StoreError::Duplicate`] when the e-mail address is taken.
pub fn create(
    connection: &mut AnyConnection,
    name: &str,
    email: &str,
    password_hash: &str,
    assets: &[AssetId],
) -> Result<User, StoreError> {
    let now = now();
    let values = (
        users::name.eq(name),
        users::email.eq(email),
        users::password.eq(password_hash),
        users::created_at.eq(now),
        users::updated_at.eq(now),
    );
    diesel::insert_into(users::table).values(values).execute(connection)?;
    let user = by_email(connection, email)?
        .ok_or_else(|| StoreError::Other("a user that was just made is not there".to_owned()))?;
    for asset in assets {
        let values = (
            accounts::user_id.eq(user.id),
            accounts::asset_id.eq(asset.0),
            accounts::available.eq(0),
            accounts::locked.eq(0),
        );
        diesel::insert_into(accounts::table).values(values).execute(connection)?;
    }
    Ok(user)
}

pub fn by_id(connection: &mut AnyConnection, id: UserId) -> Result<Option<User>, StoreError> {
    let query = users::table.find(id.0).select(User::as_select());
    Ok(query.first(connection).optional()?)
}

/// `email` in lower case, as it is stored.
pub fn by_email(connection: &mut AnyConnection, email: &str) -> Result<Option<User>, StoreError> {
    let query = users::table.filter(users::email.eq(email)).select(User::as_select());
    Ok(query.first(connection).optional()?)
}

/// Reads a user and keeps others from doing so with this function, until the transaction ends.
///
/// Whoever makes or ends what the user has signed in with comes through here, so that it happens
/// one after the other. Orders and log-ins of others go on: the row's key is not locked.
pub fn lock(connection: &mut AnyConnection, id: UserId) -> Result<Option<User>, StoreError> {
    let query = users::table.find(id.0);
    Ok(match connection {
        AnyConnection::Postgres(c) => {
            query.select(User::as_select()).for_no_key_update().get_result(c).optional()?
        }
        // Nobody else is in a write transaction.
        AnyConnection::Sqlite(c) => query.select(User::as_select()).get_result(c).optional()?,
    })
}

/// Replaces a password hash, if it is still the one that was verified; says whether it was.
pub fn replace_password(
    connection: &mut AnyConnection,
    id: UserId,
    old_hash: &str,
    new_hash: &str,
) -> Result<bool, StoreError> {
    let user = users::table.filter(users::id.eq(id.0)).filter(users::password.eq(old_hash));
    let replaced = diesel::update(user)
        .set((users::password.eq(new_hash), users::updated_at.eq(now())))
        .execute(connection)?;
    Ok(replaced > 0)
}

/// Whether nobody has registered yet. Houses do not count.
pub fn is_empty(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let people = users::table.filter(users::id.gt(0));
    let first = people.select(users::id).first::<i64>(connection).optional()?;
    Ok(first.is_none())
}
