//! The payloads of events, field by field.
//!
//! Each payload has an `event_id` that is the same for every delivery of the event, so that a
//! client can discard duplicates. Decimals are strings, except in `order.matched`: see
//! [`decimal`](super::decimal).

use chrono::NaiveDateTime;
use serde::Serialize;

use super::EventKind;
use super::decimal::{DecimalNumber, DecimalString};
use super::funds::withdrawal_status_name;
use super::order::{cancel_reason_name, market_status_name, side_name, status_number};
use super::timestamp::iso8601;
use crate::market::{
    Account, ClientOrderId, Destination, Market, MarketId, MarketStatus, Order, Status, Trade,
    Withdrawal,
};

/// `order.matched`, to the buyer and the seller of a trade.
#[derive(Serialize)]
pub struct OrderMatched<'a> {
    event_id: String,
    trade_id: i64,
    symbol: &'a str,
    price: DecimalNumber,
    amount: DecimalNumber,
    buyer_id: i64,
    seller_id: i64,
    buy_order_id: i64,
    sell_order_id: i64,
}

impl<'a> OrderMatched<'a> {
    pub fn new(trade: &Trade, symbol: &'a str) -> Self {
        Self {
            event_id: format!("{}-{}", EventKind::OrderMatched, trade.id),
            trade_id: trade.id.0,
            symbol,
            price: DecimalNumber(trade.price),
            amount: DecimalNumber(trade.amount),
            buyer_id: trade.buyer.0,
            seller_id: trade.seller.0,
            buy_order_id: trade.buy_order.0,
            sell_order_id: trade.sell_order.0,
        }
    }
}

/// The change that `order.updated` reports.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// It waits for its stop price.
    Waiting,
    /// It rests in the book, unfilled.
    Opened,
    PartlyFilled,
    Filled,
    /// By its owner, or by the market to prevent a self-trade.
    Cancelled,
}

/// `order.updated`, to the owner of an order: its state at the end of a batch.
#[derive(Serialize)]
pub struct OrderUpdated<'a> {
    event_id: String,
    order_id: i64,
    symbol: &'a str,
    side: &'static str,
    price: DecimalString,
    amount: DecimalString,
    filled_amount: DecimalString,
    /// 1 open, 2 filled, 3 cancelled, as in the API.
    status: u8,
    change: Change,
    /// Why the order was cancelled; null if it was not.
    cancel_reason: Option<&'static str>,
    /// The owner's own name for the order; null without one.
    client_order_id: Option<&'a str>,
    /// The part of the amount that was taken away to prevent a self-trade.
    prevented_amount: DecimalString,
    /// Null: not a stop order.
    stop_price: Option<DecimalString>,
}

impl<'a> OrderUpdated<'a> {
    pub fn new(order: &'a Order, symbol: &'a str) -> Self {
        let change = match order.status {
            Status::Open if order.is_waiting() => Change::Waiting,
            Status::Open if order.filled.is_zero() => Change::Opened,
            Status::Open => Change::PartlyFilled,
            Status::Filled => Change::Filled,
            Status::Cancelled => Change::Cancelled,
        };
        let status = status_number(order.status);
        let (kind, filled) = (EventKind::OrderUpdated, order.filled.units());
        // Whatever changes of an order, one of these numbers does.
        let (amount, prevented) = (order.amount.units(), order.prevented.units());
        let numbers = format!("{}-{amount}-{filled}-{prevented}-{status}", order.arrival);
        let event_id = format!("{kind}-{}-{numbers}", order.id);
        Self {
            event_id,
            order_id: order.id.0,
            symbol,
            side: side_name(order.side),
            price: order.price.into(),
            amount: order.amount.into(),
            filled_amount: order.filled.into(),
            status,
            change,
            cancel_reason: order.cancel_reason.map(cancel_reason_name),
            client_order_id: order.client_order_id.as_ref().map(ClientOrderId::as_str),
            prevented_amount: order.prevented.into(),
            stop_price: order.stop.map(|stop| stop.price.into()),
        }
    }
}

/// `balance.updated`, to the owner of an account: its state at the end of a batch.
#[derive(Serialize)]
pub struct BalanceUpdated<'a> {
    event_id: String,
    currency: &'a str,
    available: DecimalString,
    locked: DecimalString,
}

