//! The tags of what changes with the trades of a market: its trades and its candles.

use actix_web::{HttpRequest, HttpResponse};

use crate::http::conditional::{Tag, Version, is_conditional};
use crate::http::response::ApiError;
use crate::http::state::AppState;
use crate::market::MarketId;
use crate::store::views::NewestRow;

/// The tag of a resource that changes with each trade of a market, and only then.
pub fn tag_of_trades(
    request: &HttpRequest,
    resource: &'static str,
    market: MarketId,
    newest: Option<NewestRow>,
) -> Tag {
    let version = Version::of(resource).number(market.0.into()).newest(newest);
    version.parameters_of(request).tag()
}

/// 304 if the client has the resource as it is after the last trade of the market.
pub async fn not_modified_by_trades(
    state: &AppState,
    request: &HttpRequest,
    resource: &'static str,
    market: MarketId,
) -> Result<Option<HttpResponse>, ApiError> {
    if !is_conditional(request) {
        return Ok(None);
    }
    let newest = state.reads.market(market).await?.newest_trade;
    Ok(tag_of_trades(request, resource, market, newest).not_modified(request))
}
