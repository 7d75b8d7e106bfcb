//! The markets, and what they accept.

use actix_web::{HttpResponse, web};

use crate::events::order::market_status_name;
use crate::http::extract::{Administrator, Input, Markets, Read, Validator};
use crate::http::response::{self, ApiError};
use crate::http::routes::markets::{MarketBody, bodies, read_markets};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::MarketStatus;
use crate::store::markets;

const STATUSES: [MarketStatus; 3] =
    [MarketStatus::Open, MarketStatus::CancelOnly, MarketStatus::Halted];

/// Lists the markets with their rules, statuses and last prices.
#[utoipa::path(
    get,
    path = "/api/admin/markets",
    operation_id = "listMarketsForAdministrators",
    tag = "Administration",
    security(("token" = [])),
    responses((status = 200, description = "Success", body = doc::Success<Vec<MarketBody>>)),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (states, catalog) = read_markets(&state).await?;
    Ok(response::ok("Markets retrieved successfully", bodies(&states, &catalog)))
}

/// Sets which commands a market accepts, and publishes the event `market.updated`.
#[utoipa::path(
    post,
    path = "/api/admin/markets/{symbol}/status",
    operation_id = "setMarketStatus",
    tag = "Administration",
    security(("token" = [])),
    params(doc::BySymbol),
    request_body = doc::NewMarketStatus,
    responses((status = 200, description = "Success", body = doc::Success<MarketBody>)),
)]
pub async fn set_status(
    administrator: Administrator<Markets>,
    symbol: web::Path<String>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let words = STATUSES.map(|status| (market_status_name(status), status));
    let status = validator.one_of("status", &words);
    let status = validator.finish(status)?;
    let catalog = state.catalog_with_symbol(Some(&symbol)).await;
    let market = catalog.market(&symbol).ok_or_else(ApiError::market_not_found)?;
    let (name, actor) = (market.symbol.clone(), administrator.actor());
    let set = move |c: &mut _| markets::set_status(c, &name, status, &actor);
    state.store.transact(set).await?.ok_or_else(ApiError::market_not_found)?;
    let (states, catalog) = read_markets(&state).await?;
    let market = catalog.market(&symbol).ok_or_else(ApiError::market_not_found)?;
    let body = bodies(&states, &catalog).into_iter().find(|body| body.symbol() == market.symbol);
    let body = body.ok_or(ApiError::Internal("a market has no state"))?;
    Ok(response::ok("Market updated successfully", body))
}
