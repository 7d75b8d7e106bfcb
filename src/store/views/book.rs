//! The order book.

use diesel::connection::DefaultLoadingMode;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, SmallInt};
use diesel::sqlite::SqliteConnection;

use crate::market::{Fixed, MarketId, Side, UserId};
use crate::store::codes::side_from_code;
use crate::store::schema::{OPEN_ASKS, OPEN_BIDS, markets, orders};
use crate::store::statement::{prepared, statement};
use crate::store::{AnyConnection, StoreError};

/// An order of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRow {
    pub side: Side,
    pub user: UserId,
    pub price: Fixed,
    /// The part of the amount that is not filled yet.
    pub remaining: Fixed,
}

/// In place of a side: the row has the version instead of a price.
const VERSION: i16 = 0;
/// No version is negative.
const NO_VERSION: i64 = -1;

// One statement: it reads one state, and tells whether that is the known one before it reads rows.
// The query builder cannot sort and limit each part of a UNION.
statement! {
    Book { market: i32 => Integer, known: i64 => BigInt, cap: i64 => BigInt } ->
    (SmallInt, BigInt, BigInt, BigInt):
    "WITH current AS MATERIALIZED (SELECT book_version FROM markets WHERE id = " [market] ") \
     SELECT CAST(0 AS SMALLINT), book_version, CAST(0 AS BIGINT), CAST(0 AS BIGINT) FROM current \
     UNION ALL (SELECT CAST(2 AS SMALLINT), price, amount - filled_amount - prevented_amount, \
     user_id FROM orders WHERE (SELECT book_version FROM current) <> " [known] " \
     AND market_id = " [market] " AND status = 1 AND side = 2 AND NOT is_waiting \
     ORDER BY price, arrival LIMIT " [cap] ") \
     UNION ALL (SELECT CAST(1 AS SMALLINT), price, amount - filled_amount - prevented_amount, \
     user_id FROM orders WHERE (SELECT book_version FROM current) <> " [known] " \
     AND market_id = " [market] " AND status = 1 AND side = 1 AND NOT is_waiting \
     ORDER BY price DESC, arrival LIMIT " [cap] ")"
}

/// Reads a book that has another version than `known`: first the asks and then the bids, of each
/// side at most `cap` orders, best first, equal prices in order of arrival. Returns the version of
/// what was read, or `None` if it is the known one. Version and rows are of one moment.
pub fn read_book(
    connection: &mut AnyConnection,
    market: MarketId,
    cap: i64,
    known: Option<i64>,
    mut each: impl FnMut(BookRow),
) -> Result<Option<i64>, StoreError> {
    match connection {
        AnyConnection::Postgres(c) => {
            let statement = Book { market: market.0, known: known.unwrap_or(NO_VERSION), cap };
            let rows = statement.load_iter::<(i16, i64, i64, i64), DefaultLoadingMode>(c)?;
            let (mut version, mut last) = (None, None);
            for row in rows {
                let (side, price, remaining, user) = row?;
                if side == VERSION {
                    version = Some(price);
                    continue;
                }
                let row = row_of(side_from_code(side)?, (user, price, remaining));
                check_order(last, row)?;
                last = Some(row);
                each(row);
            }
            let version = version.ok_or_else(|| unknown(market))?;
            Ok(Some(version).filter(|version| Some(*version) != known))
        }
        AnyConnection::Sqlite(_) => {
            connection.begin_snapshot()?;
            let AnyConnection::Sqlite(c) = &mut *connection else {
                return Err(StoreError::Other("a connection changed its database".to_owned()));
            };
            let outcome = read_sqlite(c, market, cap, known, &mut each);
            connection.rollback()?;
            outcome
        }
    }
}

fn unknown(market: MarketId) -> StoreError {
    StoreError::Other(format!("there is no market {}", market.0))
}

/// The parts of a `UNION ALL` come one after the other, as PostgreSQL executes it. No standard says
/// so, and a book in another order would be wrong.
fn check_order(last: Option<BookRow>, row: BookRow) -> Result<(), StoreError> {
    let is_ordered = last.is_none_or(|last| match (last.side, row.side) {
        (Side::Sell, Side::Sell) => last.price <= row.price,
        (Side::Buy, Side::Buy) => last.price >= row.price,
        (Side::Sell, Side::Buy) => true,
        (Side::Buy, Side::Sell) => false,
    });
    if is_ordered { Ok(()) } else { Err(StoreError::Other("a book is not in order".to_owned())) }
}

fn row_of(side: Side, (user, price, remaining): (i64, i64, i64)) -> BookRow {
    BookRow {
        side,
        user: UserId(user),
        price: Fixed::from_units(price),
        remaining: Fixed::from_units(remaining),
    }
}

/// Runs in a snapshot.
fn read_sqlite(
    connection: &mut SqliteConnection,
    market: MarketId,
    cap: i64,
    known: Option<i64>,
    each: &mut impl FnMut(BookRow),
) -> Result<Option<i64>, StoreError> {
    let version = markets::table.find(market.0).select(markets::book_version);
    let version: i64 = version.first(connection).optional()?.ok_or_else(|| unknown(market))?;
    if Some(version) == known {
        return Ok(None);
    }
    let remaining = orders::amount - orders::filled_amount - orders::prevented_amount;
    let columns = (orders::user_id, orders::price, remaining);
    let of_market = orders::table.filter(orders::market_id.eq(market.0)).select(columns);
    let asks = of_market
        .filter(sql::<Bool>(OPEN_ASKS))
        .order((orders::price.asc(), orders::arrival.asc()))
        .limit(cap);
    for row in prepared!(asks).load_iter::<_, DefaultLoadingMode>(connection)? {
        each(row_of(Side::Sell, row?));
    }
    let bids = of_market
        .filter(sql::<Bool>(OPEN_BIDS))
        .order((orders::price.desc(), orders::arrival.asc()))
        .limit(cap);
    for row in prepared!(bids).load_iter::<_, DefaultLoadingMode>(connection)? {
        each(row_of(Side::Buy, row?));
    }
    Ok(Some(version))
}
