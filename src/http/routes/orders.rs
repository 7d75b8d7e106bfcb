//! Placing, listing and cancelling the user's orders.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDateTime;
use serde::Serialize;

use crate::engine::OriginatingSocket;
use crate::events::decimal::DecimalNumber;
use crate::events::order::{cancel_reason_name, side_name, status_number};
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::{self, ApiError};
use crate::http::state::AppState;
use crate::market::{ClientOrderId, NewOrder, OrderId, Rejection, Side, Status, Trade};
use crate::pusher::SocketId;
use crate::store::views::{self, OrderName, OrderView};

/// The most trades in the response to an order.
const MAX_TRADES: usize = 100;
const CLIENT_ORDER_ID_RULE: &str =
    "The client order id field must be a string of 1 to 64 visible ASCII characters.";

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
struct OrderBody<'a> {
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

/// A row of `GET /my-orders`. Its dates have no fractions.
#[derive(Serialize)]
struct MyOrderRow<'a> {
    id: i64,
    symbol: &'a str,
    side: &'static str,
    price: DecimalNumber,
    amount: DecimalNumber,
    filled_amount: DecimalNumber,
    status: u8,
    cancel_reason: Option<&'static str>,
    client_order_id: Option<&'a str>,
    date: String,
    cancelled_at: Option<String>,
}

/// The response to `GET /orders/{id}`.
#[derive(Serialize)]
struct OneOrder<'a> {
    order: OrderBody<'a>,
}

fn order_body<'a>(view: &'a OrderView, symbol: &'a str) -> OrderBody<'a> {
    let OrderView { order, created_at, updated_at, cancelled_at } = view;
    OrderBody {
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
        cancelled_at: cancelled_at.map(response::iso8601),
        created_at: response::iso8601(*created_at),
        updated_at: response::iso8601(*updated_at),
    }
}

pub fn trade_body<'a>(trade: &Trade, symbol: &'a str, at: NaiveDateTime) -> TradeBody<'a> {
    TradeBody {
        id: trade.id.0,
        sequence: trade.sequence,
        buy_order_id: trade.buy_order.0,
        sell_order_id: trade.sell_order.0,
        buyer_id: trade.buyer.0,
        seller_id: trade.seller.0,
        symbol,
        price: DecimalNumber(trade.price),
        amount: DecimalNumber(trade.amount),
        created_at: response::iso8601(at),
        updated_at: response::iso8601(at),
    }
}

/// `POST /orders`
pub async fn place(
    user: AuthenticatedUser,
    request: HttpRequest,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let order = read_order(&user, &input, &state)?;
    let symbol = state.catalog.symbol(order.market);
    let placed = state.engine.place(order, originating_socket(&request)).await?;
    let at = placed.executed_at;
    let trade = |trade| trade_body(trade, symbol, at);
    let is_cancelled = placed.order.status == Status::Cancelled;
    let view = OrderView {
        order: placed.order,
        created_at: at,
        updated_at: at,
        cancelled_at: is_cancelled.then_some(at),
    };
    let data = PlacedBody {
        order: order_body(&view, symbol),
        trade: placed.trades.first().map(trade),
        trades: placed.trades.iter().take(MAX_TRADES).map(trade).collect(),
        trade_count: placed.trades.len(),
    };
    Ok(response::ok("Order created successfully", data))
}

/// The page's connection, if the request names it. Pages that are not connected send `undefined`,
/// which is ignored like everything else that is not a socket id.
fn originating_socket(request: &HttpRequest) -> Option<OriginatingSocket> {
    let header = request.headers().get("x-socket-id")?.to_str().ok()?;
    SocketId::parse(header).ok().map(|id| OriginatingSocket::new(id.as_str()))
}

