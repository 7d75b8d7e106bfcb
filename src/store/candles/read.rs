//! The candles of a market, of any interval.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{Candle, MarketId};
use crate::store::clock::{next_interval, start_of_interval};
use crate::store::rows::CandleRow;
use crate::store::schema::candles;
use crate::store::{AnyConnection, StoreError};

/// How long a candle lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    OneMinute,
    FiveMinutes,
    FifteenMinutes,
    OneHour,
    FourHours,
    OneDay,
}

impl Interval {
    /// All of them, with their names.
    pub const NAMES: [(&str, Self); 6] = [
        ("1m", Self::OneMinute),
        ("5m", Self::FiveMinutes),
        ("15m", Self::FifteenMinutes),
        ("1h", Self::OneHour),
        ("4h", Self::FourHours),
        ("1d", Self::OneDay),
    ];

    pub const fn seconds(self) -> i32 {
        match self {
            Self::OneMinute => 60,
            Self::FiveMinutes => 300,
            Self::FifteenMinutes => 900,
            Self::OneHour => 3600,
            Self::FourHours => 14_400,
            Self::OneDay => 86_400,
        }
    }

    /// The interval of the stored candles that its own are made of.
    const fn stored_seconds(self) -> i32 {
        if self.seconds() < 3600 { 60 } else { 3600 }
    }

    /// The most stored candles in one of its own.
    fn parts(self) -> i64 {
        i64::from(self.seconds() / self.stored_seconds())
    }
}

/// A candle with the beginning of its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedCandle {
    pub opened_at: NaiveDateTime,
    pub candle: Candle,
}

/// Candles that begin at `from` or later and before `to`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range {
    pub from: Option<NaiveDateTime>,
    pub to: Option<NaiveDateTime>,
}

/// The newest candles of a range.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// The oldest first.
    pub candles: Vec<OpenedCandle>,
    /// The range has older ones.
    pub has_more: bool,
}

/// The newest `limit` candles of a market in a range.
pub fn recent(
    connection: &mut AnyConnection,
    market: MarketId,
    interval: Interval,
    range: Range,
    limit: i64,
) -> Result<Recent, StoreError> {
    let mut query = candles::table
        .filter(candles::market_id.eq(market.0))
        .filter(candles::interval_s.eq(interval.stored_seconds()))
        .order(candles::opened_at.desc())
        // One candle more than asked for, however many parts each of them has.
        .limit(limit.saturating_add(1).saturating_mul(interval.parts()))
        .select(CandleRow::as_select())
        .into_boxed();
    // All parts of a candle are on the same side of the beginning of an interval.
    let seconds = interval.seconds();
    if let Some(from) = range.from {
        query = query.filter(candles::opened_at.ge(next_interval(from, seconds)));
    }
    if let Some(to) = range.to {
        query = query.filter(candles::opened_at.lt(next_interval(to, seconds)));
    }
    let mut newest_first: Vec<OpenedCandle> = Vec::new();
    for row in query.load::<CandleRow>(connection)? {
        let opened_at = start_of_interval(row.opened_at, seconds);
        let part = Candle::from(row);
        match newest_first.last_mut().filter(|last| last.opened_at == opened_at) {
            Some(last) => last.candle = last.candle.merged(part),
            None => newest_first.push(OpenedCandle { opened_at, candle: part }),
        }
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = newest_first.len() > limit;
    newest_first.truncate(limit);
    newest_first.reverse();
    Ok(Recent { candles: newest_first, has_more })
}
