//! Orders, trades and deposits as JSON, and the response to what the engine executed.

use actix_web::HttpResponse;
use chrono::NaiveDateTime;
use serde::Serialize;

use super::envelope::{done, ok};
use crate::engine::{CompletedDeposit, Executed, PlacedOrder};
use crate::events::decimal::DecimalNumber;
use crate::events::order::{cancel_reason_name, side_name, status_number};
use crate::events::timestamp::iso8601;
use crate::market::{ClientOrderId, Status, Trade};
use crate::store::markets::Catalog;
use crate::store::views::OrderView;

/// The most trades in the response to an order.
const MAX_TRADES: usize = 100;

#[derive(Serialize)]
struct PlacedBody<'a> {
    order: OrderBody<'a>,
    /// The first of `trades`, for frontends that handle only one.
    trade: Option<TradeBody<'a>>,
    /// At most [`MAX_TRADES`], the first ones.
    trades: Vec<TradeBody<'a>>,
    /// The number of all trades of the order.
    trade_count: usize,
}

#[derive(Serialize)]
pub struct OrderBody<'a> {
    id: i64,
    user_id: i64,
    symbol: &'a str,
    side: &'static str,
    price: DecimalNumber,
    amount: DecimalNumber,
    filled_amount: DecimalNumber,
    status: u8,
    cancel_reason: Option<&'static str>,
    client_order_id: Option<&'a str>,
    cancelled_at: Option<String>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
pub struct TradeBody<'a> {
    id: i64,
    /// Numbered per market, as in the event `trade.executed`.
    sequence: i64,
    buy_order_id: i64,
    sell_order_id: i64,
    buyer_id: i64,
    seller_id: i64,
    symbol: &'a str,
    price: DecimalNumber,
    amount: DecimalNumber,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct DepositBody<'a> {
    currency: &'a str,
    amount: DecimalNumber,
    /// Available after it.
    balance: DecimalNumber,
}

impl<'a> OrderBody<'a> {
    pub fn new(view: &'a OrderView, symbol: &'a str) -> Self {
        let OrderView { order, created_at, updated_at, cancelled_at } = view;
        Self {
            id: order.id.0,
            user_id: order.user.0,
            symbol,
            side: side_name(order.side),
            price: DecimalNumber(order.price),
            amount: DecimalNumber(order.amount),
            filled_amount: DecimalNumber(order.filled),
            status: status_number(order.status),
            cancel_reason: order.cancel_reason.map(cancel_reason_name),
            client_order_id: order.client_order_id.as_ref().map(ClientOrderId::as_str),
            cancelled_at: cancelled_at.map(iso8601),
            created_at: iso8601(*created_at),
            updated_at: iso8601(*updated_at),
        }
    }
}

impl<'a> TradeBody<'a> {
    pub fn new(trade: &Trade, symbol: &'a str, at: NaiveDateTime) -> Self {
        Self {
            id: trade.id.0,
            sequence: trade.sequence,
            buy_order_id: trade.buy_order.0,
            sell_order_id: trade.sell_order.0,
            buyer_id: trade.buyer.0,
            seller_id: trade.seller.0,
            symbol,
            price: DecimalNumber(trade.price),
            amount: DecimalNumber(trade.amount),
            created_at: iso8601(at),
            updated_at: iso8601(at),
        }
    }
}

/// The response to an executed command.
pub fn of_executed(executed: &Executed, catalog: &Catalog) -> HttpResponse {
    match executed {
        Executed::Placed(placed) => placed_order(placed, catalog),
        Executed::Cancelled(_) => done("Order cancelled successfully"),
        Executed::Deposited(deposit) => completed_deposit(deposit, catalog),
    }
}

fn placed_order(placed: &PlacedOrder, catalog: &Catalog) -> HttpResponse {
    let at = placed.executed_at;
    let symbol = catalog.symbol(placed.order.market);
    let trade = |trade| TradeBody::new(trade, symbol, at);
    let is_cancelled = placed.order.status == Status::Cancelled;
    let view = OrderView {
        order: placed.order,
        created_at: at,
        updated_at: at,
        cancelled_at: is_cancelled.then_some(at),
    };
    let data = PlacedBody {
        order: OrderBody::new(&view, symbol),
        trade: placed.trades.first().map(trade),
        trades: placed.trades.iter().take(MAX_TRADES).map(trade).collect(),
        trade_count: placed.trades.len(),
    };
    ok("Order created successfully", data)
}

fn completed_deposit(deposit: &CompletedDeposit, catalog: &Catalog) -> HttpResponse {
    let data = DepositBody {
        currency: catalog.asset_symbol(deposit.account.asset),
        amount: DecimalNumber(deposit.amount),
        balance: DecimalNumber(deposit.available),
    };
    ok("Account funded successfully", data)
}
