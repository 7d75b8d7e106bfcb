//! Placing, listing and cancelling the user's orders.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::market_data::Query;
use super::markets::market_filter;
use super::new_order::read_order;
use crate::events::order::side_name;
use crate::http::conditional::{Version, is_conditional};
use crate::http::extract::{AuthenticatedUser, Input, SIDES, Validator};
use crate::http::idempotency::execute;
use crate::http::paging::{self, List, read_page};
use crate::http::response::{
    self, ApiError, BatchBody, FieldErrors, OrderBody, OrderDetails, PlacedBody,
};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{ClientOrderId, Command, OrderId, Rejection, Status};
use crate::store::markets::Catalog;
use crate::store::views::{self, AccountVersions, OrderFilter, OrderName, OrderView};

/// The values of the parameter `status`.
pub const STATUSES: [(&str, Status); 3] =
    [("1", Status::Open), ("2", Status::Filled), ("3", Status::Cancelled)];
/// The most orders of `POST /orders/batch`.
const MAX_BATCH: usize = 50;

/// The other fields of an order.
const NOT_AMENDABLE: [&str; 9] = [
    "symbol",
    "side",
    "type",
    "stop_price",
    "quote_amount",
    "time_in_force",
    "expires_at",
    "post_only",
    "client_order_id",
];

/// A row of `GET /my-orders`. Two of its dates have no fractions.
#[derive(Serialize, ToSchema)]
#[schema(as = MyOrder)]
struct MyOrderRow<'a> {
    id: i64,
    symbol: &'a str,
    #[schema(value_type = doc::Side)]
    side: &'static str,
    #[serde(flatten)]
    details: OrderDetails<'a>,
    #[schema(value_type = doc::PlainTime)]
    date: String,
    #[schema(value_type = Option<doc::PlainTime>)]
    cancelled_at: Option<String>,
}

/// The response to `GET /orders/{id}`.
#[derive(Serialize, ToSchema)]
struct OneOrder<'a> {
    order: OrderBody<'a>,
}

/// Places an order, and matches it.
#[utoipa::path(
    post,
    path = "/api/orders",
    operation_id = "placeOrder",
    tag = "Orders",
    params(doc::IdempotencyKey),
    request_body = doc::NewOrder,
    responses((
        status = 200,
        description = "Success",
        body = doc::Success<PlacedBody>,
        links(
            ("GetOrder" = (
                operation_id = "getOrder",
                parameters(("id" = "$response.body#/data/order/id")),
            )),
            ("AmendOrder" = (
                operation_id = "amendOrder",
                parameters(("id" = "$response.body#/data/order/id")),
            )),
            ("CancelOrder" = (
                operation_id = "cancelOrder",
                parameters(("id" = "$response.body#/data/order/id")),
            )),
            ("GetOrderByClientOrderId" = (
                operation_id = "getOrderByClientOrderId",
                parameters(("id" = "$response.body#/data/order/client_order_id")),
            )),
            ("CancelOrderByClientOrderId" = (
                operation_id = "cancelOrderByClientOrderId",
                parameters(("id" = "$response.body#/data/order/client_order_id")),
            )),
        ),
    )),
)]
pub async fn place(
    user: AuthenticatedUser,
    request: HttpRequest,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.catalog_with_symbol(input.string("symbol")).await;
    let command = Command::Place(read_order(user.id, &input, &catalog, state.excess_decimals)?);
    execute(&state, &user, &request, Some(&input), command).await
}

/// Returns an order of the user.
#[utoipa::path(
    get,
    path = "/api/orders/{id}",
    operation_id = "getOrder",
    tag = "Orders",
    params(doc::ById),
    responses((status = 200, description = "Success", body = doc::Success<OneOrder>)),
)]
pub async fn get(
    user: AuthenticatedUser,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    show(&user, by_id(&id)?, &state).await
}

/// Returns an order of the user by its client order id.
#[utoipa::path(
    get,
    path = "/api/orders/by-client-id/{id}",
    operation_id = "getOrderByClientOrderId",
    tag = "Orders",
    params(doc::ByClientOrderId),
    responses((status = 200, description = "Success", body = doc::Success<OneOrder>)),
)]
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
    let catalog = state.catalog_with(|c| c.markets.contains_key(&view.order.market)).await;
    let order = OrderBody::new(&view, catalog.symbol(view.order.market));
    Ok(response::ok("Order retrieved successfully", OneOrder { order }))
}

