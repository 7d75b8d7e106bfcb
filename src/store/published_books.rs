//! The state of each market's published book, and which books are outdated.
//!
//! The database decides for all processes when a book is published: by one conditional update of
//! the market's row in `published_books`. The row in `markets`, which is the lock of the book, is
//! read and never locked.

use std::cmp::Reverse;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, SmallInt};
use diesel::sqlite::SqliteConnection;

use super::codes::side_from_code;
use super::schema::{OPEN_ASKS, OPEN_BIDS, markets, orders, published_books};
use super::statement::{prepared, statement, update};
use super::{AnyConnection, StoreError};
use crate::market::{Fixed, MarketId, Side};

/// A market whose book may have changed since it was last published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutdatedBook {
    pub market: MarketId,
    /// `None`: it was never published, and [`create`] has to be called first.
    pub published_at: Option<NaiveDateTime>,
}

/// The markets whose published books are outdated.
pub fn outdated(connection: &mut AnyConnection) -> Result<Vec<OutdatedBook>, StoreError> {
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
    let outdated = |(id, published_at)| OutdatedBook { market: MarketId(id), published_at };
    Ok(rows.into_iter().map(outdated).collect())
}

/// Creates a market's row. Needs a transaction of its own: the row refers to the market, and no
/// batch can lock the market before the commit.
///
/// # Errors
/// [`StoreError::Duplicate`] if another process was faster.
pub fn create(connection: &mut AnyConnection, market: MarketId) -> Result<(), StoreError> {
    let values = (
        published_books::market_id.eq(market.0),
        published_books::book_version.eq(0),
        published_books::book_sequence.eq(0),
        published_books::published_at.eq(DateTime::UNIX_EPOCH.naive_utc()),
    );
    diesel::insert_into(published_books::table).values(values).execute(connection)?;
    Ok(())
}

/// Claims the publication of a market's book as it is now; returns its sequence number: 1, 2, 3,
/// without gaps.
///
/// `None`: the book has not changed, or some process published it less than `interval` ago. Runs in
/// the write transaction that publishes the book. The book that is read after this is at least as
/// new as the version that is recorded; a later change makes the book outdated again.
pub fn claim_update(
    connection: &mut AnyConnection,
    market: MarketId,
    now: NaiveDateTime,
    interval: Duration,
) -> Result<Option<i64>, StoreError> {
    let version = markets::table.find(market.0).select(markets::book_version);
    let version: i64 = version.first(connection)?;
    let this = published_books::market_id.eq(market.0);
    // A time far in the future was written by a clock that was wrong, and must not delay the book.
    let is_due = published_books::published_at
        .le(now - interval)
        .or(published_books::published_at.gt(now + interval));
    let is_outdated = published_books::book_version.lt(version);
    let values = (
        published_books::book_version.eq(version),
        published_books::book_sequence.eq(published_books::book_sequence + 1),
        published_books::published_at.eq(now),
    );
    let due = this.and(is_outdated).and(is_due);
    if update!(published_books::table, due, values).execute(connection)? == 0 {
        return Ok(None);
    }
    let sequence = published_books::table.find(market.0).select(published_books::book_sequence);
    Ok(Some(sequence.first(connection)?))
}

/// All orders at one price on one side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub price: Fixed,
    /// The sum of the amounts that are not filled yet, in units of 10⁻⁸. It may exceed the largest
    /// balance of an account.
    pub units: i128,
}

/// Both sides of a book, best prices first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookDepth {
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

// One statement, because orders may move between two of them, which would show a crossed book that
// never was. The query builder cannot sort and limit each part of a UNION. The sums are in whole
// numbers and in units below one: the databases have no common type for sums of more than 64 bits.
statement! {
    Depth { market: i32 => Integer, depth: i64 => BigInt } -> (SmallInt, BigInt, BigInt, BigInt):
    "(SELECT CAST(1 AS SMALLINT), price, \
     CAST(sum((amount - filled_amount - prevented_amount) / 100000000) AS BIGINT), \
     CAST(sum((amount - filled_amount - prevented_amount) % 100000000) AS BIGINT) \
     FROM orders WHERE market_id = " [market] " AND status = 1 AND side = 1 \
     AND NOT is_waiting \
     GROUP BY price ORDER BY price DESC LIMIT " [depth] ") UNION ALL \
     (SELECT CAST(2 AS SMALLINT), price, \
     CAST(sum((amount - filled_amount - prevented_amount) / 100000000) AS BIGINT), \
     CAST(sum((amount - filled_amount - prevented_amount) % 100000000) AS BIGINT) \
     FROM orders WHERE market_id = " [market] " AND status = 1 AND side = 2 \
     AND NOT is_waiting \
     GROUP BY price ORDER BY price LIMIT " [depth] ")"
}

/// The best `depth` prices of each side, as they were at one moment. Runs in a write transaction.
///
/// Both databases group along the index of open orders and stop after the last requested price.
pub fn depth(
    connection: &mut AnyConnection,
    market: MarketId,
    depth: i64,
) -> Result<BookDepth, StoreError> {
    match connection {
        AnyConnection::Postgres(c) => {
            let rows: Vec<(i16, i64, i64, i64)> = Depth { market: market.0, depth }.load(c)?;
            let mut book = BookDepth::default();
            for (side, price, whole, rest) in rows {
                let levels = match side_from_code(side)? {
                    Side::Buy => &mut book.bids,
                    Side::Sell => &mut book.asks,
                };
                levels.push(level((price, whole, rest)));
            }
            book.bids.sort_unstable_by_key(|level| Reverse(level.price));
            book.asks.sort_unstable_by_key(|level| level.price);
            Ok(book)
        }
        // A write transaction has the only lock of the database.
        AnyConnection::Sqlite(c) => Ok(BookDepth {
            bids: levels(c, market, Side::Buy, depth)?,
            asks: levels(c, market, Side::Sell, depth)?,
        }),
    }
}

fn level((price, whole, rest): (i64, i64, i64)) -> Level {
    Level {
        price: Fixed::from_units(price),
        units: i128::from(whole) * i128::from(Fixed::ONE.units()) + i128::from(rest),
    }
}

/// The sums as in [`Depth`]. The query builder's sum of BIGINT is a NUMERIC, which Diesel reads
/// from SQLite as a float.
const WHOLE: &str = "CAST(sum((amount - filled_amount - prevented_amount) / 100000000) AS BIGINT)";
const REST: &str = "CAST(sum((amount - filled_amount - prevented_amount) % 100000000) AS BIGINT)";

fn levels(
    connection: &mut SqliteConnection,
    market: MarketId,
    side: Side,
    depth: i64,
) -> Result<Vec<Level>, StoreError> {
    let columns = (orders::price, sql::<BigInt>(WHOLE), sql::<BigInt>(REST));
    let of_market = orders::table.filter(orders::market_id.eq(market.0));
    let rows: Vec<(i64, i64, i64)> = match side {
        Side::Sell => {
            let asks = of_market.filter(sql::<Bool>(OPEN_ASKS)).group_by(orders::price);
            let asks = asks.select(columns).order(orders::price.asc()).limit(depth);
            prepared!(asks).load(connection)?
        }
        Side::Buy => {
            let bids = of_market.filter(sql::<Bool>(OPEN_BIDS)).group_by(orders::price);
            let bids = bids.select(columns).order(orders::price.desc()).limit(depth);
            prepared!(bids).load(connection)?
        }
    };
    Ok(rows.into_iter().map(level).collect())
}
