//! How the terms, the status and the cancel reason of an order are encoded in JSON, in events and
//! in the API alike.

use crate::market::{CancelReason, OrderType, Side, Status, TimeInForce};

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
    }
}

pub const fn order_type_name(order_type: OrderType) -> &'static str {
    match order_type {
        OrderType::Limit => "limit",
        OrderType::Market => "market",
    }
}

pub const fn time_in_force_name(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "gtc",
        TimeInForce::Ioc => "ioc",
        TimeInForce::Fok => "fok",
    }
}