async fn find(
    user: &AuthenticatedUser,
    name: OrderName,
    state: &AppState,
) -> Result<OrderView, ApiError> {
    let user = user.id;
    let found = state.reader.read(move |c| views::order_of(c, user, name)).await?;
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

fn my_order_row<'a>(view: &'a OrderView, catalog: &'a Catalog) -> MyOrderRow<'a> {
    MyOrderRow {
        id: view.order.id.0,
        symbol: catalog.symbol(view.order.market),
        side: side_name(view.order.side),
        details: OrderDetails::new(view),
        date: response::plain(view.created_at),
        cancelled_at: view.cancelled_at.map(response::plain),
    }
}

/// Lists the user's orders, newest first.
#[utoipa::path(
    get,
    path = "/api/my-orders",
    operation_id = "listMyOrders",
    tag = "Orders",
    params(doc::Page, doc::MaybeOfMarket, doc::OfSide, doc::OfStatus, doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<Vec<MyOrderRow>>)),
)]
pub async fn list(
    user: AuthenticatedUser,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let page = read_page(&mut validator, List::Orders, state.list_cap);
    let filter = OrderFilter {
        market: market_filter(&state, &input, &mut validator).await,
        side: validator.optional_one_of("side", &SIDES),
        status: validator.optional_one_of("status", &STATUSES),
    };
    validator.finish(Some(()))?;
    let user = user.id;
    let tag = |versions: &AccountVersions| {
        Version::of("my-orders").accounts(user, versions).parameters_of(&request).tag()
    };
    if is_conditional(&request) {
        let versions = state.reads.user(user).await?.versions();
        if let Some(not_modified) = tag(&versions).not_modified(&request) {
            return Ok(not_modified);
        }
    }
    let read = move |c: &mut _| views::orders_with_versions(c, user, filter, &page);
    let (versions, page) = state.reader.read(read).await?;
    let is_known = |catalog: &Catalog| {
        page.rows.iter().all(|view| catalog.markets.contains_key(&view.order.market))
    };
    let catalog = state.catalog_with(is_known).await;
    let rows = page.rows.iter().map(|view| my_order_row(view, &catalog)).collect();
    let message = "User orders retrieved successfully";
    let response = paging::respond(&request, List::Orders, message, rows, page.next)?;
    // A symbol that could not be read yet is not kept.
    Ok(if is_known(&catalog) { tag(&versions).on(response) } else { response })
}

/// Cancels an open order.
#[utoipa::path(
    post,
    path = "/api/orders/{id}/cancel",
    operation_id = "cancelOrder",
    tag = "Orders",
    params(doc::ById, doc::IdempotencyKey),
    responses((status = 200, description = "Success", body = doc::Done)),
)]
pub async fn cancel(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = id.parse().map_err(|_| Rejection::OrderNotFound)?;
    cancel_order(&user, &request, OrderId(id), &state).await
}

/// Cancels an open order by its client order id.
#[utoipa::path(
    post,
    path = "/api/orders/by-client-id/{id}/cancel",
    operation_id = "cancelOrderByClientOrderId",
    tag = "Orders",
    params(doc::ByClientOrderId, doc::IdempotencyKey),
    responses((status = 200, description = "Success", body = doc::Done)),
)]
pub async fn cancel_by_client_id(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let view = find(&user, by_client_id(&id)?, &state).await?;
    cancel_order(&user, &request, view.order.id, &state).await
}

/// Amends the price or the amount of an open order.
#[utoipa::path(
    patch,
    path = "/api/orders/{id}",
    operation_id = "amendOrder",
    tag = "Orders",
    params(doc::ById, doc::IdempotencyKey),
    request_body = doc::Amendment,
    responses((status = 200, description = "Success", body = doc::Success<PlacedBody>)),
)]
pub async fn amend(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let order = id.parse().map(OrderId).map_err(|_| Rejection::OrderNotFound)?;
    let mut validator = Validator::of(&input);
    let price = validator.optional_positive("price", state.excess_decimals);
    let amount = validator.optional_positive("amount", state.excess_decimals);
    if input.is_missing("price") && input.is_missing("amount") {
        validator.fail("price", "The price or the amount must be given.");
    }
    for field in NOT_AMENDABLE.into_iter().filter(|field| !input.is_missing(field)) {
        validator.fail(field, "Only the price and the amount of an order can be amended.");
    }
    validator.finish(Some(()))?;
    let market = state.engine.market_of(user.id, order).await?;
    let command = Command::Amend { user: user.id, market, order, price, amount };
    execute(&state, &user, &request, Some(&input), command).await
}

/// Places up to 50 orders in one transaction.
#[utoipa::path(
    post,
    path = "/api/orders/batch",
    operation_id = "placeOrders",
    tag = "Orders",
    params(doc::IdempotencyKey),
    request_body = doc::NewOrders,
    responses((status = 200, description = "Success", body = doc::Success<BatchBody>)),
)]
pub async fn place_batch(
    user: AuthenticatedUser,
    request: HttpRequest,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let is_atomic = validator.optional_bool("atomic").unwrap_or(false);
    let inputs = input.objects("orders").filter(|orders| (1..=MAX_BATCH).contains(&orders.len()));
    if inputs.is_none() {
        let text = format!("The orders field must be a list of 1 to {MAX_BATCH} orders.");
        validator.fail("orders", text);
    }
    let inputs = validator.finish(inputs)?;
    state.throttles.requests.count_more(&request, inputs.len().saturating_sub(1))?;
    let symbols: Vec<&str> = inputs.iter().filter_map(|input| input.string("symbol")).collect();
    let is_complete =
        |catalog: &Catalog| symbols.iter().all(|symbol| catalog.market(symbol).is_some());
    let catalog = state.catalog_with(is_complete).await;
    let (mut orders, mut errors) = (Vec::with_capacity(inputs.len()), FieldErrors::default());
    for (position, input) in inputs.iter().enumerate() {
        match read_order(user.id, input, &catalog, state.excess_decimals) {
            Ok(order) => orders.push(order),
            Err(ApiError::Invalid(invalid)) => errors.add_item("orders", position, invalid),
            Err(error) => return Err(error),
        }
    }
    if !errors.is_empty() {
        return Err(ApiError::Invalid(errors));
    }
    let command = Command::Batch { orders: orders.into(), is_atomic };
    execute(&state, &user, &request, Some(&input), command).await
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
