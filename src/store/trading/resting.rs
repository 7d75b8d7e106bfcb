//! The heads of the books: the resting orders that the incoming orders of a batch can consume.

use std::collections::BTreeSet;

use diesel::connection::DefaultLoadingMode;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use super::commands::Incoming;
use crate::market::{Fixed, MarketId, Order, OrderId, Priority, Side, State, UserId};
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
    /// The price and the arrival of the last order before it.
    after: Option<(Fixed, i64)>,
    /// The most orders in it.
    len: i64,
}

/// What the incoming orders of a batch may need of one side of a book.
///
/// They consume no more than their amounts, and no more resting orders than a batch may have fills.
pub struct Need {
    pub market: MarketId,
    /// Of the resting orders.
    pub side: Side,
    /// The worst price that an incoming order accepts.
    pub limit: Fixed,
    /// The amounts, in units, that resting orders have to cover.
    wanted: i128,
    /// Orders whose cost is limited buy the most if they come first. Below zero: there is an order
    /// that they cannot buy all of, so they look no further.
    cost: i128,
    /// The batch may cancel or reduce the orders of these users without a fill, so they cover
    /// nothing.
    users: BTreeSet<UserId>,
    /// One more than can be filled: it tells whether an order would go on matching.
    most_orders: usize,
}

impl Need {
    /// `None` if nothing arrives on the other side.
    pub fn of(
        market: MarketId,
        side: Side,
        incoming: &[Incoming],
        max_fills: usize,
    ) -> Option<Self> {
        let is_opposite = |order: &&Incoming| order.market == market && order.side != side;
        let incoming = || incoming.iter().filter(is_opposite);
        let limit = match side {
            Side::Sell => incoming().map(|order| order.limit).max(),
            Side::Buy => incoming().map(|order| order.limit).min(),
        };
        let cost = incoming().map(|order| units(order.cost)).sum::<i128>();
        let changes_resting = incoming().filter(|order| order.changes_resting);
        Some(Self {
            market,
            side,
            limit: limit?,
            wanted: incoming().map(|order| units(order.amount)).sum(),
            cost: if cost == 0 { -1 } else { cost },
            users: changes_resting.map(|order| order.user).collect(),
            most_orders: max_fills.saturating_add(1),
        })
    }

    /// The amount, in units, that certainly covers everything. An order whose cost is limited may
    /// take any amount.
    pub fn wanted_amount(&self) -> i64 {
        if self.cost > 0 { i64::MAX } else { i64::try_from(self.wanted).unwrap_or(i64::MAX) }
    }

    /// Whether what is known up to this limit is all that matches.
    fn is_within(&self, limit: Fixed) -> bool {
        match self.side {
            Side::Sell => self.limit <= limit,
            Side::Buy => self.limit >= limit,
        }
    }
}

/// The best orders of one side, as far as they were read.
pub struct Head {
    /// The worst price that was asked for.
    limit: Fixed,
    /// The most orders that were asked for.
    len: usize,
    orders: Vec<Order>,
    /// They cover what was asked for, so there may be others.
    covers: bool,
}

impl Head {
    /// Asked for: at most `len` orders, up to the price `limit`.
    pub const fn new(limit: Fixed, len: usize) -> Self {
        Self { limit, len, orders: Vec::new(), covers: false }
    }

    /// `covers`: with this order, they cover what was asked for.
    pub fn push(&mut self, order: Order, covers: bool) {
        self.orders.push(order);
        self.covers |= covers;
    }

    /// Whether no other order of this side matches.
    fn is_everything_for(&self, need: &Need) -> bool {
        !self.covers && self.orders.len() < self.len && need.is_within(self.limit)
    }
}

/// Takes resting orders one by one until they are enough.
struct Walk<'a> {
    need: &'a Need,
    /// Orders that the batch names: it may cancel them, so they cover nothing.
    named: &'a BTreeSet<OrderId>,
    cost: i128,
    covered: i128,
    counted: usize,
    last: Option<Order>,
}

impl<'a> Walk<'a> {
    fn new(need: &'a Need, named: &'a BTreeSet<OrderId>) -> Self {
        Self { need, named, cost: need.cost, covered: 0, counted: 0, last: None }
    }

    /// Returns whether the orders are enough.
    fn take(&mut self, state: &mut State, order: Order) -> bool {
        state.insert_order(order);
        self.last = Some(order);
        let need = self.need;
        if !need.users.contains(&order.user) && !self.named.contains(&order.id) {
            if self.cost >= 0 {
                let value = order.price.mul_floor(order.remaining());
                self.cost -= value.map_or(0, units);
            } else {
                self.covered += units(order.remaining());
            }
            self.counted += 1;
        }
        (self.cost < 0 && self.covered >= need.wanted) || self.counted >= need.most_orders
    }
}

/// Loads the head of one side of a book: the orders of `head`, which were read already, and those
/// behind them, as far as they are needed. `named` are orders that the batch may cancel.
///
/// Returns whether the orders of `head` were enough.
pub fn load(
    connection: &mut AnyConnection,
    state: &mut State,
    need: &Need,
    named: &BTreeSet<OrderId>,
    head: Option<Head>,
) -> Result<bool, StoreError> {
    let mut walk = Walk::new(need, named);
    if let Some(mut head) = head {
        head.orders.sort_unstable_by_key(Priority::of);
        let is_everything = head.is_everything_for(need);
        for order in head.orders {
            if walk.take(state, order) {
                know_to(state, need, &order);
                return Ok(true);
            }
        }
        if is_everything {
            know_up_to_limit(state, need);
            return Ok(true);
        }
    }
    read_on(connection, state, walk)?;
    Ok(false)
}

/// Reads the orders behind those that were taken, as far as they are needed.
fn read_on(
    connection: &mut AnyConnection,
    state: &mut State,
    mut walk: Walk<'_>,
) -> Result<(), StoreError> {
    let need = walk.need;
    let mut len = match connection {
        AnyConnection::Postgres(_) => FIRST_PAGE,
        // It finds a row when the row is read, so one page is enough.
        AnyConnection::Sqlite(_) => i64::MAX,
    };
    loop {
        let after = walk.last.map(|last| (last.price, last.arrival));
        let Need { market, side, limit, .. } = *need;
        let page = Page { market, side, limit, after, len };
        let mut page_len = 0;
        let is_enough = read(connection, &page, |order| {
            page_len += 1;
            walk.take(state, order)
        })?;
        match walk.last {
            Some(last) if is_enough => {
                know_to(state, need, &last);
                return Ok(());
            }
            _ if page_len < len => {
                know_up_to_limit(state, need);
                return Ok(());
            }
            _ => len = len.saturating_mul(2),
        }
    }
}

fn know_to(state: &mut State, need: &Need, last: &Order) {
    let book = state.books.entry(need.market).or_default();
    book.set_known_to(need.side, Priority::of(last));
}

fn know_up_to_limit(state: &mut State, need: &Need) {
    state.books.entry(need.market).or_default().set_known_up_to(need.side, need.limit);
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
