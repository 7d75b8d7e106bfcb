//! Users and their password hashes.

use chrono::NaiveDateTime;
use diesel::dsl::{max, sql};
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::json;

use super::admin_log::{self, Act, Actor, AdminAction};
use super::rows::NewAccountRow;
use super::schema::{accounts, users};
use super::{AnyConnection, StoreError, now};
use crate::market::{AccountKey, AssetId, UserId, UserStatus};

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub email: String,
    /// A hash; `None` for users who cannot log in.
    pub password: Option<String>,
    pub email_verified_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    #[diesel(deserialize_as = i16)]
    pub status: UserStatus,
    /// Why an administrator has set the status.
    pub status_reason: Option<String>,
    pub status_changed_at: Option<NaiveDateTime>,
    /// The password is for one log-in, before this time. `None`: it is a usual one.
    pub one_time_password_expires_at: Option<NaiveDateTime>,
    /// That log-in.
    pub one_time_password_used_at: Option<NaiveDateTime>,
}

impl User {
    pub fn user_id(&self) -> UserId {
        UserId(self.id)
    }

    /// Whether the password was valid for a time that has ended.
    pub fn has_expired_password(&self) -> bool {
        self.one_time_password_expires_at.is_some_and(|end| end <= now())
    }
}

/// Creates a user with an empty account of each asset. Runs in a write transaction.
///
/// # Errors
/// [`StoreError::Duplicate`] if the e-mail address is taken.
pub fn create(
    connection: &mut AnyConnection,
    name: &str,
    email: &str,
    password_hash: &str,
    assets: &[AssetId],
) -> Result<User, StoreError> {
    insert(connection, name, email, Some(password_hash), assets)
}

/// Creates a user who cannot log in, on behalf of an administrator. Runs in a write transaction.
///
/// # Errors
/// [`StoreError::Duplicate`] if the e-mail address is taken.
pub fn create_without_password(
    connection: &mut AnyConnection,
    name: &str,
    email: &str,
    assets: &[AssetId],
    actor: &Actor,
) -> Result<User, StoreError> {
    let user = insert(connection, name, email, None, assets)?;
    let after = json!({
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "status": user.status.name(),
    });
    let (actor, action) = (actor.clone(), AdminAction::UserCreated);
    let act = Act { actor, action, before: None, after: Some(after) };
    admin_log::append(connection, vec![act], user.created_at)?;
    Ok(user)
}

/// Creates a user with an empty account of each asset. `None`: a user who cannot log in.
pub(super) fn insert(
    connection: &mut AnyConnection,
    name: &str,
    email: &str,
    password_hash: Option<&str>,
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
        .ok_or_else(|| StoreError::Other("a user that was just created is missing".to_owned()))?;
    for asset in assets {
        let account = NewAccountRow::empty(AccountKey { user: user.user_id(), asset: *asset });
        diesel::insert_into(accounts::table).values(account).execute(connection)?;
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

/// Reads a user and locks the row until the transaction ends.
///
/// Every sign-in and sign-out of the user takes this lock, so that they happen one after the other.
/// Orders are not delayed: rows that refer to the user do not conflict with the lock.
pub fn lock(connection: &mut AnyConnection, id: UserId) -> Result<Option<User>, StoreError> {
    let query = users::table.find(id.0);
    Ok(match connection {
        AnyConnection::Postgres(c) => {
            query.select(User::as_select()).for_no_key_update().get_result(c).optional()?
        }
        // There is no other write transaction.
        AnyConnection::Sqlite(c) => query.select(User::as_select()).get_result(c).optional()?,
    })
}

/// Reads a user and locks the row until the transaction ends, also against new references to it:
/// the accounts of the user are those that there are, until then.
pub fn lock_with_accounts(
    connection: &mut AnyConnection,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    let query = users::table.find(id.0);
    Ok(match connection {
        AnyConnection::Postgres(c) => {
            query.select(User::as_select()).for_update().get_result(c).optional()?
        }
        // There is no other write transaction.
        AnyConnection::Sqlite(c) => query.select(User::as_select()).get_result(c).optional()?,
    })
}

/// The greatest bcrypt hash of each version (`$2a$`, `$2y$`, …), in alphabetical order: the one of
/// the highest cost. Reads the whole table.
pub fn greatest_bcrypt_hashes(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let hashes = users::table.filter(users::password.like("$2_$%"));
    let by_version = hashes.group_by(sql::<Text>("substr(password, 1, 4)"));
    let greatest: Vec<Option<String>> = by_version.select(max(users::password)).load(connection)?;
    Ok(greatest.into_iter().flatten().collect())
}

/// Replaces a password hash if it is still the one that was verified; returns whether it was.
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

/// Notes the log-in with a one-time password. The user's row is locked.
pub(super) fn note_one_time_log_in(
    connection: &mut AnyConnection,
    id: UserId,
) -> Result<(), StoreError> {
    let used = users::one_time_password_used_at.eq(now());
    diesel::update(users::table.find(id.0)).set(used).execute(connection)?;
    Ok(())
}

/// The password is a usual one from now on. The user's row is locked.
pub(super) fn forget_one_time_password(
    connection: &mut AnyConnection,
    id: UserId,
) -> Result<(), StoreError> {
    let usual = (
        users::one_time_password_expires_at.eq(None::<NaiveDateTime>),
        users::one_time_password_used_at.eq(None::<NaiveDateTime>),
    );
    diesel::update(users::table.find(id.0)).set(usual).execute(connection)?;
    Ok(())
}

/// Whether no user has registered yet. House accounts do not count.
pub fn is_empty(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let people = users::table.filter(users::id.gt(0));
    let first = people.select(users::id).first::<i64>(connection).optional()?;
    Ok(first.is_none())
}
