//! The status of users, which administrators change.
//!
//! A change locks the user's row, with which every account that is being created is ordered, then
//! the accounts in the order in which batches lock them, and copies the status to them. So no batch
//! that sees the status before is committed after the change. The log of administrators is last.
//!
//! A batch that holds an account of the user and creates another one is the exception to the order
//! of locks: on PostgreSQL both transactions may wait for each other, and one is tried again.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde_json::{Value, json};

use super::admin_log::{self, Act, Actor, AdminAction};
use super::schema::{accounts, users};
use super::sign_ins::{self, Revoked};
use super::users::{User, by_id, lock_with_accounts};
use super::{AnyConnection, StoreError, codes, now};
use crate::events::ChannelPattern;
use crate::market::{UserId, UserStatus};

/// Who changes a status, and why.
#[derive(Clone, Debug)]
pub struct Reason {
    pub actor: Actor,
    pub text: Option<String>,
}

/// A user after a change.
#[derive(Clone, Debug)]
pub struct Changed {
    pub user: User,
    /// What must not be accepted any more.
    pub revoked: Revoked,
    /// The tokens that are valid again.
    pub restored: Vec<i64>,
}

/// Why a status is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such user, or it is the house of a market.
    NotFound,
    /// A closed user remains so.
    Closed,
    /// The user has money or an open order.
    NotEmpty,
}

/// Sets the status of a user, and does nothing if the user has it. Runs in a write transaction.
///
/// - Frozen: no orders, no log-in, and all connections are terminated.
/// - Active: a frozen user orders and logs in again, also with the tokens from before.
/// - Closed: for ever.
///
/// `channels`: those on which the connections are terminated, after earlier events of the user.
pub fn set(
    connection: &mut AnyConnection,
    id: UserId,
    status: UserStatus,
    reason: &Reason,
    channels: &ChannelPattern,
) -> Result<Result<Changed, Refusal>, StoreError> {
    let found = lock_with_accounts(connection, id)?;
    let Some(before) = found.filter(|user| user.id > 0) else { return Ok(Err(Refusal::NotFound)) };
    if before.status == status {
        let (revoked, restored) = (Revoked::default(), Vec::new());
        return Ok(Ok(Changed { user: before, revoked, restored }));
    }
    if before.status == UserStatus::Closed {
        return Ok(Err(Refusal::Closed));
    }
    let is_empty = lock_accounts(connection, id)?.iter().all(AccountState::is_empty);
    if status == UserStatus::Closed && !is_empty {
        return Ok(Err(Refusal::NotEmpty));
    }
    // Read while the locks are held: everything that the user did before has an earlier time.
    let at = now();
    write(connection, id, status, reason.text.as_deref(), at)?;
    let (mut revoked, mut restored) = (Revoked::default(), Vec::new());
    let action = match status {
        UserStatus::Active => {
            restored = sign_ins::tokens_of(connection, id)?;
            AdminAction::UserUnfrozen
        }
        UserStatus::Frozen => {
            revoked = sign_ins::suspend(connection, id, channels)?;
            AdminAction::UserFrozen
        }
        UserStatus::Closed => {
            forget_password(connection, id)?;
            revoked = sign_ins::revoke_all(connection, id, channels)?;
            AdminAction::UserClosed
        }
    };
    let missing = || StoreError::Other("a user that is locked is missing".to_owned());
    let user = by_id(connection, id)?.ok_or_else(missing)?;
    let (before, after) = (Some(state(&before)), Some(state(&user)));
    let act = Act { actor: reason.actor.clone(), action, before, after };
    admin_log::append(connection, vec![act], at)?;
    Ok(Ok(Changed { user, revoked, restored }))
}

/// What the log of administrators says about the status of a user.
fn state(user: &User) -> Value {
    json!({
        "id": user.id,
        "status": user.status.name(),
        "reason": user.status_reason,
    })
}

#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = accounts)]
struct AccountState {
    available: i64,
    locked: i64,
    open_orders: i32,
}

impl AccountState {
    const fn is_empty(&self) -> bool {
        self.available == 0 && self.locked == 0 && self.open_orders == 0
    }
}

/// Locks the accounts of a user, in the order in which batches lock them.
fn lock_accounts(
    connection: &mut AnyConnection,
    id: UserId,
) -> Result<Vec<AccountState>, StoreError> {
    let own = accounts::table.filter(accounts::user_id.eq(id.0)).order(accounts::asset_id);
    Ok(match connection {
        AnyConnection::Postgres(c) => own.select(AccountState::as_select()).for_update().load(c)?,
        // There is no other write transaction.
        AnyConnection::Sqlite(c) => own.select(AccountState::as_select()).load(c)?,
    })
}

fn write(
    connection: &mut AnyConnection,
    id: UserId,
    status: UserStatus,
    reason: Option<&str>,
    at: NaiveDateTime,
) -> Result<(), StoreError> {
    let code = codes::user_status_code(status);
    let values = (
        users::status.eq(code),
        users::status_reason.eq(reason),
        users::status_changed_at.eq(at),
        users::updated_at.eq(at),
    );
    diesel::update(users::table.find(id.0)).set(values).execute(connection)?;
    diesel::update(accounts::table.filter(accounts::user_id.eq(id.0)))
        .set(accounts::user_status.eq(code))
        .execute(connection)?;
    Ok(())
}

fn forget_password(connection: &mut AnyConnection, id: UserId) -> Result<(), StoreError> {
    let none = None::<NaiveDateTime>;
    let values = (
        users::password.eq(None::<String>),
        users::one_time_password_expires_at.eq(none),
        users::one_time_password_used_at.eq(none),
    );
    diesel::update(users::table.find(id.0)).set(values).execute(connection)?;
    Ok(())
}
