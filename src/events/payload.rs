//! What stands in the events of the engine, field by field.
//!
//! Decimals are strings, but for `order.matched`: see [`crate::events::decimal`].

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::events::decimal::{Exact, ExactText};
use crate::events::timestamp;
use crate::market::{Account, Order, Side, Status, Trade};
use crate::store::outbox::{BALANCE_UPDATED, ORDER_MATCHED, ORDER_UPDATED, TRADE_EXECUTED};

// Each has an `event_id` that is the same for every delivery of the event: a client drops the
// second one that it sees.

/// To buyer and seller of a trade.
#[derive(Serialize)]
pub struct OrderMatched<'a> {
    event_id: String,
    trade_id: i64,
    symbol: &'a str,
    price: Exact,
    amount: Exact,
    buyer_id: i64,
    seller_id: i64,
    buy_order_id: i64,
    sell_order_id: i64,
}

impl<'a> OrderMatched<'a> {
    pub fn new(trade: &Trade, symbol: &'a str) -> Self {
        Self {
            event_id: format!("{ORDER_MATCHED}-{}", trade.id),
            trade_id: trade.id.0,
            symbol,
            price: Exact(trade.price),
            amount: Exact(trade.amount),
            buyer_id: trade.buyer.0,
            seller_id: trade.seller.0,
            buy_order_id: trade.buy_order.0,
            sell_order_id: trade.sell_order.0,
        }
    }
}

/// What has become of an order.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// It rests, and nothing of it is filled.
    Opened,
    PartlyFilled,
    Filled,
    /// Also by its own market, where its rest would have met its owner's order.
    Cancelled,
}

/// To the owner of an order, as it stands at the end of a batch.
#[derive(Serialize)]
pub struct OrderUpdated<'a> {
    event_id: String,
    order_id: i64,
    symbol: &'a str,
    side: &'static str,
    price: ExactText,
    amount: ExactText,
    filled_amount: ExactText,
    /// 1 open, 2 filled, 3 cancelled, as in the API.
    status: u8,
    change: Change,
}

impl<'a> OrderUpdated<'a> {
    pub fn new(order: &Order, symbol: &'a str) -> Self {
        let (status, change) = match order.status {
            Status::Open if order.filled.is_zero() => (1, Change::Opened),
            Status::Open => (1, Change::PartlyFilled),
            Status::Filled => (2, Change::Filled),
            Status::Cancelled => (3, Change::Cancelled),
        };
        Self {
            event_id: format!("{ORDER_UPDATED}-{}-{}-{status}", order.id, order.filled.units()),
            order_id: order.id.0,
            symbol,
            side: side_name(order.side),
            price: order.price.into(),
            amount: order.amount.into(),
            filled_amount: order.filled.into(),
            status,
            change,
        }
    }
}

/// To the owner of an account, as it stands at the end of a batch.
#[derive(Serialize)]
pub struct BalanceUpdated<'a> {
    event_id: String,
    currency: &'a str,
    available: ExactText,
    locked: ExactText,
}

impl<'a> BalanceUpdated<'a> {
    /// `at` is the time of the batch: one batch tells of an account once.
    pub fn new(account: &Account, currency: &'a str, at: NaiveDateTime) -> Self {
        let micros = at.and_utc().timestamp_micros();
        Self {
            event_id: format!("{BALANCE_UPDATED}-{}-{micros}", account.id),
            currency,
            available: account.available.into(),
            locked: account.locked.into(),
        }
    }
}

/// To everybody: who took part is not told.
#[derive(Serialize)]
pub struct TradeExecuted<'a> {
    event_id: String,
    /// Its number within its market, without a hole: who misses one knows it.
    sequence: i64,
    trade_id: i64,
    symbol: &'a str,
    price: ExactText,
    amount: ExactText,
    /// That of the incoming order.
    side: &'static str,
    executed_at: String,
}

impl<'a> TradeExecuted<'a> {
    pub fn new(trade: &Trade, symbol: &'a str, at: NaiveDateTime) -> Self {
        Self {
            event_id: format!("{TRADE_EXECUTED}-{}", trade.id),
            sequence: trade.sequence,
            trade_id: trade.id.0,
            symbol,
            price: trade.price.into(),
            amount: trade.amount.into(),
            side: side_name(trade.taker_side()),
            executed_at: timestamp::iso(at),
        }
    }
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
