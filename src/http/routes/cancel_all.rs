//! Cancels the user's open orders, each market in a transaction of its own: so a market that is
//! locked delays no other.

use std::collections::BTreeMap;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::try_join_all;
use serde::Deserialize;

use crate::engine::StoredResponse;
use crate::http::extract::{AuthenticatedUser, RawBody};
use crate::http::idempotency::{REPLAYED, execute_part, respond};
use crate::http::response::{self, ApiError, CancelledOrders, FieldErrors};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{CancelReason, Command, Market, MarketId, Side};
use crate::store::markets::Catalog;

/// The response for one market.
#[derive(Deserialize)]
struct OneMarket {
    data: CancelledOrders,
}

/// Cancels the user's open orders, of all markets and sides unless they are named.
#[utoipa::path(
    delete,
    path = "/api/orders",
    operation_id = "cancelOrders",
    tag = "Orders",
    params(doc::MaybeOfMarket, doc::OfSide, doc::IdempotencyKey),
    responses((status = 200, description = "Success", body = doc::Success<CancelledOrders>)),
)]
pub async fn cancel_all(
    user: AuthenticatedUser,
    request: HttpRequest,
    query: web::Query<BTreeMap<String, String>>,
    body: RawBody,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let symbol = query.get("symbol").map(String::as_str).filter(|symbol| !symbol.is_empty());
    let catalog = state.catalog_with_symbol(symbol).await;
    let (only, side) = read_filter(&query, &body, &catalog)?;
    let all = catalog.markets.values();
    let mut markets = all.filter(|market| only.is_none_or(|only| market.id == only));
    let cancel = |market: &Market, part: &str| {
        let reason = CancelReason::User;
        let command = Command::CancelAll { user: user.id, market: market.id, side, reason };
        let (state, user, request, part) = (&state, &user, &request, part.to_owned());
        let symbol = market.symbol.clone();
        async move {
            let stored = execute_part(state, user, request, command, &part).await?;
            Ok::<_, ApiError>((symbol, stored))
        }
    };
    let mut done: Vec<(String, StoredResponse)> = Vec::new();
    if let Some(first) = markets.next() {
        done.push(cancel(first, "").await?);
    }
    done.extend(try_join_all(markets.map(|market| cancel(market, &market.symbol))).await?);
    let is_replayed = done.first().is_some_and(|(_, first)| first.is_replayed);
    let mut cancelled = CancelledOrders::default();
    for (symbol, stored) in done {
        if stored.response.status == 200 {
            cancelled.order_ids.extend(order_ids(&stored)?);
        } else if only.is_some() {
            return respond(stored);
        } else {
            cancelled.halted_symbols.push(symbol);
        }
    }
    cancelled.order_ids.sort_unstable();
    let mut response = response::ok("Orders cancelled successfully", cancelled);
    if is_replayed {
        let (name, value) = REPLAYED;
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

fn order_ids(stored: &StoredResponse) -> Result<Vec<i64>, ApiError> {
    let parsed = serde_json::from_str::<OneMarket>(&stored.response.body);
    let parsed = parsed.map_err(|_| ApiError::Internal("a cancellation has no order ids"))?;
    Ok(parsed.data.order_ids)
}

/// A filter that is misspelt or in the wrong place is an error: otherwise more would be cancelled.
fn read_filter(
    query: &BTreeMap<String, String>,
    body: &RawBody,
    catalog: &Catalog,
) -> Result<(Option<MarketId>, Option<Side>), ApiError> {
    let mut errors = FieldErrors::default();
    let (mut market, mut side) = (None, None);
    for (name, value) in query {
        match (name.as_str(), value.as_str()) {
            ("symbol" | "side", "") => {}
            ("symbol", symbol) => match catalog.market(symbol) {
                Some(found) => market = Some(found.id),
                None => errors.add("symbol", "The selected symbol is invalid."),
            },
            ("side", "buy") => side = Some(Side::Buy),
            ("side", "sell") => side = Some(Side::Sell),
            ("side", _) => errors.add("side", "The selected side is invalid."),
            _ => errors.add("query", "Only the parameters symbol and side are known."),
        }
    }
    if !matches!(body.0.trim_ascii(), b"" | b"{}") {
        errors.add("body", "The parameters symbol and side belong into the URL.");
    }
    if errors.is_empty() { Ok((market, side)) } else { Err(ApiError::Invalid(errors)) }
}
