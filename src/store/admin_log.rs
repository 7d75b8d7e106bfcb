//! The log of what administrators have done.
//!
//! Each act is a row that is written in the act's own transaction. The rows are numbered without
//! gaps, and each contains the SHA-256 of the one before and of its own content. Writers of all
//! processes lock the one row of `admin_log_head`, always after every other lock of their
//! transaction. `audit` verifies the chain.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::schema::{admin_log, admin_log_head};
use super::{AnyConnection, StoreError, unix_micros};

/// The id of the only row of `admin_log_head`.
const HEAD: i16 = 1;
/// The hash before the first row, in hexadecimal.
pub const FIRST_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Who acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The token that is used. `None`: a command.
    pub token: Option<i64>,
    /// `None`: no request.
    pub request_id: Option<String>,
}

impl Actor {
    /// A command.
    pub const COMMAND: Self = Self { token: None, request_id: None };
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAction {
    TokenCreated,
    TokenRevoked,
    DepositCreated,
    WithdrawalCompleted,
    WithdrawalRejected,
    /// Made at once, without a second administrator.
    AdjustmentCreated,
    AdjustmentProposed,
    AdjustmentApproved,
    AdjustmentRejected,
    MarketStatusChanged,
    DeadLetterRetried,
    EventDropped,
    UserCreated,
    UserFrozen,
    UserUnfrozen,
    UserClosed,
    UserOrdersCancelled,
    OneTimePasswordCreated,
}

impl AdminAction {
    /// Stored, so it never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenCreated => "token.created",
            Self::TokenRevoked => "token.revoked",
            Self::DepositCreated => "deposit.created",
            Self::WithdrawalCompleted => "withdrawal.completed",
            Self::WithdrawalRejected => "withdrawal.rejected",
            Self::AdjustmentCreated => "adjustment.created",
            Self::AdjustmentProposed => "adjustment.proposed",
            Self::AdjustmentApproved => "adjustment.approved",
            Self::AdjustmentRejected => "adjustment.rejected",
            Self::MarketStatusChanged => "market.status_changed",
            Self::DeadLetterRetried => "dead_letter.retried",
            Self::EventDropped => "event.dropped",
            Self::UserCreated => "user.created",
            Self::UserFrozen => "user.frozen",
            Self::UserUnfrozen => "user.unfrozen",
            Self::UserClosed => "user.closed",
            Self::UserOrdersCancelled => "user.orders_cancelled",
            Self::OneTimePasswordCreated => "user.one_time_password_created",
        }
    }
}

/// Something that an administrator has done, with what it has changed.
#[derive(Clone, Debug)]
pub struct Act {
    pub actor: Actor,
    pub action: AdminAction,
    /// `None`: there was nothing before.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = admin_log)]
pub struct LogRow {
    pub id: i64,
    pub token_id: Option<i64>,
    pub request_id: Option<String>,
    pub action: String,
    /// JSON.
    pub state_before: Option<String>,
    pub state_after: Option<String>,
    pub created_at: NaiveDateTime,
    pub previous_hash: String,
    pub hash: String,
}

impl LogRow {
    /// The SHA-256 of the hash of the row before and of the content, in hexadecimal.
    ///
    /// Rows that are stored have it, so what is hashed never changes. Each field begins with its
    /// length, so that no two rows have the same content.
    pub fn computed_hash(&self) -> String {
        let mut digest = Sha256::new();
        let created_at = unix_micros(self.created_at).0.to_be_bytes();
        let token_id = self.token_id.map(i64::to_be_bytes);
        let fields: [Option<&[u8]>; 8] = [
            Some(self.previous_hash.as_bytes()),
            Some(&self.id.to_be_bytes()),
            token_id.as_ref().map(<[u8; 8]>::as_slice),
            self.request_id.as_deref().map(str::as_bytes),
            Some(self.action.as_bytes()),
            self.state_before.as_deref().map(str::as_bytes),
            self.state_after.as_deref().map(str::as_bytes),
            Some(&created_at),
        ];
        for field in fields {
            // No field has this length.
            let len = field.map_or(u64::MAX, |field| field.len() as u64);
            digest.update(len.to_be_bytes());
            digest.update(field.unwrap_or_default());
        }
        hex::encode(digest.finalize())
    }
}

/// The end of the log.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = admin_log_head)]
pub struct Head {
    pub last_id: i64,
    pub last_hash: String,
}

/// The end of the log. `None`: its row is missing.
pub fn head(connection: &mut AnyConnection) -> Result<Option<Head>, StoreError> {
    let head = admin_log_head::table.find(HEAD).select(Head::as_select());
    Ok(head.first(connection).optional()?)
}

/// Locks the end of the log until the transaction ends. No other lock may be taken afterwards.
pub fn lock(connection: &mut AnyConnection) -> Result<Head, StoreError> {
    let query = admin_log_head::table.find(HEAD);
    let head = match connection {
        AnyConnection::Postgres(c) => {
            query.select(Head::as_select()).for_update().get_result(c).optional()?
        }
        // There is no other write transaction.
        AnyConnection::Sqlite(c) => query.select(Head::as_select()).get_result(c).optional()?,
    };
    head.ok_or_else(|| StoreError::Other("the end of the log of administrators is missing".into()))
}

/// Adds rows for these acts, in their order. Runs in the write transaction of the acts, after
/// everything else that it locks.
pub fn append(
    connection: &mut AnyConnection,
    acts: Vec<Act>,
    at: NaiveDateTime,
) -> Result<(), StoreError> {
    if acts.is_empty() {
        return Ok(());
    }
    let Head { mut last_id, mut last_hash } = lock(connection)?;
    for Act { actor, action, before, after } in acts {
        last_id += 1;
        let mut row = LogRow {
            id: last_id,
            token_id: actor.token,
            request_id: actor.request_id,
            action: action.name().to_owned(),
            state_before: before.map(|state| state.to_string()),
            state_after: after.map(|state| state.to_string()),
            created_at: at,
            previous_hash: last_hash,
            hash: String::new(),
        };
        row.hash = row.computed_hash();
        diesel::insert_into(admin_log::table).values(&row).execute(connection)?;
        last_hash = row.hash;
    }
    let end =
        (admin_log_head::last_id.eq(last_id), admin_log_head::last_hash.eq(last_hash.as_str()));
    diesel::update(admin_log_head::table.find(HEAD)).set(end).execute(connection)?;
    Ok(())
}

/// The rows that follow the one with this id, at most `limit`.
pub fn rows_after(
    connection: &mut AnyConnection,
    id: i64,
    limit: i64,
) -> Result<Vec<LogRow>, StoreError> {
    let rows = admin_log::table.filter(admin_log::id.gt(id)).order(admin_log::id).limit(limit);
    Ok(rows.select(LogRow::as_select()).load(connection)?)
}
