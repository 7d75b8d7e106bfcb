//! The orders of all users.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::events::order::{
    cancel_reason_name, order_type_name, side_name, status_number, time_in_force_name,
};
use crate::http::csv::{self, Export, Line};
use crate::http::extract::{Administrator, Input, Read, SIDES, Validator};
use crate::http::paging::{self, List, read_page};
use crate::http::response::{ApiError, OrderBody, iso8601};
use crate::http::routes::market_data::Query;
use crate::http::routes::markets::market_filter;
use crate::http::routes::orders::STATUSES;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{ClientOrderId, UserId};
use crate::store::markets::Catalog;
use crate::store::views::{self, OrderFilter, OrderView, Page, PageRequest};
use crate::store::{AnyConnection, StoreError};

/// The orders that a request asks for.
#[derive(Clone, Copy)]
struct Orders {
    user: Option<UserId>,
    filter: OrderFilter,
}

impl Orders {
    async fn of(query: Query, state: &AppState) -> Result<(Self, PageRequest), ApiError> {
        let input = Input::from(query.into_inner());
        let mut validator = Validator::of(&input);
        let page = read_page(&mut validator, List::AllOrders, state.list_cap);
        let user = validator.optional_id("user_id").map(UserId);
        let market = market_filter(state, &input, &mut validator).await;
        let side = validator.optional_one_of("side", &SIDES);
        let status = validator.optional_one_of("status", &STATUSES);
        validator.finish(Some(()))?;
        Ok((Self { user, filter: OrderFilter { market, side, status } }, page))
    }
}

impl Export for Orders {
    type Row = OrderView;

    const NAME: &'static str = "orders.csv";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "user_id",
        "symbol",
        "side",
        "type",
        "time_in_force",
        "post_only",
        "stop_price",
        "price",
        "amount",
        "quote_amount",
        "filled_amount",
        "average_price",
        "commission",
        "status",
        "cancel_reason",
        "client_order_id",
        "created_at",
        "updated_at",
        "cancelled_at",
    ];

    fn read(
        &self,
        connection: &mut AnyConnection,
        page: &PageRequest,
    ) -> Result<Page<OrderView>, StoreError> {
        match self.user {
            Some(user) => views::orders_of(connection, user, self.filter, page),
            None => views::all_orders(connection, self.filter, page),
        }
    }

    fn is_known(row: &OrderView, catalog: &Catalog) -> bool {
        catalog.markets.contains_key(&row.order.market)
    }

    fn write(row: &OrderView, catalog: &Catalog, line: &mut Line<'_>) {
        let OrderView { order, created_at, updated_at, cancelled_at } = row;
        line.integer(order.id.0);
        line.integer(order.user.0);
        line.text(catalog.symbol(order.market));
        line.text(side_name(order.side));
        line.text(order_type_name(order.order_type, order.stop.is_some()));
        line.text(time_in_force_name(order.time_in_force));
        line.text(if order.post_only { "true" } else { "false" });
        line.optional_decimal(order.stop.map(|stop| stop.price));
        line.decimal(order.price);
        line.decimal(order.amount);
        line.optional_decimal(order.quote_amount);
        line.decimal(order.filled);
        line.optional_decimal(order.average_price());
        line.decimal(order.commission);
        line.integer(status_number(order.status).into());
        line.optional_text(order.cancel_reason.map(cancel_reason_name));
        line.optional_text(order.client_order_id.as_ref().map(ClientOrderId::as_str));
        line.text(&iso8601(*created_at));
        line.text(&iso8601(*updated_at));
        line.optional_text(cancelled_at.map(iso8601).as_deref());
    }
}

/// Lists the orders of all users, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/orders",
    operation_id = "listAllOrders",
    tag = "Administration",
    security(("token" = [])),
    params(doc::OfUser, doc::MaybeOfMarket, doc::OfSide, doc::OfStatus, doc::Page),
    responses((status = 200, description = "Success", body = doc::Success<Vec<OrderBody>>)),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (orders, page) = Orders::of(query, &state).await?;
    let page = state.reader.read(move |c| orders.read(c, &page)).await?;
    let is_known = |catalog: &Catalog| page.rows.iter().all(|row| Orders::is_known(row, catalog));
    let catalog = state.catalog_with(is_known).await;
    let body = |view| OrderBody::new(view, catalog.symbol(view.order.market));
    let rows: Vec<OrderBody<'_>> = page.rows.iter().map(body).collect();
    let message = "Orders retrieved successfully";
    paging::respond(&request, List::AllOrders, message, rows, page.next)
}

/// Exports the orders of all users, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/orders.csv",
    operation_id = "exportOrders",
    tag = "Administration",
    security(("token" = [])),
    params(doc::OfUser, doc::MaybeOfMarket, doc::OfSide, doc::OfStatus, doc::Times),
    responses((status = 200, description = "Success", body = String, content_type = "text/csv")),
)]
pub async fn export(
    _administrator: Administrator<Read>,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (orders, page) = Orders::of(query, &state).await?;
    csv::respond(orders, page, state).await
}
