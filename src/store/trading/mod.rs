//! The hot path: what a batch can touch is loaded and locked, and its plan is written.
//!
//! Locks are taken in one order everywhere: the batch's markets by id, then its accounts by user
//! and asset. A market's orders are read after its lock is held and are nobody else's until the
//! commit. The number of statements depends on the number of markets in the batch, not on that of
//! its orders.

mod postgres;
mod resting;
mod rows;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::NaiveDateTime;

use super::{AnyConnection, StoreError};
use crate::events::NewEvent;
use crate::market::{
    AccountKey, Command, Fixed, Market, MarketId, NewOrder, Order, OrderId, Plan, Priority, Side,
    State, Status, TradeId,
};

pub use rows::{side_from_code, status_from_code};

/// Orders read at once from one side of a book; each further page doubles.
const FIRST_PAGE: i64 = 64;

/// Loads and locks everything that `commands` can touch.
///
/// Must run inside the transaction that will write the plan. `markets` are all there are.
pub fn load(
    connection: &mut AnyConnection,
    markets: &BTreeMap<MarketId, Market>,
    commands: &[Command],
    now: NaiveDateTime,
) -> Result<State, StoreError> {
    let named = named_orders(commands);
    let trade_counts = lock_markets(connection, markets, commands, &named)?;
    let touched: BTreeSet<MarketId> = trade_counts.keys().copied().collect();
    let places = commands.iter().filter(|c| matches!(c, Command::Place(_))).count();
    let mut state = State {
        markets: touched.iter().map(|id| (*id, markets[id].clone())).collect(),
        order_ids: next_order_ids(connection, places)?,
        ..State::default()
    };
    for order in orders_by_id(connection, &named)? {
        state.insert_order(order);
    }
    for market in &touched {
        for side in [Side::Buy, Side::Sell] {
            load_resting(connection, &mut state, *market, side, commands)?;
        }
    }
    state.trade_counts = trade_counts;
    load_accounts(connection, &mut state, commands)?;
    count_recent_deposits(connection, &mut state, commands, now)?;
    Ok(state)
}

/// Ids for the trades of a plan, in their order.
pub fn next_trade_ids(
    connection: &mut AnyConnection,
    count: usize,
) -> Result<Vec<TradeId>, StoreError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let ids = match connection {
        AnyConnection::Postgres(c) => postgres::next_trade_ids(c, count)?,
        AnyConnection::Sqlite(c) => sqlite::next_trade_ids(c, count)?,
    };
    Ok(ids.into_iter().map(TradeId).collect())
}

/// The events of a plan.
#[derive(Clone, Debug, Default)]
pub struct NewEvents {
    pub events: Vec<NewEvent>,
    /// How many `order.matched` there are for each trade.
    pub matched_per_trade: i16,
}

/// Writes a plan and the events that the world must hear of it.
pub fn apply(
    connection: &mut AnyConnection,
    state: &State,
    plan: &Plan,
    new_events: &NewEvents,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    if plan.is_empty() {
        return Ok(());
    }
    match connection {
        AnyConnection::Postgres(c) => postgres::apply(c, state, plan, new_events, now),
        AnyConnection::Sqlite(c) => sqlite::apply(c, state, plan, new_events, now),
    }
}

/// The accounts that a plan changed.
fn changed_accounts(plan: &Plan) -> BTreeSet<AccountKey> {
    plan.entries.iter().map(|entry| entry.account).collect()
}

fn named_orders(commands: &[Command]) -> Vec<i64> {
    let named: BTreeSet<i64> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Cancel { order, .. } => Some(order.0),
            Command::Place(_) | Command::Deposit { .. } => None,
        })
        .collect();
    named.into_iter().collect()
}

/// Locks the markets of the batch, and gives how many trades each has seen. Which market an order
/// belongs to never changes, so that look-up needs no lock.
fn lock_markets(
    connection: &mut AnyConnection,
    markets: &BTreeMap<MarketId, Market>,
    commands: &[Command],
    named: &[i64],
) -> Result<BTreeMap<MarketId, i64>, StoreError> {
    let mut touched: BTreeSet<MarketId> = placed(commands).map(|order| order.market).collect();
    if !named.is_empty() {
        let of_named = match connection {
            AnyConnection::Postgres(c) => postgres::markets_of_orders(c, named)?,
            AnyConnection::Sqlite(c) => sqlite::markets_of_orders(c, named)?,
        };
        touched.extend(of_named.into_iter().map(MarketId));
    }
    if let Some(unknown) = touched.iter().find(|id| !markets.contains_key(id)) {
        return Err(StoreError::Other(format!(
            "market {unknown} came up after this process started"
        )));
    }
    if touched.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<i32> = touched.iter().map(|id| id.0).collect();
    let rows = match connection {
        AnyConnection::Postgres(c) => postgres::lock_markets(c, ids)?,
        AnyConnection::Sqlite(c) => sqlite::trade_counts(c, &ids)?,
    };
    Ok(rows.into_iter().map(|(id, count)| (MarketId(id), count)).collect())
}

