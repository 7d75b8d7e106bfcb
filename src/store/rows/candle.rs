//! Candles.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{Candle, Fixed, MarketId, Trade};
use crate::store::clock::start_of_interval;
use crate::store::schema::candles;

/// The intervals of stored candles, in seconds: a minute and an hour.
pub const STORED_INTERVALS_S: [i32; 2] = [60, 3600];

/// A candle as it is stored: all columns. Of a batch, what its trades add to the candle.
///
/// A sum in whole numbers is out of range after a hundred million trades of the largest possible
/// amount.
#[derive(Clone, Copy, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = candles)]
pub struct CandleRow {
    pub market_id: i32,
    pub interval_s: i32,
    pub opened_at: NaiveDateTime,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub volume_whole: i64,
    pub volume_fraction: i64,
    pub quote_volume_whole: i64,
    pub quote_volume_fraction: i64,
    pub trade_count: i64,
    pub first_sequence: i64,
    pub last_sequence: i64,
}

impl CandleRow {
    /// What the trades of a batch, which all have the time `at`, add to the candles of their
    /// markets: a row for each market and stored interval.
    pub fn of_batch(trades: &[Trade], at: NaiveDateTime) -> Vec<Self> {
        let mut candles = BTreeMap::<MarketId, Candle>::new();
        for trade in trades {
            let candle = Candle::of(trade);
            candles
                .entry(trade.market)
                .and_modify(|known| *known = known.merged(candle))
                .or_insert(candle);
        }
        let rows = candles.iter().flat_map(|(market, candle)| {
            STORED_INTERVALS_S.map(|interval_s| Self::new(*market, interval_s, at, candle))
        });
        rows.collect()
    }

    fn new(market: MarketId, interval_s: i32, at: NaiveDateTime, candle: &Candle) -> Self {
        let (volume_whole, volume_fraction) = split(candle.volume);
        let (quote_volume_whole, quote_volume_fraction) = split(candle.quote_volume);
        Self {
            market_id: market.0,
            interval_s,
            opened_at: start_of_interval(at, interval_s),
            open: candle.open.units(),
            high: candle.high.units(),
            low: candle.low.units(),
            close: candle.close.units(),
            volume_whole,
            volume_fraction,
            quote_volume_whole,
            quote_volume_fraction,
            trade_count: candle.trade_count,
            first_sequence: candle.first_sequence,
            last_sequence: candle.last_sequence,
        }
    }
}

/// The sum over a batch in whole numbers and in units of what is below one.
fn split(sum: i128) -> (i64, i64) {
    let one = i128::from(Fixed::ONE.units());
    let part = |units| i64::try_from(units).expect("a batch has few trades");
    (part(sum / one), part(sum % one))
}

fn joined(whole: i64, fraction: i64) -> i128 {
    i128::from(whole) * i128::from(Fixed::ONE.units()) + i128::from(fraction)
}

impl From<CandleRow> for Candle {
    fn from(row: CandleRow) -> Self {
        Self {
            open: Fixed::from_units(row.open),
            high: Fixed::from_units(row.high),
            low: Fixed::from_units(row.low),
            close: Fixed::from_units(row.close),
            volume: joined(row.volume_whole, row.volume_fraction),
            quote_volume: joined(row.quote_volume_whole, row.quote_volume_fraction),
            trade_count: row.trade_count,
            first_sequence: row.first_sequence,
            last_sequence: row.last_sequence,
        }
    }
}
