//! Public market data: depth of the book, trades, ticker, candles, and the time of the server.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDateTime;
use serde::Serialize;
use utoipa::ToSchema;

use super::markets::market_of;
use super::trade_tag::{not_modified_by_trades, tag_of_trades};
use crate::events::decimal::{DecimalNumber, DecimalSum};
use crate::events::order::side_name;
use crate::http::conditional::{Version, by_content, is_conditional};
use crate::http::extract::{Input, SIDES, Validator};
use crate::http::paging::{self, List, read_page};
use crate::http::response::{self, ApiError};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{Candle, Fixed, Trade};
use crate::store::book_depth::{self, Level};
use crate::store::candles::{self, Interval, OpenedCandle, Range, Ticker};
use crate::store::markets::Catalog;
use crate::store::now;
use crate::store::views::{self, MarketVersions};

/// The parameters of a URL.
pub type Query = web::Query<BTreeMap<String, String>>;

#[derive(Serialize, ToSchema)]
#[schema(as = ServerTime)]
struct TimeBody {
    #[schema(value_type = doc::Timestamp)]
    time: String,
    unix_ms: i64,
}

/// Returns the time by which orders and trades have theirs.
#[utoipa::path(
    get,
    path = "/api/time",
    operation_id = "getTime",
    tag = "Market data",
    security(()),
    responses((status = 200, description = "Success", body = doc::Success<TimeBody>)),
)]
pub async fn time() -> HttpResponse {
    let now = now();
    let body = TimeBody { time: response::iso8601(now), unix_ms: now.and_utc().timestamp_millis() };
    response::ok("Time retrieved successfully", body)
}

#[derive(Serialize, ToSchema)]
#[schema(as = Depth)]
struct DepthBody<'a> {
    symbol: &'a str,
    /// Of the last `book.updated` whose changes it contains; 0 if there was none.
    sequence: i64,
    /// Of the book, as in `book.updated`: the greater one is newer.
    version: i64,
    /// Price and amount, best first.
    #[schema(value_type = Vec<doc::LevelPair>)]
    bids: Vec<(DecimalNumber, DecimalSum)>,
    #[schema(value_type = Vec<doc::LevelPair>)]
    asks: Vec<(DecimalNumber, DecimalSum)>,
}

/// Returns the amounts of a book by price, best prices first.
#[utoipa::path(
    get,
    path = "/api/orderbook/{symbol}",
    operation_id = "getOrderBook",
    tag = "Market data",
    security(()),
    params(doc::BySymbol, doc::OfDepth, doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<DepthBody>)),
)]
pub async fn depth(
    request: HttpRequest,
    symbol: web::Path<String>,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let depth = validator.optional_up_to("depth", state.list_cap);
    validator.finish(Some(()))?;
    let depth = depth.unwrap_or(state.book_depth);
    let catalog = state.catalog_with_symbol(Some(&symbol)).await;
    let market = catalog.market(&symbol).ok_or_else(ApiError::market_not_found)?;
    let id = market.id;
    let tag = |versions: [i64; 2]| {
        let version = versions.into_iter().fold(Version::of("orderbook"), Version::number);
        version.number(id.0.into()).parameters_of(&request).tag()
    };
    if is_conditional(&request) {
        let MarketVersions { book, published, .. } = state.reads.market(id).await?;
        if let Some(not_modified) = tag([book, published]).not_modified(&request) {
            return Ok(not_modified);
        }
    }
    let book = state.reader.read(move |c| book_depth::read_snapshot(c, id, depth)).await?;
    let tag = tag([book.version, book.published]);
    let level = |level: Level| (DecimalNumber(level.price), DecimalSum { units: level.units });
    let body = DepthBody {
        symbol: &market.symbol,
        sequence: book.published,
        version: book.version,
        bids: book.bids.into_iter().map(level).collect(),
        asks: book.asks.into_iter().map(level).collect(),
    };
    Ok(tag.on(response::ok("Order book retrieved successfully", body)))
}

/// A trade without the orders and users that took part.
#[derive(Serialize, ToSchema)]
struct PublicTrade<'a> {
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
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    #[schema(value_type = doc::Timestamp)]
    updated_at: String,
}

impl<'a> PublicTrade<'a> {
    fn new(trade: &Trade, symbol: &'a str, at: NaiveDateTime) -> Self {
        Self {
            id: trade.id.0,
            sequence: trade.sequence,
            symbol,
            side: side_name(trade.taker_side),
            price: DecimalNumber(trade.price),
            amount: DecimalNumber(trade.amount),
            value: DecimalNumber(trade.value),
            created_at: response::iso8601(at),
            updated_at: response::iso8601(at),
        }
    }
}

