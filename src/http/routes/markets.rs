//! The markets, and the order book of one with the owners of its orders.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::events::decimal::DecimalNumber;
use crate::events::order::market_status_name;
use crate::http::conditional::{Version, by_content, is_conditional};
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::{self, ApiError};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{CommissionRates, Market, MarketId, MarketState};
use crate::store::markets::{self, Catalog};

const UNKNOWN_SYMBOL: &str = "The selected symbol is invalid.";

#[derive(Deserialize)]
pub struct BookQuery {
    symbol: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderBook)]
struct BookBody {
    asks: Vec<BookOrder>,
    bids: Vec<BookOrder>,
}

#[derive(Serialize, ToSchema)]
struct BookOrder {
    price: DecimalNumber,
    /// The unfilled part.
    amount: DecimalNumber,
    #[schema(value_type = doc::Side)]
    side: &'static str,
    user_id: i64,
}

/// Lists the open orders of a market with the users they belong to, best prices first.
#[utoipa::path(
    get,
    path = "/api/orders",
    operation_id = "listBookOrders",
    tag = "Orders",
    params(doc::OfMarket, doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<BookBody>)),
)]
pub async fn book(
    user: AuthenticatedUser,
    request: HttpRequest,
    query: web::Query<BookQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (market, _) = market_of(&state, query.symbol.as_deref()).await?;
    let of_book = Version::of("book").user(user.id).number(market.0.into()).number(state.list_cap);
    let tag = |version: i64| of_book.clone().number(version).tag();
    if is_conditional(&request) && !state.reads.has_book(market) {
        let version = state.reads.market(market).await?.book;
        if let Some(not_modified) = tag(version).not_modified(&request) {
            return Ok(not_modified);
        }
    }
    let book = state.reads.book(market).await?;
    let tag = tag(book.version);
    match tag.not_modified(&request) {
        Some(not_modified) => Ok(not_modified),
        None => Ok(tag.on(book.respond(&request).await)),
    }
}

/// A row of `GET /markets`.
#[derive(Serialize, ToSchema)]
#[schema(as = Market)]
pub struct MarketBody<'a> {
    symbol: &'a str,
    base: &'a str,
    quote: &'a str,
    /// `open`, `cancel_only` or `halted`.
    #[schema(value_type = doc::MarketStatus)]
    status: &'static str,
    /// Null: there was no trade.
    last_price: Option<DecimalNumber>,
    tick_size: DecimalNumber,
    lot_size: DecimalNumber,
    min_value: DecimalNumber,
    /// Of a user. Null: no limit.
    max_open_orders: Option<u32>,
    max_slippage: DecimalNumber,
    /// Null if the commission depends on the role.
    buyer_commission: Option<DecimalNumber>,
    seller_commission: Option<DecimalNumber>,
    /// Null if the commission depends on the side.
    maker_commission: Option<DecimalNumber>,
    taker_commission: Option<DecimalNumber>,
}

impl<'a> MarketBody<'a> {
    pub fn symbol(&self) -> &'a str {
        self.symbol
    }

    fn new(market: &'a Market, state: &MarketState, catalog: &'a Catalog) -> Self {
        let rules = market.rules;
        let (by_side, by_role) = match market.commission {
            CommissionRates::BySide { buyer, seller } => (Some((buyer, seller)), None),
            CommissionRates::ByRole { maker, taker } => (None, Some((maker, taker))),
        };
        Self {
            symbol: &market.symbol,
            base: catalog.asset_symbol(market.base),
            quote: catalog.asset_symbol(market.quote),
            status: market_status_name(state.status),
            last_price: state.last_price.map(DecimalNumber),
            tick_size: DecimalNumber(rules.tick_size),
            lot_size: DecimalNumber(rules.lot_size),
            min_value: DecimalNumber(rules.min_value),
            max_open_orders: rules.max_open_orders,
            max_slippage: DecimalNumber(rules.max_slippage),
            buyer_commission: by_side.map(|(buyer, _)| DecimalNumber(buyer)),
            seller_commission: by_side.map(|(_, seller)| DecimalNumber(seller)),
            maker_commission: by_role.map(|(maker, _)| DecimalNumber(maker)),
            taker_commission: by_role.map(|(_, taker)| DecimalNumber(taker)),
        }
    }
}

/// Lists the markets with their rules, statuses and last prices.
#[utoipa::path(
    get,
    path = "/api/markets",
    operation_id = "listMarkets",
    tag = "Market data",
    security(()),
    params(doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<Vec<MarketBody>>)),
)]
pub async fn list(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (states, catalog) = read_markets(&state).await?;
    let rows = bodies(&states, &catalog);
    let response = response::ok("Markets retrieved successfully", rows);
    Ok(by_content(&request, Version::of("markets"), response))
}

/// The states of all markets, and the catalog that has them.
pub async fn read_markets(
    state: &AppState,
) -> Result<(BTreeMap<MarketId, MarketState>, Arc<Catalog>), ApiError> {
    let states = state.reader.read(markets::states).await?;
    let is_known = |catalog: &Catalog| states.keys().all(|id| catalog.markets.contains_key(id));
    let catalog = state.catalog_with(is_known).await;
    Ok((states, catalog))
}

/// All markets.
pub fn bodies<'a>(
    states: &BTreeMap<MarketId, MarketState>,
    catalog: &'a Catalog,
) -> Vec<MarketBody<'a>> {
    let body = |market: &'a Market| {
        let state = states.get(&market.id).copied().unwrap_or_default();
        MarketBody::new(market, &state, catalog)
    };
    catalog.markets.values().map(body).collect()
}

/// The required market of a query, with its symbol.
pub async fn market_of(
    state: &AppState,
    symbol: Option<&str>,
) -> Result<(MarketId, String), ApiError> {
    let symbol = symbol.filter(|symbol| !symbol.is_empty());
    let symbol = symbol.ok_or_else(|| ApiError::invalid("symbol", "Symbol is required"))?;
    let catalog = state.catalog_with_symbol(Some(symbol)).await;
    let market = catalog.market(symbol).map(|market| market.id);
    let market = market.ok_or_else(|| ApiError::invalid("symbol", UNKNOWN_SYMBOL))?;
    Ok((market, symbol.to_owned()))
}

/// The market that a list is limited to, if the parameter `symbol` names one.
pub async fn market_filter(
    state: &AppState,
    parameters: &Input,
    validator: &mut Validator<'_>,
) -> Option<MarketId> {
    let symbol = parameters.string("symbol").filter(|symbol| !symbol.is_empty())?;
    let catalog = state.catalog_with_symbol(Some(symbol)).await;
    let market = catalog.market(symbol).map(|market| market.id);
    if market.is_none() {
        validator.fail("symbol", UNKNOWN_SYMBOL);
    }
    market
}
