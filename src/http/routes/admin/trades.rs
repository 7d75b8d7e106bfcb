//! The trades of all users.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDateTime;
use serde::Serialize;
use utoipa::ToSchema;

use crate::events::decimal::DecimalNumber;
use crate::events::order::side_name;
use crate::http::csv::{self, Export, Line};
use crate::http::extract::{Administrator, Input, Read, Validator};
use crate::http::paging::{self, List, read_page};
use crate::http::response::{ApiError, iso8601};
use crate::http::routes::market_data::Query;
use crate::http::routes::markets::market_filter;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{MarketId, Trade, UserId};
use crate::store::markets::Catalog;
use crate::store::views::{self, Page, PageRequest};
use crate::store::{AnyConnection, StoreError};

/// A trade with both of its sides.
#[derive(Serialize, ToSchema)]
#[schema(as = TradeOfUsers)]
struct TradeBody<'a> {
    id: i64,
    /// Numbered per market, as in the event `trade.executed`.
    sequence: i64,
    symbol: &'a str,
    /// The taker's.
    #[schema(value_type = doc::Side)]
    side: &'static str,
    price: DecimalNumber,
    amount: DecimalNumber,
    value: DecimalNumber,
    buyer_id: i64,
    buy_order_id: i64,
    buyer_commission: DecimalNumber,
    seller_id: i64,
    sell_order_id: i64,
    seller_commission: DecimalNumber,
    commission_currency: &'a str,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
}

impl<'a> TradeBody<'a> {
    fn new(trade: &Trade, created_at: NaiveDateTime, catalog: &'a Catalog) -> Self {
        Self {
            id: trade.id.0,
            sequence: trade.sequence,
            symbol: catalog.symbol(trade.market),
            side: side_name(trade.taker_side),
            price: DecimalNumber(trade.price),
            amount: DecimalNumber(trade.amount),
            value: DecimalNumber(trade.value),
            buyer_id: trade.buyer.0,
            buy_order_id: trade.buy_order.0,
            buyer_commission: DecimalNumber(trade.buyer_commission),
            seller_id: trade.seller.0,
            sell_order_id: trade.sell_order.0,
            seller_commission: DecimalNumber(trade.seller_commission),
            commission_currency: catalog.quote_symbol(trade.market),
            created_at: iso8601(created_at),
        }
    }
}

/// The trades that a request asks for.
#[derive(Clone, Copy)]
struct Trades {
    user: Option<UserId>,
    market: Option<MarketId>,
}

impl Trades {
    async fn of(query: Query, state: &AppState) -> Result<(Self, PageRequest), ApiError> {
        let input = Input::from(query.into_inner());
        let mut validator = Validator::of(&input);
        let page = read_page(&mut validator, List::AllTrades, state.list_cap);
        let user = validator.optional_id("user_id").map(UserId);
        let market = market_filter(state, &input, &mut validator).await;
        validator.finish(Some(()))?;
        Ok((Self { user, market }, page))
    }
}

impl Export for Trades {
    type Row = (Trade, NaiveDateTime);

    const NAME: &'static str = "trades.csv";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "sequence",
        "symbol",
        "side",
        "price",
        "amount",
        "value",
        "buyer_id",
        "buy_order_id",
        "buyer_commission",
        "seller_id",
        "sell_order_id",
        "seller_commission",
        "commission_currency",
        "created_at",
    ];

    fn read(
        &self,
        connection: &mut AnyConnection,
        page: &PageRequest,
    ) -> Result<Page<Self::Row>, StoreError> {
        views::all_trades(connection, self.user, self.market, page)
    }

    fn is_known((trade, _): &Self::Row, catalog: &Catalog) -> bool {
        catalog.markets.contains_key(&trade.market)
    }

    fn write((trade, created_at): &Self::Row, catalog: &Catalog, line: &mut Line<'_>) {
        line.integer(trade.id.0);
        line.integer(trade.sequence);
        line.text(catalog.symbol(trade.market));
        line.text(side_name(trade.taker_side));
        line.decimal(trade.price);
        line.decimal(trade.amount);
        line.decimal(trade.value);
        line.integer(trade.buyer.0);
        line.integer(trade.buy_order.0);
        line.decimal(trade.buyer_commission);
        line.integer(trade.seller.0);
        line.integer(trade.sell_order.0);
        line.decimal(trade.seller_commission);
        line.text(catalog.quote_symbol(trade.market));
        line.text(&iso8601(*created_at));
    }
}

/// Lists the trades of all users, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/trades",
    operation_id = "listAllTrades",
    tag = "Administration",
    security(("token" = [])),
    params(doc::OfUser, doc::MaybeOfMarket, doc::Page),
    responses((status = 200, description = "Success", body = doc::Success<Vec<TradeBody>>)),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (trades, page) = Trades::of(query, &state).await?;
    let page = state.reader.read(move |c| trades.read(c, &page)).await?;
    let is_known = |catalog: &Catalog| page.rows.iter().all(|row| Trades::is_known(row, catalog));
    let catalog = state.catalog_with(is_known).await;
    let body = |(trade, created_at): &_| TradeBody::new(trade, *created_at, &catalog);
    let rows: Vec<TradeBody<'_>> = page.rows.iter().map(body).collect();
    let message = "Trades retrieved successfully";
    paging::respond(&request, List::AllTrades, message, rows, page.next)
}

/// Exports the trades of all users, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/trades.csv",
    operation_id = "exportTrades",
    tag = "Administration",
    security(("token" = [])),
    params(doc::OfUser, doc::MaybeOfMarket, doc::Times),
    responses((status = 200, description = "Success", body = String, content_type = "text/csv")),
)]
pub async fn export(
    _administrator: Administrator<Read>,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (trades, page) = Trades::of(query, &state).await?;
    csv::respond(trades, page, state).await
}
