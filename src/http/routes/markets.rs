//! The markets, and the order book of one with the owners of its orders.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::events::decimal::DecimalNumber;
use crate::events::order::{market_status_name, side_name};
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::{self, ApiError};
use crate::http::state::AppState;
use crate::market::{Market, MarketId, MarketState, Side};
use crate::store::markets::{self, Catalog};
use crate::store::views::{self, BookRow};

const UNKNOWN_SYMBOL: &str = "The selected symbol is invalid.";

#[derive(Deserialize)]
pub struct BookQuery {
    symbol: Option<String>,
}

#[derive(Serialize)]
struct BookBody {
    asks: Vec<BookOrder>,
    bids: Vec<BookOrder>,
}

#[derive(Serialize)]
struct BookOrder {
    price: DecimalNumber,
    /// The unfilled part.
    amount: DecimalNumber,
    side: &'static str,
    user_id: i64,
}

/// `GET /orders?symbol=BTC`
pub async fn book(
    _user: AuthenticatedUser,
    query: web::Query<BookQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (market, _) = market_of(&state, query.symbol.as_deref()).await?;
    let cap = state.list_cap;
    let (asks, bids) = state
        .store
        .read_snapshot(move |c| {
            let asks = views::book(c, market, Side::Sell, cap)?;
            Ok((asks, views::book(c, market, Side::Buy, cap)?))
        })
        .await?;
    let side = |rows: Vec<BookRow>, side| {
        let row = |row: BookRow| BookOrder {
            price: DecimalNumber(row.price),
            amount: DecimalNumber(row.remaining),
            side: side_name(side),
            user_id: row.user.0,
        };
        rows.into_iter().map(row).collect()
    };
    let data = BookBody { asks: side(asks, Side::Sell), bids: side(bids, Side::Buy) };
    Ok(response::ok("Orders retrieved successfully", data))
}

/// A row of `GET /markets`.
#[derive(Serialize)]
struct MarketBody<'a> {
    symbol: &'a str,
    base: &'a str,
    quote: &'a str,
    /// `open`, `cancel_only` or `halted`.
    status: &'static str,
    /// Null: there was no trade.
    last_price: Option<DecimalNumber>,
    tick_size: DecimalNumber,
    lot_size: DecimalNumber,
    min_value: DecimalNumber,
    /// Of a user. Null: no limit.
    max_open_orders: Option<u32>,
    max_slippage: DecimalNumber,
    buyer_commission: DecimalNumber,
    seller_commission: DecimalNumber,
}

impl<'a> MarketBody<'a> {
    fn new(market: &'a Market, state: &MarketState, catalog: &'a Catalog) -> Self {
        let rules = market.rules;
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
            buyer_commission: DecimalNumber(market.buyer_rate),
            seller_commission: DecimalNumber(market.seller_rate),
        }
    }
}

/// `GET /markets`
pub async fn list(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let states = state.store.read(markets::states).await?;
    let is_known = |catalog: &Catalog| states.keys().all(|id| catalog.markets.contains_key(id));
    let catalog = state.catalog_with(is_known).await;
    let rows = catalog.markets.values().map(|market| {
        let market_state = states.get(&market.id).copied().unwrap_or_default();
        MarketBody::new(market, &market_state, &catalog)
    });
    let rows: Vec<_> = rows.collect();
    Ok(response::ok("Markets retrieved successfully", rows))
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
