//! What an order would do if it were placed now. Changes nothing.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::new_order::read_order;
use crate::events::decimal::DecimalNumber;
use crate::events::order::{cancel_reason_name, status_number};
use crate::http::extract::{AuthenticatedUser, Input};
use crate::http::response::{self, ApiError, ErrorBody, MAX_TRADES, PreventedTradeBody};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{self, Action, Command, Done, Fixed, PlacedOrder, Plan, Status, Trade};
use crate::store::trading;

/// `None` and empty where the order would be refused.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
struct PreviewBody {
    /// Why the order would be refused.
    rejection: Option<ErrorBody>,
    /// The worst price that it would accept: that of the order, or the bound of a market order.
    price: Option<DecimalNumber>,
    /// The first [`MAX_TRADES`].
    fills: Vec<FillBody>,
    fill_count: usize,
    filled_amount: DecimalNumber,
    average_price: Option<DecimalNumber>,
    /// Of all fills, in the quote asset.
    value: DecimalNumber,
    /// On all fills, in the quote asset.
    commission: DecimalNumber,
    /// What the order would lock before its fills: of the quote asset for a buy order, of the base
    /// asset for a sell order.
    reserved: DecimalNumber,
    /// What would rest in the book.
    resting_amount: DecimalNumber,
    /// It would wait for its stop price first.
    is_waiting: bool,
    #[schema(value_type = Option<doc::OrderStatus>)]
    status: Option<u8>,
    #[schema(value_type = Option<doc::CancelReason>)]
    cancel_reason: Option<&'static str>,
    /// The first [`MAX_TRADES`].
    prevented_trades: Vec<PreventedTradeBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Fill)]
struct FillBody {
    price: DecimalNumber,
    amount: DecimalNumber,
    value: DecimalNumber,
}

/// Shows what an order would do now, and changes nothing.
#[utoipa::path(
    post,
    path = "/api/orders/preview",
    operation_id = "previewOrder",
    tag = "Orders",
    request_body = doc::NewOrder,
    responses((status = 200, description = "Success", body = doc::Success<PreviewBody>)),
)]
pub async fn preview(
    user: AuthenticatedUser,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.catalog_with_symbol(input.string("symbol")).await;
    let order = read_order(user.id, &input, &catalog, state.excess_decimals)?;
    let market = catalog.markets.get(&order.market).cloned();
    let market = market.ok_or(ApiError::Internal("the market of an order is unknown"))?;
    let max_fills = state.max_fills;
    let read = move |c: &mut _| trading::read_for_preview(c, &market, &order, max_fills);
    let mut touched = state.store.read_snapshot(read).await?;
    let mut plan = market::execute(&mut touched, &[Command::Place(order)], max_fills);
    let body = match plan.outcomes.pop() {
        Some(Ok(Done::Placed(done))) => placed(&done, &plan),
        Some(Err(rejection)) => refused(&ApiError::of_rejection(rejection, &catalog)),
        _ => return Err(ApiError::Internal("an order has the outcome of another command")),
    };
    Ok(response::ok("Order previewed successfully", body))
}

fn placed(placed: &PlacedOrder, plan: &Plan) -> PreviewBody {
    let PlacedOrder { order, prevented, .. } = placed;
    let reserved = plan.entries.iter().find(|entry| entry.action == Action::OrderReserved);
    let is_resting = order.status == Status::Open && !order.is_waiting();
    PreviewBody {
        rejection: None,
        price: Some(DecimalNumber(order.price)),
        fills: plan.trades.iter().take(MAX_TRADES).map(fill).collect(),
        fill_count: plan.trades.len(),
        filled_amount: DecimalNumber(order.filled),
        average_price: order.average_price().map(DecimalNumber),
        value: DecimalNumber(order.filled_value()),
        commission: DecimalNumber(order.commission),
        reserved: DecimalNumber(reserved.map_or(Fixed::ZERO, |entry| entry.locked_change)),
        resting_amount: DecimalNumber(if is_resting { order.remaining() } else { Fixed::ZERO }),
        is_waiting: order.is_waiting(),
        status: Some(status_number(order.status)),
        cancel_reason: order.cancel_reason.map(cancel_reason_name),
        prevented_trades: PreventedTradeBody::first_of(prevented),
    }
}

fn fill(trade: &Trade) -> FillBody {
    FillBody {
        price: DecimalNumber(trade.price),
        amount: DecimalNumber(trade.amount),
        value: DecimalNumber(trade.value),
    }
}

fn refused(error: &ApiError) -> PreviewBody {
    let nothing = DecimalNumber(Fixed::ZERO);
    PreviewBody {
        rejection: Some(error.body()),
        price: None,
        fills: Vec::new(),
        fill_count: 0,
        filled_amount: nothing,
        average_price: None,
        value: nothing,
        commission: nothing,
        reserved: nothing,
        resting_amount: nothing,
        is_waiting: false,
        status: None,
        cancel_reason: None,
        prevented_trades: Vec::new(),
    }
}
