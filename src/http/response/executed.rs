//! Orders, trades and deposits as JSON, and the response to what the engine executed.

use actix_web::HttpResponse;
use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::adjustment::applied_adjustment;
use super::code::ErrorCode;
use super::deposit::recorded_deposit;
use super::envelope::{done, ok, refused_with};
use super::error::{ApiError, ErrorBody};
use super::withdrawal::recorded_withdrawal;
use crate::engine::{CancelledOfFrozen, CompletedDeposit, Executed, PlacedOrder};
use crate::events::decimal::DecimalNumber;
use crate::events::order::{
    cancel_reason_name, order_type_name, side_name, status_number, time_in_force_name,
};
use crate::events::timestamp::iso8601;
use crate::http::schema as doc;
use crate::market::{
    ClientOrderId, MarketId, PreventedTrade, Rejection, Status, TimeInForce, Trade, UnixMicros,
};
use crate::store::markets::Catalog;
use crate::store::views::OrderView;

/// The most trades in the response to an order or its preview.
pub const MAX_TRADES: usize = 100;

#[derive(Serialize, ToSchema)]
#[schema(as = PlacedOrder)]
pub struct PlacedBody<'a> {
    order: OrderBody<'a>,
    /// The first of `trades`, for frontends that handle only one.
    trade: Option<TradeBody<'a>>,
    /// At most [`MAX_TRADES`], the first ones.
    trades: Vec<TradeBody<'a>>,
    /// The number of all trades of the order.
    trade_count: usize,
    /// In the order in which they would have taken place.
    prevented_trades: Vec<PreventedTradeBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderBody<'a> {
    id: i64,
    user_id: i64,
    symbol: &'a str,
    #[schema(value_type = doc::Side)]
    side: &'static str,
    #[serde(flatten)]
    details: OrderDetails<'a>,
    #[schema(value_type = Option<doc::Timestamp>)]
    cancelled_at: Option<String>,
}

/// What every list and response says of an order in the same way.
#[derive(Serialize, ToSchema)]
pub struct OrderDetails<'a> {
    #[serde(rename = "type")]
    #[schema(value_type = doc::OrderType)]
    order_type: &'static str,
    #[schema(value_type = doc::TimeInForce)]
    time_in_force: &'static str,
    post_only: bool,
    /// Null unless its time in force is `gtd`.
    #[schema(value_type = Option<doc::Timestamp>)]
    expires_at: Option<String>,
    /// Null: not a stop order.
    stop_price: Option<DecimalNumber>,
    /// It waits for its stop price, and is not in the book.
    is_waiting: bool,
    /// The worst price that it accepts.
    price: DecimalNumber,
    amount: DecimalNumber,
    filled_amount: DecimalNumber,
    /// Of a market order: what its fills and their commission may cost. Null: its amount limits it.
    quote_amount: Option<DecimalNumber>,
    /// The part of the amount that was taken away to prevent a self-trade.
    prevented_amount: DecimalNumber,
    /// Of its fills, rounded down.
    average_price: Option<DecimalNumber>,
    /// Charged so far, in the quote asset.
    commission: DecimalNumber,
    #[schema(value_type = doc::OrderStatus)]
    status: u8,
    #[schema(value_type = Option<doc::CancelReason>)]
    cancel_reason: Option<&'static str>,
    client_order_id: Option<&'a str>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    #[schema(value_type = doc::Timestamp)]
    updated_at: String,
}

/// A trade that did not take place, because both orders are of the same user.
#[derive(Serialize, ToSchema)]
#[schema(as = PreventedTrade)]
pub struct PreventedTradeBody {
    /// The resting order.
    order_id: i64,
    price: DecimalNumber,
    amount: DecimalNumber,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Trade)]
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
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    #[schema(value_type = doc::Timestamp)]
    updated_at: String,
}

/// Orders that were cancelled together.
#[derive(Default, Deserialize, Serialize, ToSchema)]
pub struct CancelledOrders {
    /// The oldest first.
    pub order_ids: Vec<i64>,
    /// Halted markets, whose orders remain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub halted_symbols: Vec<String>,
}

impl CancelledOrders {
    pub fn of_frozen(cancelled: &CancelledOfFrozen, catalog: &Catalog) -> Self {
        let symbol = |market: &MarketId| catalog.symbol(*market).to_owned();
        Self {
            order_ids: cancelled.orders.iter().map(|order| order.0).collect(),
            halted_symbols: cancelled.halted.iter().map(symbol).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Deposit)]
pub struct DepositBody<'a> {
    currency: &'a str,
    amount: DecimalNumber,
    /// Available after it.
    balance: DecimalNumber,
}

impl<'a> OrderBody<'a> {
    pub fn new(view: &'a OrderView, symbol: &'a str) -> Self {
        Self {
            id: view.order.id.0,
            user_id: view.order.user.0,
            symbol,
            side: side_name(view.order.side),
            details: OrderDetails::new(view),
            cancelled_at: view.cancelled_at.map(iso8601),
        }
    }
}