/// Lists the trades of a market, newest first.
#[utoipa::path(
    get,
    path = "/api/trades",
    operation_id = "listTrades",
    tag = "Market data",
    security(()),
    params(doc::OfMarket, doc::OfSide, doc::Page, doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<Vec<PublicTrade>>)),
)]
pub async fn trades(
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let (market, symbol) = market_of(&state, input.string("symbol")).await?;
    let mut validator = Validator::of(&input);
    let page = read_page(&mut validator, List::Trades, state.list_cap);
    let side = validator.optional_one_of("side", &SIDES);
    validator.finish(Some(()))?;
    if let Some(not_modified) = not_modified_by_trades(&state, &request, "trades", market).await? {
        return Ok(not_modified);
    }
    let read = move |c: &mut _| views::trades_with_newest(c, market, side, &page);
    let (newest, page) = state.reader.read(read).await?;
    let tag = tag_of_trades(&request, "trades", market, newest);
    let row = |(trade, at): &(Trade, NaiveDateTime)| PublicTrade::new(trade, &symbol, *at);
    let rows = page.rows.iter().map(row).collect();
    let message = "Trades retrieved successfully";
    Ok(tag.on(paging::respond(&request, List::Trades, message, rows, page.next)?))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Ticker)]
struct TickerBody<'a> {
    symbol: &'a str,
    /// The beginning of the 24 hours.
    #[schema(value_type = doc::Timestamp)]
    from: String,
    /// The price of the last trade, however long ago.
    last: Option<DecimalNumber>,
    open: Option<DecimalNumber>,
    high: Option<DecimalNumber>,
    low: Option<DecimalNumber>,
    volume: DecimalSum,
    quote_volume: DecimalSum,
    /// From `open` to `last`.
    change: Option<DecimalNumber>,
    /// The change in percent of `open`, rounded to two decimal places.
    change_percent: Option<DecimalSum>,
    trade_count: i64,
    best_bid: Option<DecimalNumber>,
    best_ask: Option<DecimalNumber>,
}

/// With a symbol one ticker, otherwise a list.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum TickerOrAll<'a> {
    One(TickerBody<'a>),
    All(Vec<TickerBody<'a>>),
}

impl<'a> TickerBody<'a> {
    fn new(ticker: &Ticker, symbol: &'a str) -> Self {
        let candle = ticker.candle;
        let price = |price: fn(Candle) -> Fixed| candle.map(price).map(DecimalNumber);
        let prices = candle.map(|candle| candle.open).zip(ticker.last_price);
        Self {
            symbol,
            from: response::iso8601(ticker.from),
            last: ticker.last_price.map(DecimalNumber),
            open: price(|candle| candle.open),
            high: price(|candle| candle.high),
            low: price(|candle| candle.low),
            volume: DecimalSum { units: candle.map_or(0, |candle| candle.volume) },
            quote_volume: DecimalSum { units: candle.map_or(0, |candle| candle.quote_volume) },
            change: prices.and_then(|(open, last)| last.checked_sub(open)).map(DecimalNumber),
            change_percent: prices.map(|(open, last)| change_percent(open, last)),
            trade_count: candle.map_or(0, |candle| candle.trade_count),
            best_bid: ticker.best_bid.map(DecimalNumber),
            best_ask: ticker.best_ask.map(DecimalNumber),
        }
    }
}

/// The change between two prices in percent of the first one, rounded to two decimal places, halves
/// away from zero.
fn change_percent(open: Fixed, last: Fixed) -> DecimalSum {
    /// Of a hundredth of a percent.
    const UNITS: i128 = 1_000_000;
    let (open, last) = (i128::from(open.units()), i128::from(last.units()));
    let change = (last - open) * 10_000;
    let half = if change < 0 { -open / 2 } else { open / 2 };
    DecimalSum { units: (change + half) / open * UNITS }
}

/// Returns the last 24 hours of a market; without a symbol, a list with those of all markets.
#[utoipa::path(
    get,
    path = "/api/ticker",
    operation_id = "getTicker",
    tag = "Market data",
    security(()),
    params(doc::MaybeOfMarket, doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<TickerOrAll>)),
)]
pub async fn ticker(
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    const MESSAGE: &str = "Ticker retrieved successfully";
    let input = Input::from(query.into_inner());
    let market = match input.string("symbol").filter(|symbol| !symbol.is_empty()) {
        None => None,
        symbol => Some(market_of(&state, symbol).await?.0),
    };
    let read = state.store.read_snapshot(move |c| candles::tickers(c, market, now()));
    let tickers = read.await?;
    let is_known = |catalog: &Catalog| {
        tickers.iter().all(|ticker| catalog.markets.contains_key(&ticker.market))
    };
    let catalog = state.catalog_with(is_known).await;
    let body = |ticker| TickerBody::new(ticker, catalog.symbol(ticker.market));
    let body = match tickers.first() {
        Some(ticker) if market.is_some() => TickerOrAll::One(body(ticker)),
        _ => TickerOrAll::All(tickers.iter().map(body).collect()),
    };
    let response = response::ok(MESSAGE, body);
    Ok(by_content(&request, Version::of("ticker"), response))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Candle)]
