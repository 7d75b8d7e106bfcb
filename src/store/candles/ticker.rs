//! The last 24 hours of a market, from its candles and the head of its book.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::market::{Candle, Fixed, MarketId};
use crate::store::clock::{next_interval, start_of_interval};
use crate::store::rows::CandleRow;
use crate::store::schema::{OPEN_ASKS, OPEN_BIDS, candles, markets, orders};
use crate::store::{AnyConnection, StoreError};

/// What happened in a market since `from`, and its best prices now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticker {
    pub market: MarketId,
    /// The beginning of the minute that was 24 hours ago.
    pub from: NaiveDateTime,
    /// `None`: there was no trade since then.
    pub candle: Option<Candle>,
    /// The price of the last trade, however long ago.
    pub last_price: Option<Fixed>,
    pub best_bid: Option<Fixed>,
    pub best_ask: Option<Fixed>,
}

/// A market with its last price, best bid and best ask.
type MarketPrices = (i32, Option<i64>, Option<i64>, Option<i64>);

/// The tickers of all markets, or of one, by id. Runs in a snapshot.
pub fn tickers(
    connection: &mut AnyConnection,
    market: Option<MarketId>,
    now: NaiveDateTime,
) -> Result<Vec<Ticker>, StoreError> {
    let from = start_of_interval(now - TimeDelta::hours(24), 60);
    let best_bid = orders::table
        .filter(orders::market_id.eq(markets::id))
        .filter(sql::<Bool>(OPEN_BIDS))
        .order(orders::price.desc())
        .limit(1)
        .select(orders::price)
        .single_value();
    let best_ask = orders::table
        .filter(orders::market_id.eq(markets::id))
        .filter(sql::<Bool>(OPEN_ASKS))
        .order(orders::price.asc())
        .limit(1)
        .select(orders::price)
        .single_value();
    let mut all = markets::table
        .order(markets::id)
        .select((markets::id, markets::last_price, best_bid, best_ask))
        .into_boxed();
    if let Some(market) = market {
        all = all.filter(markets::id.eq(market.0));
    }
    let all: Vec<MarketPrices> = all.load(connection)?;
    let traded = traded_since(connection, all.iter().map(|row| row.0).collect(), from)?;
    let ticker = |(id, last_price, best_bid, best_ask): MarketPrices| Ticker {
        market: MarketId(id),
        from,
        candle: traded.get(&id).copied(),
        last_price: last_price.map(Fixed::from_units),
        best_bid: best_bid.map(Fixed::from_units),
        best_ask: best_ask.map(Fixed::from_units),
    };
    Ok(all.into_iter().map(ticker).collect())
}

/// The trades of each market since `from`, which is the beginning of a minute: the minutes until
/// the next full hour, and the hours after it.
fn traded_since(
    connection: &mut AnyConnection,
    markets: Vec<i32>,
    from: NaiveDateTime,
) -> Result<BTreeMap<i32, Candle>, StoreError> {
    let hour = next_interval(from, 3600);
    let of_markets = candles::table.filter(candles::market_id.eq_any(markets));
    let minutes = of_markets
        .clone()
        .filter(candles::interval_s.eq(60))
        .filter(candles::opened_at.ge(from))
        .filter(candles::opened_at.lt(hour))
        .select(CandleRow::as_select());
    let hours = of_markets
        .filter(candles::interval_s.eq(3600))
        .filter(candles::opened_at.ge(hour))
        .select(CandleRow::as_select());
    let mut rows: Vec<CandleRow> = minutes.load(connection)?;
    rows.extend(hours.load(connection)?);
    let mut traded = BTreeMap::<i32, Candle>::new();
    for row in rows {
        let candle = Candle::from(row);
        traded
            .entry(row.market_id)
            .and_modify(|known| *known = known.merged(candle))
            .or_insert(candle);
    }
    Ok(traded)
}