impl<'a> OrderDetails<'a> {
    pub fn new(view: &'a OrderView) -> Self {
        let order = &view.order;
        Self {
            order_type: order_type_name(order.order_type, order.stop.is_some()),
            time_in_force: time_in_force_name(order.time_in_force),
            post_only: order.post_only,
            expires_at: match order.time_in_force {
                TimeInForce::Gtd(UnixMicros(micros)) => {
                    DateTime::from_timestamp_micros(micros).map(|at| iso8601(at.naive_utc()))
                }
                TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => None,
            },
            stop_price: order.stop.map(|stop| DecimalNumber(stop.price)),
            is_waiting: order.is_waiting(),
            price: DecimalNumber(order.price),
            amount: DecimalNumber(order.amount),
            filled_amount: DecimalNumber(order.filled),
            quote_amount: order.quote_amount.map(DecimalNumber),
            prevented_amount: DecimalNumber(order.prevented),
            average_price: order.average_price().map(DecimalNumber),
            commission: DecimalNumber(order.commission),
            status: status_number(order.status),
            cancel_reason: order.cancel_reason.map(cancel_reason_name),
            client_order_id: order.client_order_id.as_ref().map(ClientOrderId::as_str),
            created_at: iso8601(view.created_at),
            updated_at: iso8601(view.updated_at),
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
        Executed::Placed(placed) => {
            with_placed(placed, catalog, |data| ok("Order created successfully", data))
        }
        Executed::Amended(amended) => {
            with_placed(amended, catalog, |data| ok("Order amended successfully", data))
        }
        Executed::Batch(results) => batch(results, catalog),
        Executed::Cancelled(_) => done("Order cancelled successfully"),
        Executed::CancelledAll(cancelled) => {
            let order_ids = cancelled.orders.iter().map(|order| order.id.0).collect();
            ok(
                "Orders cancelled successfully",
                CancelledOrders { order_ids, ..CancelledOrders::default() },
            )
        }
        Executed::Advanced(_) => done("Market advanced successfully"),
        Executed::Deposited(deposit) => completed_deposit(deposit, catalog),
        Executed::DepositedOnce { deposit, is_new } => recorded_deposit(deposit, *is_new, catalog),
        Executed::Withdrawal { withdrawal, is_new } => {
            recorded_withdrawal(withdrawal, *is_new, catalog)
        }
        Executed::Adjusted { adjustment, is_new } => {
            applied_adjustment(adjustment, *is_new, catalog)
        }
    }
}

/// The result for one order of a batch: what the order alone would have had.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum BatchResult<'a> {
    Placed {
        #[schema(schema_with = doc::always_true)]
        success: bool,
        data: Box<PlacedBody<'a>>,
    },
    Rejected(ErrorBody),
}

#[derive(Serialize, ToSchema)]
#[schema(as = BatchResults)]
pub struct BatchBody {
    /// One for each order, in their order.
    #[schema(value_type = Vec<BatchResult>)]
    results: Vec<serde_json::Value>,
}

/// 400 if all orders were rejected, 200 otherwise.
fn batch(results: &[Result<PlacedOrder, Rejection>], catalog: &Catalog) -> HttpResponse {
    let result = |result: &Result<PlacedOrder, Rejection>| {
        let value = match result {
            Ok(placed) => with_placed(placed, catalog, |data| {
                serde_json::to_value(BatchResult::Placed { success: true, data: Box::new(data) })
            }),
            Err(rejection) => {
                let error = ApiError::of_rejection(*rejection, catalog).body();
                serde_json::to_value(BatchResult::Rejected(error))
            }
        };
        value.expect("numbers and strings are valid JSON")
    };
    let body = BatchBody { results: results.iter().map(result).collect() };
    if results.iter().any(Result::is_ok) {
        return ok("Orders processed successfully", body);
    }
    refused_with(ErrorCode::BatchRejected, "None of the orders was placed.", body)
}

/// Calls `respond` with the body of an order and its trades.
fn with_placed<T>(
    placed: &PlacedOrder,
    catalog: &Catalog,
    respond: impl FnOnce(PlacedBody<'_>) -> T,
) -> T {
    let at = placed.executed_at;
    let symbol = catalog.symbol(placed.order.market);
    let trade = |trade| TradeBody::new(trade, symbol, at);
    let is_cancelled = placed.order.status == Status::Cancelled;
    let view = OrderView {
        order: placed.order,
        created_at: placed.placed_at,
        updated_at: at,
        cancelled_at: is_cancelled.then_some(at),
    };
    respond(PlacedBody {
        order: OrderBody::new(&view, symbol),
        trade: placed.trades.first().map(trade),
        trades: placed.trades.iter().take(MAX_TRADES).map(trade).collect(),
        trade_count: placed.trades.len(),
        prevented_trades: PreventedTradeBody::first_of(&placed.prevented),
    })
}

impl PreventedTradeBody {
    /// The first [`MAX_TRADES`].
    pub fn first_of(prevented: &[PreventedTrade]) -> Vec<Self> {
        let body = |prevented: &PreventedTrade| Self {
            order_id: prevented.maker.0,
            price: DecimalNumber(prevented.price),
            amount: DecimalNumber(prevented.amount),
        };
        prevented.iter().take(MAX_TRADES).map(body).collect()
    }
}

fn completed_deposit(deposit: &CompletedDeposit, catalog: &Catalog) -> HttpResponse {
    let data = DepositBody {
        currency: catalog.asset_symbol(deposit.account.asset),
        amount: DecimalNumber(deposit.amount),
        balance: DecimalNumber(deposit.available),
    };
    ok("Account funded successfully", data)
}
