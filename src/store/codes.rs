//! The numbers that stand for the terms and statuses of orders, actions and references in the
//! database.
//!
//! They are stored, so a number never changes its meaning.

use super::StoreError;
use crate::market::{
    Action, AdjustmentStatus, CancelReason, MarketStatus, OrderType, SelfTradePrevention, Side,
    Status, TimeInForce, UnixMicros, UserStatus, WithdrawalEnd, WithdrawalStatus,
};

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

pub const fn user_status_code(status: UserStatus) -> i16 {
    match status {
        UserStatus::Active => 1,
        UserStatus::Frozen => 2,
        UserStatus::Closed => 3,
    }
}

impl TryFrom<i16> for UserStatus {
    type Error = StoreError;

    fn try_from(code: i16) -> Result<Self, StoreError> {
        match code {
            1 => Ok(Self::Active),
            2 => Ok(Self::Frozen),
            3 => Ok(Self::Closed),
            _ => Err(unknown("status of a user", code)),
        }
    }
}

pub const fn cancel_reason_code(reason: CancelReason) -> i16 {
    match reason {
        CancelReason::User => 1,
        CancelReason::SelfTrade => 2,
        CancelReason::OutOfRange => 3,
        CancelReason::FillLimit => 4,
        CancelReason::Ioc => 5,
        CancelReason::Fok => 6,
        CancelReason::Slippage => 7,
        CancelReason::Expired => 8,
        CancelReason::AccountFrozen => 9,
    }
}

pub fn cancel_reason_from_code(code: i16) -> Result<CancelReason, StoreError> {
    match code {
        1 => Ok(CancelReason::User),
        2 => Ok(CancelReason::SelfTrade),
        3 => Ok(CancelReason::OutOfRange),
        4 => Ok(CancelReason::FillLimit),
        5 => Ok(CancelReason::Ioc),
        6 => Ok(CancelReason::Fok),
        7 => Ok(CancelReason::Slippage),
        8 => Ok(CancelReason::Expired),
        9 => Ok(CancelReason::AccountFrozen),
        _ => Err(unknown("reason of a cancellation", code)),
    }
}

pub const fn order_type_code(order_type: OrderType) -> i16 {
    match order_type {
        OrderType::Limit => 1,
        OrderType::Market => 2,
    }
}

pub fn order_type_from_code(code: i16) -> Result<OrderType, StoreError> {
    match code {
        1 => Ok(OrderType::Limit),
        2 => Ok(OrderType::Market),
        _ => Err(unknown("type of an order", code)),
    }
}

pub const fn time_in_force_code(time_in_force: TimeInForce) -> i16 {
    match time_in_force {
        TimeInForce::Gtc => 1,
        TimeInForce::Ioc => 2,
        TimeInForce::Fok => 3,
        TimeInForce::Gtd(_) => 4,
    }
}

pub fn time_in_force_from_code(
    code: i16,
    expires_at: Option<UnixMicros>,
) -> Result<TimeInForce, StoreError> {
    match (code, expires_at) {
        (1, None) => Ok(TimeInForce::Gtc),
        (2, None) => Ok(TimeInForce::Ioc),
        (3, None) => Ok(TimeInForce::Fok),
        (4, Some(expires_at)) => Ok(TimeInForce::Gtd(expires_at)),
        _ => Err(unknown("time in force", code)),
    }
}

pub const fn market_status_code(status: MarketStatus) -> i16 {
    match status {
        MarketStatus::Open => 1,
        MarketStatus::CancelOnly => 2,
        MarketStatus::Halted => 3,
    }
}

pub fn market_status_from_code(code: i16) -> Result<MarketStatus, StoreError> {
    match code {
        1 => Ok(MarketStatus::Open),
        2 => Ok(MarketStatus::CancelOnly),
        3 => Ok(MarketStatus::Halted),
        _ => Err(unknown("status of a market", code)),
    }
}

pub const fn self_trade_code(prevention: SelfTradePrevention) -> i16 {
    match prevention {
        SelfTradePrevention::CancelNewest => 1,
        SelfTradePrevention::CancelOldest => 2,
        SelfTradePrevention::CancelBoth => 3,
        SelfTradePrevention::Decrement => 4,
    }
}

pub fn self_trade_from_code(code: i16) -> Result<SelfTradePrevention, StoreError> {
    match code {
        1 => Ok(SelfTradePrevention::CancelNewest),
        2 => Ok(SelfTradePrevention::CancelOldest),
        3 => Ok(SelfTradePrevention::CancelBoth),
        4 => Ok(SelfTradePrevention::Decrement),
        _ => Err(unknown("self-trade prevention", code)),
    }
}

pub const fn withdrawal_status_code(status: WithdrawalStatus) -> i16 {
    match status {
        WithdrawalStatus::Pending => 1,
        WithdrawalStatus::Ended(WithdrawalEnd::Completed) => 2,
        WithdrawalStatus::Ended(WithdrawalEnd::Rejected) => 3,
        WithdrawalStatus::Ended(WithdrawalEnd::Cancelled) => 4,
    }
}

pub fn withdrawal_status_from_code(code: i16) -> Result<WithdrawalStatus, StoreError> {
    match code {
        1 => Ok(WithdrawalStatus::Pending),
        2 => Ok(WithdrawalStatus::Ended(WithdrawalEnd::Completed)),
        3 => Ok(WithdrawalStatus::Ended(WithdrawalEnd::Rejected)),
        4 => Ok(WithdrawalStatus::Ended(WithdrawalEnd::Cancelled)),
        _ => Err(unknown("status of a withdrawal", code)),
    }
}

pub const fn adjustment_status_code(status: AdjustmentStatus) -> i16 {
    match status {
        AdjustmentStatus::Proposed => 1,
        AdjustmentStatus::Applied => 2,
        AdjustmentStatus::Rejected => 3,
    }
}

pub fn adjustment_status_from_code(code: i16) -> Result<AdjustmentStatus, StoreError> {
    match code {
        1 => Ok(AdjustmentStatus::Proposed),
        2 => Ok(AdjustmentStatus::Applied),
        3 => Ok(AdjustmentStatus::Rejected),
        _ => Err(unknown("status of an adjustment", code)),
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
    Deposit,
    Withdrawal,
    Adjustment,
}

pub const fn reference_code(kind: ReferenceKind) -> i16 {
    match kind {
        ReferenceKind::Order => 1,
        ReferenceKind::Trade => 2,
        ReferenceKind::Market => 3,
        ReferenceKind::Deposit => 4,
        ReferenceKind::Withdrawal => 5,
        ReferenceKind::Adjustment => 6,
    }
}

pub fn reference_from_code(code: i16) -> Result<ReferenceKind, StoreError> {
    match code {
        1 => Ok(ReferenceKind::Order),
        2 => Ok(ReferenceKind::Trade),
        3 => Ok(ReferenceKind::Market),
        4 => Ok(ReferenceKind::Deposit),
        5 => Ok(ReferenceKind::Withdrawal),
        6 => Ok(ReferenceKind::Adjustment),
        _ => Err(unknown("reference type", code)),
    }
}

fn unknown(column: &str, code: i16) -> StoreError {
    StoreError::Other(format!("the database contains the unknown {column} {code}"))
}
