//! The heads of the books: the resting orders that the incoming orders of a batch can consume.

use std::collections::BTreeSet;

use diesel::connection::DefaultLoadingMode;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use super::commands::Incoming;
use crate::market::{Fixed, MarketId, Order, Priority, Side, State, Status, UserId};
use crate::store::rows::OrderRow;
use crate::store::schema::{OPEN_ASKS, OPEN_BIDS, orders};
use crate::store::statement::prepared;
use crate::store::{AnyConnection, StoreError};

/// Orders read at once from one side of a book; each further page doubles.
const FIRST_PAGE: i64 = 64;

/// A page of resting orders in order of priority.
struct Page {
    market: MarketId,
    side: Side,
    /// The worst price that an incoming order accepts.
    limit: Fixed,
    /// The last order of the page before.
    /// Its price and its arrival.
    after: Option<(Fixed, i64)>,
    /// The most orders in it.
    len: i64,
}

/// Loads the head of one side of a book.
///
/// The incoming orders consume no more than their amounts, and no more resting orders than a batch
/// may have fills. The batch may cancel orders of the head, so these are added: those that it
/// names, and those of users whose incoming orders cancel or reduce resting ones.
pub fn load(
    connection: &mut AnyConnection,
    state: &mut State,
    market: MarketId,
    side: Side,
    incoming: &[Incoming],
    max_fills: usize,
) -> Result<(), StoreError> {
    let is_opposite = |order: &&Incoming| order.market == market && order.side != side;
    let incoming = || incoming.iter().filter(is_opposite);
    let worst = match side {
        Side::Sell => incoming().map(|order| order.limit).max(),
        Side::Buy => incoming().map(|order| order.limit).min(),
    };
    let Some(limit) = worst else { return Ok(()) };
    let wanted = incoming().map(|order| units(order.amount)).sum::<i128>();
    let cancelled = state.orders.values().filter(|order| {
        order.market == market
            && order.side == side
            && order.status == Status::Open
            && !order.is_waiting()
    });
    let cancelled: Vec<i128> = cancelled.map(|order| units(order.remaining())).collect();
    let wanted = wanted + cancelled.iter().sum::<i128>();
    // The orders of these users may be cancelled or reduced by their incoming ones, without a fill,
    // so they cover nothing.
    let changes_resting = incoming().filter(|order| order.changes_resting);
    let users: BTreeSet<UserId> = changes_resting.map(|order| order.user).collect();
    // One more than can be filled: it tells whether an order would go on matching.
    let most_orders = max_fills.saturating_add(cancelled.len()).saturating_add(1);

    // Orders whose cost is limited buy the most if they come first. Below zero: there is an order
    // that they cannot buy all of, so they look no further.
    let mut costs = incoming().map(|order| units(order.cost)).sum::<i128>();
    if costs == 0 {
        costs = -1;
    }
    let mut covered: i128 = 0;
    let mut loaded: usize = 0;
    let len = match connection {
        AnyConnection::Postgres(_) => FIRST_PAGE,
        // It finds a row when the row is read, so one page is enough.
        AnyConnection::Sqlite(_) => i64::MAX,
    };
    let mut page = Page { market, side, limit, after: None, len };
    loop {
        let mut page_len = 0;
        let mut last: Option<Order> = None;
        let is_enough = read(connection, &page, |order| {
            state.insert_order(order);
            last = Some(order);
            page_len += 1;
            if !users.contains(&order.user) {
                if costs >= 0 {
                    let value = order.price.mul_floor(order.remaining());
                    costs -= value.map_or(0, units);
                } else {
                    covered += units(order.remaining());
                }
                loaded += 1;
            }
            (costs < 0 && covered >= wanted) || loaded >= most_orders
        })?;
        let book = state.books.entry(market).or_default();
        match last {
            Some(last) if is_enough => {
                book.set_known_to(side, Priority::of(&last));
                return Ok(());
            }
            _ if page_len < page.len => {
                book.set_known_up_to(side, limit);
                return Ok(());
            }
            _ => {
                page.after = last.map(|last| (last.price, last.arrival));
                page.len = page.len.saturating_mul(2);
            }
        }
    }
}

fn units(amount: Fixed) -> i128 {
    i128::from(amount.units())
}

/// The query for a page, and `take` for each of its rows. On SQLite the query has no LIMIT, see
/// [`crate::store::statement`].
macro_rules! take_page {
    ($connection:expr, $query:expr, $len:expr, $take:expr) => {
        match $connection {
            AnyConnection::Postgres(c) => {
                let page = $query.limit($len).select(OrderRow::as_select());
                take_rows(prepared!(page).load_iter::<_, DefaultLoadingMode>(c)?, $take)
            }
            AnyConnection::Sqlite(c) => {
                let all = $query.select(OrderRow::as_select());
                take_rows(prepared!(all).load_iter::<_, DefaultLoadingMode>(c)?, $take)
            }
        }
    };
}

/// Walks the partial index of one side's open orders, from the end of the page before to the end of
/// this page, or until `take` returns that it has enough. Returns whether it has.
///
/// `price` bounds the walk at its beginning too. For asks one comparison of (price, arrival) does
/// that, which the query builder has not. For bids, whose prices fall while arrivals rise, it takes
/// two.
fn read(
    connection: &mut AnyConnection,
    page: &Page,
    take: impl FnMut(Order) -> bool,
) -> Result<bool, StoreError> {
    // Before the first order, in this side's order of priority.
    let start = match page.side {
        Side::Sell => (Fixed::ZERO, 0),
        Side::Buy => (Fixed::MAX, 0),
    };
    let (price, arrival) = page.after.unwrap_or(start);
    let price = price.units();
    let of_market = orders::table.filter(orders::market_id.eq(page.market.0));
    let limit = page.limit.units();
    match page.side {
        Side::Sell => {
            let behind = sql::<Bool>("(price, arrival) > (").bind::<BigInt, _>(price);
            let behind = behind.sql(", ").bind::<BigInt, _>(arrival).sql(")");
            let asks = of_market
                .filter(sql::<Bool>(OPEN_ASKS))
                .filter(orders::price.le(limit))
                .filter(behind)
                .order((orders::price.asc(), orders::arrival.asc()));
            take_page!(connection, asks, page.len, take)
        }
        Side::Buy => {
            let behind = orders::price.lt(price).or(orders::arrival.gt(arrival));
            let bids = of_market
                .filter(sql::<Bool>(OPEN_BIDS))
                .filter(orders::price.ge(limit))
                .filter(orders::price.le(price))
                .filter(behind)
                .order((orders::price.desc(), orders::arrival.asc()));
            take_page!(connection, bids, page.len, take)
        }
    }
}

fn take_rows(
    rows: impl Iterator<Item = QueryResult<OrderRow>>,
    mut take: impl FnMut(Order) -> bool,
) -> Result<bool, StoreError> {
    for row in rows {
        if take(row?.try_into()?) {
            return Ok(true);
        }
    }
    Ok(false)
}
