//! The order book of a market.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::error::ApiError;
use super::{Services, orders, reply};
use crate::exact::Exact;
use crate::market::Side;
use crate::store::views::{self, BookRow};

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
    price: Exact,
    /// What is not filled yet.
    amount: Exact,
    side: &'static str,
    user_id: i64,
}

/// `GET /orders?symbol=BTC`
pub async fn book(
    _caller: Caller,
    query: web::Query<BookQuery>,
    services: web::Data<Services>,
) -> Result<HttpResponse, ApiError> {
    let symbol = query.into_inner().symbol.filter(|symbol| !symbol.is_empty());
    let symbol = symbol.ok_or_else(|| ApiError::invalid("symbol", "Symbol is required"))?;
    let market = services.catalog.market(&symbol).map(|market| market.id);
    let market =
        market.ok_or_else(|| ApiError::invalid("symbol", "The selected symbol is invalid."))?;
    let cap = services.list_cap;
    let (asks, bids) = services
        .store
        .read(move |c| {
            let asks = views::book(c, market, Side::Sell, cap)?;
            Ok((asks, views::book(c, market, Side::Buy, cap)?))
        })
        .await?;
    let side = |rows: Vec<BookRow>, side| {
        let row = |row: BookRow| BookOrder {
            price: Exact(row.price),
            amount: Exact(row.remaining),
            side: orders::side_name(side),
            user_id: row.user.0,
        };
        rows.into_iter().map(row).collect()
    };
    let data = BookBody { asks: side(asks, Side::Sell), bids: side(bids, Side::Buy) };
    Ok(reply::ok("Orders retrieved successfully", data))
}