fn read_order(
    user: &AuthenticatedUser,
    input: &Input,
    state: &AppState,
) -> Result<NewOrder, ApiError> {
    let mut validator = Validator::of(input);
    let symbol = validator.text("symbol", 16);
    let market = symbol.as_deref().and_then(|symbol| state.catalog.market(symbol));
    if symbol.is_some() && market.is_none() {
        validator.fail("symbol", "The selected symbol is invalid.");
    }
    let side = validator.text("side", 4);
    let side = match side.as_deref() {
        Some("buy") => Some(Side::Buy),
        Some("sell") => Some(Side::Sell),
        Some(_) => {
            validator.fail("side", "The selected side is invalid.");
            None
        }
        None => None,
    };
    let price = validator.positive("price", state.excess_decimals);
    let amount = validator.positive("amount", state.excess_decimals);
    let client_order_id = input.string("client_order_id").and_then(ClientOrderId::parse);
    if client_order_id.is_none() && !input.is_missing("client_order_id") {
        validator.fail("client_order_id", CLIENT_ORDER_ID_RULE);
    }
    let (market, side, price, amount) = validator.finish((market, side, price, amount))?;
    Ok(NewOrder { user: user.id, market: market.id, side, price, amount, client_order_id })
}

/// `GET /orders/{id}`
pub async fn get(
    user: AuthenticatedUser,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    show(&user, by_id(&id)?, &state).await
}

/// `GET /orders/by-client-id/{id}`
pub async fn get_by_client_id(
    user: AuthenticatedUser,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    show(&user, by_client_id(&id)?, &state).await
}

async fn show(
    user: &AuthenticatedUser,
    name: OrderName,
    state: &AppState,
) -> Result<HttpResponse, ApiError> {
    let view = find(user, name, state).await?;
    let order = order_body(&view, state.catalog.symbol(view.order.market));
    Ok(response::ok("Order retrieved successfully", OneOrder { order }))
}

async fn find(
    user: &AuthenticatedUser,
    name: OrderName,
    state: &AppState,
) -> Result<OrderView, ApiError> {
    let user = user.id;
    let found = state.store.read(move |c| views::order_of(c, user, name)).await?;
    Ok(found.ok_or(Rejection::OrderNotFound)?)
}

/// An id that is not a number is unknown.
fn by_id(id: &str) -> Result<OrderName, ApiError> {
    let id = id.parse().map_err(|_| Rejection::OrderNotFound)?;
    Ok(OrderName::Id(OrderId(id)))
}

/// An id that no order can have is unknown.
fn by_client_id(id: &str) -> Result<OrderName, ApiError> {
    let id = ClientOrderId::parse(id).ok_or(Rejection::OrderNotFound)?;
    Ok(OrderName::ClientOrderId(id))
}

fn my_order_row<'a>(view: &'a OrderView, state: &'a AppState) -> MyOrderRow<'a> {
    let order = &view.order;
    MyOrderRow {
        id: order.id.0,
        symbol: state.catalog.symbol(order.market),
        side: side_name(order.side),
        price: DecimalNumber(order.price),
        amount: DecimalNumber(order.amount),
        filled_amount: DecimalNumber(order.filled),
        status: status_number(order.status),
        cancel_reason: order.cancel_reason.map(cancel_reason_name),
        client_order_id: order.client_order_id.as_ref().map(ClientOrderId::as_str),
        date: response::plain(view.created_at),
        cancelled_at: view.cancelled_at.map(response::plain),
    }
}

/// `GET /my-orders`
pub async fn list(
    user: AuthenticatedUser,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (user, cap) = (user.id, state.list_cap);
    let orders = state.store.read(move |c| views::orders_of(c, user, cap)).await?;
    let rows: Vec<_> = orders.iter().map(|view| my_order_row(view, &state)).collect();
    Ok(response::ok("User orders retrieved successfully", rows))
}

/// `POST /orders/{id}/cancel`
pub async fn cancel(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id: i64 = id.parse().map_err(|_| Rejection::OrderNotFound)?;
    let socket = originating_socket(&request);
    state.engine.cancel(user.id, OrderId(id), socket).await?;
    Ok(response::done("Order cancelled successfully"))
}

/// `POST /orders/by-client-id/{id}/cancel`
pub async fn cancel_by_client_id(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let view = find(&user, by_client_id(&id)?, &state).await?;
    let socket = originating_socket(&request);
    state.engine.cancel(user.id, view.order.id, socket).await?;
    Ok(response::done("Order cancelled successfully"))
}
