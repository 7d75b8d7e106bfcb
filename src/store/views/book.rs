//! The order book.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::market::{Fixed, MarketId, Side, UserId};
use crate::store::schema::{OPEN_ASKS, OPEN_BIDS, orders};
use crate::store::statement::{on_connection, prepared};
use crate::store::{AnyConnection, StoreError};

/// An order of the book.
#[derive(Clone, Debug)]
pub struct BookRow {
    pub user: UserId,
    pub price: Fixed,
    /// The part of the amount that is not filled yet.
    pub remaining: Fixed,
}

/// One side of the book, best first, equal prices in order of arrival; at most `cap` rows.
pub fn book(
    connection: &mut AnyConnection,
    market: MarketId,
    side: Side,
    cap: i64,
) -> Result<Vec<BookRow>, StoreError> {
    let remaining = orders::amount - orders::filled_amount - orders::prevented_amount;
    let columns = (orders::user_id, orders::price, remaining);
    let of_market = orders::table.filter(orders::market_id.eq(market.0)).select(columns);
    let rows: Vec<(i64, i64, i64)> = match side {
        Side::Sell => {
            let asks = of_market
                .filter(sql::<Bool>(OPEN_ASKS))
                .order((orders::price.asc(), orders::arrival.asc()))
                .limit(cap);
            on_connection!(connection, |c| prepared!(asks).load(c)?)
        }
        Side::Buy => {
            let bids = of_market
                .filter(sql::<Bool>(OPEN_BIDS))
                .order((orders::price.desc(), orders::arrival.asc()))
                .limit(cap);
            on_connection!(connection, |c| prepared!(bids).load(c)?)
        }
    };
    let row = |(user, price, remaining)| BookRow {
        user: UserId(user),
        price: Fixed::from_units(price),
        remaining: Fixed::from_units(remaining),
    };
    Ok(rows.into_iter().map(row).collect())
}
