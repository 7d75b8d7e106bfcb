//! How the terms, the status and the cancel reason of an order are encoded in JSON, in events and
//! in the API alike.

use crate::market::{CancelReason, MarketStatus, OrderType, Side, Status, TimeInForce};

pub const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub const fn status_number(status: Status) -> u8 {
    match status {
        Status::Open => 1,
        Status::Filled => 2,
        Status::Cancelled => 3,
    }
}

pub const fn cancel_reason_name(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::User => "user",
        CancelReason::SelfTrade => "self_trade",
        CancelReason::OutOfRange => "out_of_range",
        CancelReason::FillLimit => "fill_limit",
        CancelReason::Ioc => "ioc",
        CancelReason::Fok => "fok",
        CancelReason::Slippage => "slippage",
        CancelReason::Expired => "expired",
        CancelReason::AccountFrozen => "account_frozen",
    }
}

pub const fn order_type_name(order_type: OrderType, is_stop: bool) -> &'static str {
    match (order_type, is_stop) {
        (OrderType::Limit, false) => "limit",
        (OrderType::Market, false) => "market",
        (OrderType::Limit, true) => "stop_limit",
        (OrderType::Market, true) => "stop_market",
    }
}

pub const fn market_status_name(status: MarketStatus) -> &'static str {
    match status {
        MarketStatus::Open => "open",
        MarketStatus::CancelOnly => "cancel_only",
        MarketStatus::Halted => "halted",
    }
}

pub const fn time_in_force_name(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "gtc",
        TimeInForce::Ioc => "ioc",
        TimeInForce::Fok => "fok",
        TimeInForce::Gtd(_) => "gtd",
    }
}
