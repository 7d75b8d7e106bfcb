//! Passwords for one log-in, which administrators create for users who have none, or lost it.
//!
//! Such a password is stored as every other, as a hash in the user's row, with the time at which it
//! ends. So the one before is not valid any more, and neither is the new one after its log-in,
//! except to set a usual password.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde_json::json;

use super::admin_log::{self, Act, Actor, AdminAction};
use super::schema::users;
use super::user_status::Refusal;
use super::users::{User, by_id, lock};
use super::{AnyConnection, StoreError, now, sign_ins};
use crate::events::ChannelPattern;
use crate::events::timestamp::iso8601;
use crate::market::{UserId, UserStatus};

/// How long it is valid.
const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Replaces the password of a user by one with this hash, and ends all sign-ins, on behalf of a
/// command. Returns when the password expires. Runs in a write transaction.
pub fn create(
    connection: &mut AnyConnection,
    id: UserId,
    hash: &str,
    channels: &ChannelPattern,
) -> Result<Result<NaiveDateTime, Refusal>, StoreError> {
    let Some(before) = lock(connection, id)?.filter(|user| user.id > 0) else {
        return Ok(Err(Refusal::NotFound));
    };
    if before.status == UserStatus::Closed {
        return Ok(Err(Refusal::Closed));
    }
    let now = now();
    let expires_at = now + LIFETIME;
    let password = (
        users::password.eq(hash),
        users::one_time_password_expires_at.eq(expires_at),
        users::one_time_password_used_at.eq(None::<NaiveDateTime>),
        users::updated_at.eq(now),
    );
    diesel::update(users::table.find(id.0)).set(password).execute(connection)?;
    sign_ins::revoke_all(connection, id, channels)?;
    let state = |user: &User| {
        json!({
            "id": user.id,
            "has_password": user.password.is_some(),
            "one_time_password_expires_at": user.one_time_password_expires_at.map(iso8601),
        })
    };
    let after = by_id(connection, id)?;
    let act = Act {
        actor: Actor::COMMAND,
        action: AdminAction::OneTimePasswordCreated,
        before: Some(state(&before)),
        after: after.as_ref().map(state),
    };
    admin_log::append(connection, vec![act], now)?;
    Ok(Ok(expires_at))
}