impl<'a> BalanceUpdated<'a> {
    /// `at` is the time of the batch, which publishes each account at most once.
    pub fn new(account: &Account, currency: &'a str, at: NaiveDateTime) -> Self {
        let micros = at.and_utc().timestamp_micros();
        Self {
            event_id: format!("{}-{}-{micros}", EventKind::BalanceUpdated, account.id),
            currency,
            available: account.available.into(),
            locked: account.locked.into(),
        }
    }
}

/// `withdrawal.updated`, to the owner of an account: a withdrawal was requested or has ended.
#[derive(Serialize)]
pub struct WithdrawalUpdated<'a> {
    event_id: String,
    withdrawal_id: i64,
    user_id: i64,
    asset: &'a str,
    /// What the account loses, with the fee.
    amount: DecimalString,
    fee: DecimalString,
    destination: &'a str,
    /// `pending`, `completed`, `rejected` or `cancelled`.
    status: &'static str,
    updated_at: String,
}

impl<'a> WithdrawalUpdated<'a> {
    pub fn new(
        withdrawal: &Withdrawal,
        asset: &'a str,
        destination: &'a Destination,
        at: NaiveDateTime,
    ) -> Self {
        let (id, status) = (withdrawal.id, withdrawal_status_name(withdrawal.status));
        Self {
            event_id: format!("{}-{id}-{status}", EventKind::WithdrawalUpdated),
            withdrawal_id: id.0,
            user_id: withdrawal.account.user.0,
            asset,
            amount: withdrawal.amount.into(),
            fee: withdrawal.fee.into(),
            destination: destination.as_str(),
            status,
            updated_at: iso8601(at),
        }
    }
}

/// `trade.executed`, to everybody: without the counterparties.
#[derive(Serialize)]
pub struct TradeExecuted<'a> {
    event_id: String,
    /// The trade's number within its market, without gaps: a client notices a missing one.
    sequence: i64,
    trade_id: i64,
    symbol: &'a str,
    price: DecimalString,
    amount: DecimalString,
    /// The taker's side.
    side: &'static str,
    executed_at: String,
}

impl<'a> TradeExecuted<'a> {
    pub fn new(trade: &Trade, symbol: &'a str, at: NaiveDateTime) -> Self {
        Self {
            event_id: format!("{}-{}", EventKind::TradeExecuted, trade.id),
            sequence: trade.sequence,
            trade_id: trade.id.0,
            symbol,
            price: trade.price.into(),
            amount: trade.amount.into(),
            side: side_name(trade.taker_side),
            executed_at: iso8601(at),
        }
    }
}

/// `market.updated`, to everybody: which commands a market accepts from now on.
#[derive(Serialize)]
pub struct MarketUpdated<'a> {
    event_id: String,
    symbol: &'a str,
    /// `open`, `cancel_only` or `halted`.
    status: &'static str,
    updated_at: String,
}

impl<'a> MarketUpdated<'a> {
    pub fn new(market: MarketId, symbol: &'a str, status: MarketStatus, at: NaiveDateTime) -> Self {
        let micros = at.and_utc().timestamp_micros();
        Self {
            event_id: format!("{}-{market}-{micros}", EventKind::MarketUpdated),
            symbol,
            status: market_status_name(status),
            updated_at: iso8601(at),
        }
    }
}

/// All open orders at one price on one side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookLevel {
    pub price: DecimalString,
    /// The sum of the remaining amounts.
    pub amount: DecimalString,
}

/// Encoded as an array, because the names would take more space than the numbers.
impl Serialize for BookLevel {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.price, self.amount).serialize(serializer)
    }
}

/// `book.updated`, to everybody: without the owners of the orders.
#[derive(Serialize)]
pub struct BookUpdated<'a> {
    event_id: String,
    /// The event's number within its market, without gaps.
    sequence: i64,
    /// The version of the book that it contains: a client discards older ones.
    version: i64,
    symbol: &'a str,
    /// Best price first.
    pub bids: Vec<BookLevel>,
    /// Best price first.
    pub asks: Vec<BookLevel>,
}

impl<'a> BookUpdated<'a> {
    pub fn new(
        market: &'a Market,
        sequence: i64,
        version: i64,
        bids: Vec<BookLevel>,
        asks: Vec<BookLevel>,
    ) -> Self {
        Self {
            event_id: format!("{}-{}-{sequence}", EventKind::BookUpdated, market.id),
            sequence,
            version,
            symbol: &market.symbol,
            bids,
            asks,
        }
    }
}
