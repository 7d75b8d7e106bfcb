//! What was told of each market's book, and what there is to tell.
//!
//! Whether it is time to tell is decided here, in the database, for all processes: by one
//! conditional update of the market's row in `published_books`. The market's own row, which is the
//! lock of its book, is read and never locked.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use diesel::sqlite::Sqlite;

use super::schema::{markets, published_books};
use super::statement::statement;
use super::{AnyConnection, StoreError};
use crate::market::{Fixed, MarketId, Side};

/// A market whose book may have changed since it was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    pub market: MarketId,
    /// `None`: nothing was ever told of it, and [`begin`] is to come first.
    pub published_at: Option<NaiveDateTime>,
}

/// The markets of which there is something to tell.
pub fn behind(connection: &mut AnyConnection) -> Result<Vec<Behind>, StoreError> {
    let columns = (markets::id, published_books::published_at.nullable());
    let rows: Vec<(i32, Option<NaiveDateTime>)> = markets::table
        .left_join(published_books::table)
        .filter(markets::book_version.gt(0))
        .filter(
            published_books::book_version
                .nullable()
                .is_null()
                .or(published_books::book_version.nullable().lt(markets::book_version.nullable())),
        )
        .select(columns)
        .load(connection)?;
    let behind = |(id, published_at)| Behind { market: MarketId(id), published_at };
    Ok(rows.into_iter().map(behind).collect())
}

/// Makes a market's row. In a transaction of its own: the row refers to the market's, and as long
/// as that is not committed no batch can lock the market.
///
/// # Errors
/// [`StoreError::Duplicate`] when another process was faster.
pub fn begin(connection: &mut AnyConnection, market: MarketId) -> Result<(), StoreError> {
    let values = (
        published_books::market_id.eq(market.0),
        published_books::book_version.eq(0),
        published_books::book_sequence.eq(0),
        published_books::published_at.eq(DateTime::UNIX_EPOCH.naive_utc()),
    );
    diesel::insert_into(published_books::table).values(values).execute(connection)?;
    Ok(())
}

/// Takes the turn to tell of a market's book as it stands now, and gives the number of what is
/// told: 1, 2, 3, without a hole.
///
/// `None`: nothing has changed, or it was told less than `interval` ago, by whichever process. Runs
/// in the write transaction that tells it. What is read after this is at least as new as what is
/// noted as told; what comes later makes the market be behind again.
pub fn take_turn(
    connection: &mut AnyConnection,
    market: MarketId,
    now: NaiveDateTime,
    interval: Duration,
) -> Result<Option<i64>, StoreError> {
    let version = markets::table.find(market.0).select(markets::book_version);
    let version: i64 = version.first(connection)?;
    let feed = published_books::table.find(market.0);
    // A time far ahead was written by a clock that was wrong, and holds nobody up.
    let is_due = published_books::published_at
        .le(now - interval)
        .or(published_books::published_at.gt(now + interval));
    let values = (
        published_books::book_version.eq(version),
        published_books::book_sequence.eq(published_books::book_sequence + 1),
        published_books::published_at.eq(now),
    );
    let turn = feed.filter(published_books::book_version.lt(version)).filter(is_due);
    if diesel::update(turn).set(values).execute(connection)? == 0 {
        return Ok(None);
    }
    Ok(Some(feed.select(published_books::book_sequence).first(connection)?))
}

/// All that is ordered at one price on one side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub price: Fixed,
    /// What is not filled yet, in units of 10⁻⁸. The sum of many people's orders may be more than
    /// an account holds.
    pub units: i128,
}

// The sums come in whole numbers and units below one, because neither database sums up to more
// than 64 bits in a type that both know. Grouping along the index of open orders, both stop after
// the last price that was asked for: `status` and `side` are literals, or the planner could not see
// that the index serves.
macro_rules! sums {
    () => {
        "SELECT price, CAST(sum((amount - filled_amount) / 100000000) AS BIGINT), \
         CAST(sum((amount - filled_amount) % 100000000) AS BIGINT) FROM orders WHERE status = 1 "
    };
}

macro_rules! level_statements {
    ($asks:ident, $bids:ident, $backend:ty) => {
        statement! {
            $asks<$backend> { market: i32 => Integer, depth: i64 => BigInt }
            -> (BigInt, BigInt, BigInt):
            (sums!()) "AND side = 2 AND market_id = " [market]
            " GROUP BY price ORDER BY price LIMIT " [depth]
        }

        statement! {
            $bids<$backend> { market: i32 => Integer, depth: i64 => BigInt }
            -> (BigInt, BigInt, BigInt):
            (sums!()) "AND side = 1 AND market_id = " [market]
            " GROUP BY price ORDER BY price DESC LIMIT " [depth]
        }
    };
}

level_statements!(PostgresAsks, PostgresBids, Pg);
level_statements!(SqliteAsks, SqliteBids, Sqlite);

/// The best `depth` prices of one side, best first.
pub fn levels(
    connection: &mut AnyConnection,
    market: MarketId,
    side: Side,
    depth: i64,
) -> Result<Vec<Level>, StoreError> {
    let market = market.0;
    let rows: Vec<(i64, i64, i64)> = match (connection, side) {
        (AnyConnection::Postgres(c), Side::Sell) => PostgresAsks { market, depth }.load(c)?,
        (AnyConnection::Postgres(c), Side::Buy) => PostgresBids { market, depth }.load(c)?,
        (AnyConnection::Sqlite(c), Side::Sell) => SqliteAsks { market, depth }.load(c)?,
        (AnyConnection::Sqlite(c), Side::Buy) => SqliteBids { market, depth }.load(c)?,
    };
    let level = |(price, whole, rest)| Level {
        price: Fixed::from_units(price),
        units: i128::from(whole) * i128::from(Fixed::ONE.units()) + i128::from(rest),
    };
    Ok(rows.into_iter().map(level).collect())
}