struct CandleBody {
    #[schema(value_type = doc::Timestamp)]
    opened_at: String,
    open: DecimalNumber,
    high: DecimalNumber,
    low: DecimalNumber,
    close: DecimalNumber,
    volume: DecimalSum,
    quote_volume: DecimalSum,
    trade_count: i64,
    /// Of the trades that are in it.
    first_sequence: i64,
    last_sequence: i64,
}

impl From<&OpenedCandle> for CandleBody {
    fn from(OpenedCandle { opened_at, candle }: &OpenedCandle) -> Self {
        Self {
            opened_at: response::iso8601(*opened_at),
            open: DecimalNumber(candle.open),
            high: DecimalNumber(candle.high),
            low: DecimalNumber(candle.low),
            close: DecimalNumber(candle.close),
            volume: DecimalSum { units: candle.volume },
            quote_volume: DecimalSum { units: candle.quote_volume },
            trade_count: candle.trade_count,
            first_sequence: candle.first_sequence,
            last_sequence: candle.last_sequence,
        }
    }
}

/// Lists the newest candles of a range, the oldest first.
///
/// `Link` leads to the candles before them. There are no candles without trades.
#[utoipa::path(
    get,
    path = "/api/candles",
    operation_id = "listCandles",
    tag = "Market data",
    security(()),
    params(doc::OfMarket, doc::CandleRange, doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<Vec<CandleBody>>)),
)]
pub async fn candles(
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let (market, _) = market_of(&state, input.string("symbol")).await?;
    let mut validator = Validator::of(&input);
    let interval = validator.one_of("interval", &Interval::NAMES);
    let range = Range {
        from: validator.optional_date_time("from"),
        to: validator.optional_date_time("to"),
    };
    let limit = validator.optional_up_to("limit", state.list_cap).unwrap_or(state.list_cap);
    let interval = validator.finish(interval)?;
    if let Some(not_modified) = not_modified_by_trades(&state, &request, "candles", market).await? {
        return Ok(not_modified);
    }
    let read = move |c: &mut _| {
        let newest = views::newest_trade(c, market)?;
        Ok((newest, candles::recent(c, market, interval, range, limit)?))
    };
    let (newest, found) = state.reader.read(read).await?;
    let tag = tag_of_trades(&request, "candles", market, newest);
    let rows: Vec<CandleBody> = found.candles.iter().map(CandleBody::from).collect();
    let oldest = found.candles.first().filter(|_| found.has_more);
    let next = oldest.map(|oldest| ("to", response::iso8601(oldest.opened_at)));
    let response = tag.on(response::ok("Candles retrieved successfully", rows));
    paging::with_next(&request, response, next)
}

#[cfg(test)]
mod tests {
    use super::change_percent;
    use crate::market::Fixed;

    #[test]
    fn a_change_in_percent_is_rounded_to_two_decimal_places() {
        for (open, last, percent) in [
            (100, 100, "0"),
            (100, 110, "10"),
            (200, 199, "-0.5"),
            (3, 4, "33.33"),
            (3, 5, "66.67"),
            (3, 2, "-33.33"),
            (6, 5, "-16.67"),
            (40_000, 40_001, "0"),
            (20_000, 20_001, "0.01"),
            (20_000, 19_999, "-0.01"),
            (20_001, 20_000, "0"),
            (i64::MAX, 1, "-100"),
            (1, i64::MAX, "922337203685477580600"),
        ] {
            let change = change_percent(Fixed::from_units(open), Fixed::from_units(last));
            assert_eq!(serde_json::to_string(&change).unwrap(), percent, "{open} {last}");
        }
    }
}
