//! The heads of the books: the resting orders that the incoming orders of a batch can consume.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use super::commands::placed;
use crate::market::{Command, Fixed, MarketId, Order, OrderId, Priority, Side, State, Status};
use crate::store::rows::OrderRow;
use crate::store::schema::{OPEN_ASKS, OPEN_BIDS, orders};
use crate::store::statement::{on_connection, prepared};
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
    after: Option<(Fixed, OrderId)>,
    len: i64,
}

/// Loads the head of one side of a book.
///
/// The incoming orders consume no more than their amounts, and no more resting orders than a batch
/// may have fills. The batch may cancel orders of the head, so these are added.
pub fn load(
    connection: &mut AnyConnection,
    state: &mut State,
    market: MarketId,
    side: Side,
    commands: &[Command],
    max_fills: usize,
) -> Result<(), StoreError> {
    let incoming = || placed(commands).filter(|order| order.market == market && order.side != side);
    let worst = match side {
        Side::Sell => incoming().map(|order| order.price).max(),
        Side::Buy => incoming().map(|order| order.price).min(),
    };
    let Some(limit) = worst else { return Ok(()) };
    let wanted = incoming().map(|order| units(order.amount)).sum::<i128>();
    let cancelled = state.orders.values().filter(|order| {
        order.market == market && order.side == side && order.status == Status::Open
    });
    let cancelled: Vec<i128> = cancelled.map(|order| units(order.remaining())).collect();
    let wanted = wanted + cancelled.iter().sum::<i128>();
    // One more than can be filled: it tells whether an order would go on matching.
    let most_orders = max_fills.saturating_add(cancelled.len()).saturating_add(1);

    let mut covered: i128 = 0;
    let mut loaded: usize = 0;
    let mut page = Page { market, side, limit, after: None, len: FIRST_PAGE };
    loop {
        let rows = read(connection, &page)?;
        let exhausted = i64::try_from(rows.len()).is_ok_and(|len| len < page.len);
        for row in rows {
            let order = Order::try_from(row)?;
            state.insert_order(order);
            covered += units(order.remaining());
            loaded += 1;
            page.after = Some((order.price, order.id));
            if covered >= wanted || loaded >= most_orders {
                let known_to = Priority::new(side, order.price, order.id);
                state.books.entry(market).or_default().set_known_to(side, known_to);
                return Ok(());
            }
        }
        if exhausted {
            state.books.entry(market).or_default().set_known_up_to(side, limit);
            return Ok(());
        }
        page.len = page.len.saturating_mul(2);
    }
}

fn units(amount: Fixed) -> i128 {
    i128::from(amount.units())
}

/// Walks the partial index of one side's open orders, from the end of the page before.
///
/// `price` bounds the walk at its beginning too. For asks one comparison of (price, id) does that,
/// which the query builder has not. For bids, whose prices fall while ids rise, it takes two.
fn read(connection: &mut AnyConnection, page: &Page) -> Result<Vec<OrderRow>, StoreError> {
    // Before the first order, in this side's order of priority.
    let start = match page.side {
        Side::Sell => (Fixed::ZERO, OrderId(0)),
        Side::Buy => (Fixed::MAX, OrderId(0)),
    };
    let (price, id) = page.after.unwrap_or(start);
    let (price, id) = (price.units(), id.0);
    let of_market = orders::table.filter(orders::market_id.eq(page.market.0));
    let limit = page.limit.units();
    Ok(match page.side {
        Side::Sell => {
            let behind = sql::<Bool>("(price, id) > (").bind::<BigInt, _>(price);
            let behind = behind.sql(", ").bind::<BigInt, _>(id).sql(")");
            let asks = of_market
                .filter(sql::<Bool>(OPEN_ASKS))
                .filter(orders::price.le(limit))
                .filter(behind)
                .order((orders::price.asc(), orders::id.asc()))
                .limit(page.len);
            on_connection!(connection, |c| prepared!(asks.select(OrderRow::as_select())).load(c)?)
        }
        Side::Buy => {
            let behind = orders::price.lt(price).or(orders::id.gt(id));
            let bids = of_market
                .filter(sql::<Bool>(OPEN_BIDS))
                .filter(orders::price.ge(limit))
                .filter(orders::price.le(price))
                .filter(behind)
                .order((orders::price.desc(), orders::id.asc()))
                .limit(page.len);
            on_connection!(connection, |c| prepared!(bids.select(OrderRow::as_select())).load(c)?)
        }
    })
}
