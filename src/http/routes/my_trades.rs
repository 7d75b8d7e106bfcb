//! The user's trades.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::market_data::Query;
use super::markets::market_filter;
use crate::events::decimal::DecimalNumber;
use crate::events::order::side_name;
use crate::http::conditional::{Version, is_conditional};
use crate::http::extract::{AuthenticatedUser, Input, SIDES, Validator};
use crate::http::paging::{self, List, read_page};
use crate::http::response::{self, ApiError};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{ClientOrderId, Side};
use crate::store::markets::Catalog;
use crate::store::views::{self, AccountVersions, TradeFilter, UserTrade};

#[derive(Serialize, ToSchema)]
#[schema(as = MyTrade)]
struct MyTradeRow<'a> {
    id: i64,
    /// Numbered per market, as in the event `trade.executed`.
    sequence: i64,
    symbol: &'a str,
    /// The user's own.
    #[schema(value_type = doc::Side)]
    side: &'static str,
    #[schema(value_type = doc::Role)]
    role: &'static str,
    price: DecimalNumber,
    amount: DecimalNumber,
    value: DecimalNumber,
    commission: DecimalNumber,
    commission_currency: &'a str,
    /// Of the user's order.
    order_id: i64,
    client_order_id: Option<&'a str>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
}

impl<'a> MyTradeRow<'a> {
    fn new(row: &'a UserTrade, catalog: &'a Catalog) -> Self {
        let UserTrade { trade, side, client_order_id, created_at } = row;
        let (order, commission) = match side {
            Side::Buy => (trade.buy_order, trade.buyer_commission),
            Side::Sell => (trade.sell_order, trade.seller_commission),
        };
        let quote = catalog.markets.get(&trade.market).map(|market| market.quote);
        Self {
            id: trade.id.0,
            sequence: trade.sequence,
            symbol: catalog.symbol(trade.market),
            side: side_name(*side),
            role: if trade.taker_side == *side { "taker" } else { "maker" },
            price: DecimalNumber(trade.price),
            amount: DecimalNumber(trade.amount),
            value: DecimalNumber(trade.value),
            commission: DecimalNumber(commission),
            commission_currency: quote.map_or("", |quote| catalog.asset_symbol(quote)),
            order_id: order.0,
            client_order_id: client_order_id.as_ref().map(ClientOrderId::as_str),
            created_at: response::iso8601(*created_at),
        }
    }
}

/// Lists the user's trades, newest first.
#[utoipa::path(
    get,
    path = "/api/my-trades",
    operation_id = "listMyTrades",
    tag = "Account",
    params(doc::MaybeOfMarket, doc::OfSide, doc::Page, doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<Vec<MyTradeRow>>)),
)]
pub async fn list(
    user: AuthenticatedUser,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let page = read_page(&mut validator, List::MyTrades, state.list_cap);
    let market = market_filter(&state, &input, &mut validator).await;
    let filter = TradeFilter { market, side: validator.optional_one_of("side", &SIDES) };
    validator.finish(Some(()))?;
    let user = user.id;
    let tag = |versions: &AccountVersions| {
        Version::of("my-trades").accounts(user, versions).parameters_of(&request).tag()
    };
    if is_conditional(&request) {
        let versions = state.reads.user(user).await?.versions();
        if let Some(not_modified) = tag(&versions).not_modified(&request) {
            return Ok(not_modified);
        }
    }
    let read = move |c: &mut _| views::trades_of_with_versions(c, user, filter, &page);
    let (versions, page) = state.reader.read(read).await?;
    let is_known = |catalog: &Catalog| {
        page.rows.iter().all(|row| catalog.markets.contains_key(&row.trade.market))
    };
    let catalog = state.catalog_with(is_known).await;
    let rows = page.rows.iter().map(|row| MyTradeRow::new(row, &catalog)).collect();
    let message = "User trades retrieved successfully";
    let response = paging::respond(&request, List::MyTrades, message, rows, page.next)?;
    // A symbol that could not be read yet is not kept.
    Ok(if is_known(&catalog) { tag(&versions).on(response) } else { response })
}
