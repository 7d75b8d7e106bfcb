//! Placing, listing and cancelling the user's orders.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::events::decimal::DecimalNumber;
use crate::events::order::{cancel_reason_name, side_name, status_number};
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::idempotency::execute;
use crate::http::response::{self, ApiError, OrderBody};
use crate::http::state::AppState;
use crate::market::{ClientOrderId, Command, NewOrder, OrderId, Rejection, Side};
use crate::store::views::{self, OrderName, OrderView};

const CLIENT_ORDER_ID_RULE: &str =
    "The client order id field must be a string of 1 to 64 visible ASCII characters.";

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

/// `POST /orders`
pub async fn place(
    user: AuthenticatedUser,
    request: HttpRequest,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let command = Command::Place(read_order(&user, &input, &state)?);
    execute(&state, &user, &request, Some(&input), command).await
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
    let order = OrderBody::new(&view, state.catalog.symbol(view.order.market));
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
    let id = id.parse().map_err(|_| Rejection::OrderNotFound)?;
    cancel_order(&user, &request, OrderId(id), &state).await
}

/// `POST /orders/by-client-id/{id}/cancel`
pub async fn cancel_by_client_id(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let view = find(&user, by_client_id(&id)?, &state).await?;
    cancel_order(&user, &request, view.order.id, &state).await
}

async fn cancel_order(
    user: &AuthenticatedUser,
    request: &HttpRequest,
    id: OrderId,
    state: &AppState,
) -> Result<HttpResponse, ApiError> {
    let command = state.engine.cancellation(user.id, id).await?;
    execute(state, user, request, None, command).await
}
