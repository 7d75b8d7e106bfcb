//! The depth of a book: its best prices with the sum of the orders at each, and the version that
//! they are of.
//!
//! Each batch of a market increments the version of its book. A depth and its version are of the
//! same moment, so the greater version is the newer book, wherever it was read.

use std::cmp::Reverse;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, SmallInt};
use diesel::sqlite::SqliteConnection;

use super::codes::side_from_code;
use super::schema::{OPEN_ASKS, OPEN_BIDS, markets, orders, published_books};
use super::statement::{prepared, statement};
use super::{AnyConnection, StoreError};
use crate::market::{Fixed, MarketId, Side};

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
    /// Each batch of the market increases it.
    pub version: i64,
    /// The sequence number of the last published book; 0 if there is none.
    pub published: i64,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

/// In place of a side: the row has the version and the published sequence number instead of a price
/// and a sum.
const VERSION: i16 = 0;

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
     GROUP BY price ORDER BY price LIMIT " [depth] ") UNION ALL \
     SELECT CAST(0 AS SMALLINT), book_version, COALESCE((SELECT book_sequence \
     FROM published_books WHERE market_id = " [market] "), 0), 0 FROM markets WHERE id = " [market]
}

/// The best `depth` prices of each side, as they were at one moment. On SQLite it runs in a
/// transaction that writes or reads a snapshot; on PostgreSQL it is one statement.
///
/// Both databases group along the index of open orders and stop after the last requested price.
pub fn read(
    connection: &mut AnyConnection,
    market: MarketId,
    depth: i64,
) -> Result<BookDepth, StoreError> {
    match connection {
        AnyConnection::Postgres(c) => {
            let rows: Vec<(i16, i64, i64, i64)> = Depth { market: market.0, depth }.load(c)?;
            let mut book = BookDepth::default();
            for (side, price, whole, rest) in rows {
                if side == VERSION {
                    (book.version, book.published) = (price, whole);
                    continue;
                }
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
        // Any transaction reads a snapshot.
        AnyConnection::Sqlite(c) => Ok(BookDepth {
            version: markets::table.find(market.0).select(markets::book_version).first(c)?,
            published: published_books::table
                .find(market.0)
                .select(published_books::book_sequence)
                .first(c)
                .optional()?
                .unwrap_or(0),
            bids: levels(c, market, Side::Buy, depth)?,
            asks: levels(c, market, Side::Sell, depth)?,
        }),
    }
}

/// [`read`] for a connection without a transaction.
pub fn read_snapshot(
    connection: &mut AnyConnection,
    market: MarketId,
    depth: i64,
) -> Result<BookDepth, StoreError> {
    if let AnyConnection::Postgres(_) = connection {
        return read(connection, market, depth);
    }
    connection.begin_snapshot()?;
    let book = read(connection, market, depth);
    connection.rollback()?;
    book
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
