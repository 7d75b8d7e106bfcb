//! The numbers that stand for sides, statuses, actions and references in the database.
//!
//! They are stored, so a number never changes its meaning.

use super::StoreError;
use crate::market::{Action, CancelReason, Side, Status};

pub const fn side_code(side: Side) -> i16 {
    match side {
        Side::Buy => 1,
        Side::Sell => 2,
    }
}

pub fn side_from_code(code: i16) -> Result<Side, StoreError> {
    match code {
        1 => Ok(Side::Buy),
        2 => Ok(Side::Sell),
        _ => Err(unknown("side", code)),
    }
}

pub const fn status_code(status: Status) -> i16 {
    match status {
        Status::Open => 1,
        Status::Filled => 2,
        Status::Cancelled => 3,
    }
}

pub fn status_from_code(code: i16) -> Result<Status, StoreError> {
    match code {
        1 => Ok(Status::Open),
        2 => Ok(Status::Filled),
        3 => Ok(Status::Cancelled),
        _ => Err(unknown("status", code)),
    }
}

pub const fn cancel_reason_code(reason: CancelReason) -> i16 {
    match reason {
        CancelReason::User => 1,
        CancelReason::SelfTrade => 2,
        CancelReason::OutOfRange => 3,
        CancelReason::FillLimit => 4,
    }
}

pub fn cancel_reason_from_code(code: i16) -> Result<CancelReason, StoreError> {
    match code {
        1 => Ok(CancelReason::User),
        2 => Ok(CancelReason::SelfTrade),
        3 => Ok(CancelReason::OutOfRange),
        4 => Ok(CancelReason::FillLimit),
        _ => Err(unknown("reason of a cancellation", code)),
    }
}

/// The inverse of [`Action::code`].
pub fn action_from_code(code: i16) -> Result<Action, StoreError> {
    let action = Action::ALL.into_iter().find(|action| action.code() == code);
    action.ok_or_else(|| unknown("action", code))
}

/// The kind of object that a ledger entry refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceKind {
    Order,
    Trade,
    Market,
}

pub const fn reference_code(kind: ReferenceKind) -> i16 {
    match kind {
        ReferenceKind::Order => 1,
        ReferenceKind::Trade => 2,
        ReferenceKind::Market => 3,
    }
}

pub fn reference_from_code(code: i16) -> Result<ReferenceKind, StoreError> {
    match code {
        1 => Ok(ReferenceKind::Order),
        2 => Ok(ReferenceKind::Trade),
        3 => Ok(ReferenceKind::Market),
        _ => Err(unknown("reference type", code)),
    }
}

fn unknown(column: &str, code: i16) -> StoreError {
    StoreError::Other(format!("the database contains the unknown {column} {code}"))
}