fn placed(commands: &[Command]) -> impl Iterator<Item = &NewOrder> {
    commands.iter().filter_map(|command| match command {
        Command::Place(order) => Some(order),
        Command::Cancel { .. } | Command::Deposit { .. } => None,
    })
}

fn next_order_ids(
    connection: &mut AnyConnection,
    count: usize,
) -> Result<VecDeque<OrderId>, StoreError> {
    if count == 0 {
        return Ok(VecDeque::new());
    }
    let ids = match connection {
        AnyConnection::Postgres(c) => postgres::next_order_ids(c, count)?,
        AnyConnection::Sqlite(c) => sqlite::next_order_ids(c, count)?,
    };
    Ok(ids.into_iter().map(OrderId).collect())
}

fn orders_by_id(connection: &mut AnyConnection, ids: &[i64]) -> Result<Vec<Order>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = match connection {
        AnyConnection::Postgres(c) => postgres::orders_by_id(c, ids)?,
        AnyConnection::Sqlite(c) => sqlite::orders_by_id(c, ids)?,
    };
    rows.into_iter().map(rows::order_from_row).collect()
}

/// A page of resting orders in order of priority, behind `after`.
struct Page {
    market: MarketId,
    side: Side,
    /// The worst price that an incoming order accepts.
    limit: Fixed,
    after: Option<(Fixed, OrderId)>,
    len: i64,
}

/// Loads the head of one side: as much as the incoming orders of this batch can consume.
///
/// They consume no more than their amounts. Orders that the batch cancels may be taken out of the
/// head, so their rests are added.
fn load_resting(
    connection: &mut AnyConnection,
    state: &mut State,
    market: MarketId,
    side: Side,
    commands: &[Command],
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
    let wanted = wanted + cancelled.map(|order| units(order.remaining())).sum::<i128>();

    let mut covered: i128 = 0;
    let mut page = Page { market, side, limit, after: None, len: FIRST_PAGE };
    loop {
        let rows = resting_page(connection, &page)?;
        let exhausted = i64::try_from(rows.len()).is_ok_and(|len| len < page.len);
        for row in rows {
            let order = rows::order_from_row(row)?;
            state.insert_order(order);
            covered += units(order.remaining());
            page.after = Some((order.price, order.id));
            if covered >= wanted {
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

fn resting_page(
    connection: &mut AnyConnection,
    page: &Page,
) -> Result<Vec<rows::OrderRow>, StoreError> {
    // Before the first order, in the order of priority of this side.
    let start = match page.side {
        Side::Sell => (Fixed::ZERO, OrderId(0)),
        Side::Buy => (Fixed::MAX, OrderId(0)),
    };
    let (price, id) = page.after.unwrap_or(start);
    let (market, limit) = (page.market.0, page.limit.units());
    match connection {
        AnyConnection::Postgres(c) => {
            postgres::resting(c, page.side, market, limit, (price.units(), id.0), page.len)
        }
        AnyConnection::Sqlite(c) => {
            sqlite::resting(c, page.side, market, limit, (price.units(), id.0), page.len)
        }
    }
}

/// Locks the accounts of everybody who may take part, and makes those that are missing.
fn load_accounts(
    connection: &mut AnyConnection,
    state: &mut State,
    commands: &[Command],
) -> Result<(), StoreError> {
    let mut keys: BTreeSet<AccountKey> = BTreeSet::new();
    for command in commands {
        if let Command::Deposit { account, .. } = command {
            keys.insert(*account);
        }
    }
    let takers = placed(commands).map(|order| (order.user, order.market));
    let owners = state.orders.values().map(|order| (order.user, order.market));
    let houses = state.markets.keys().map(|market| (market.house(), *market));
    for (user, market) in takers.chain(owners).chain(houses) {
        let market = &state.markets[&market];
        keys.insert(AccountKey { user, asset: market.quote });
        if user != market.id.house() {
            keys.insert(AccountKey { user, asset: market.base });
        }
    }
    let keys: Vec<AccountKey> = keys.into_iter().collect();
    let accounts = match connection {
        AnyConnection::Postgres(c) => postgres::lock_accounts(c, &keys)?,
        AnyConnection::Sqlite(c) => sqlite::lock_accounts(c, &keys)?,
    };
    for (key, account) in accounts {
        state.ledger.insert(key, account);
    }
    Ok(())
}

fn count_recent_deposits(
    connection: &mut AnyConnection,
    state: &mut State,
    commands: &[Command],
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    let since = now - chrono::Duration::days(1);
    for command in commands {
        if let Command::Deposit { account: key, .. } = command
            && !state.recent_deposits.contains_key(key)
        {
            let account = state.ledger.account(*key).id;
            let count = super::views::deposits_since(connection, account, since)?;
            state.recent_deposits.insert(*key, count);
        }
    }
    Ok(())
}
