//! The hot path: loads and locks the rows that a batch can touch, and writes the plan of the batch.
//!
//! Locks are taken in the same order everywhere: the markets of the batch by id, then its accounts
//! by user and asset, then the end of the administrators' log for what they do. A market's orders
//! are read after its lock is held, so no other transaction changes them until the commit. On
//! PostgreSQL the number of statements depends on the number of markets in the batch, not on the
//! number of orders.

mod accounts;
mod commands;
mod funds;
mod locks;
mod plan_rows;
mod postgres;
mod preview;
mod resting;
mod sqlite;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;

use super::{AnyConnection, StoreError, unix_micros};
use crate::market::{Command, Market, MarketId, Plan, Side, State};
use plan_rows::PlanRows;

pub use locks::{next_trade_ids, owner_and_market, placed_at, used_client_order_ids};
pub use plan_rows::NewEvents;
pub use preview::read as read_for_preview;
pub use waiting::markets_to_advance;

/// Loads and locks everything that `commands` can touch.
///
/// Must run inside the transaction that will write the plan. `markets` are all markets, `max_fills`
/// is the most trades that the plan will have. `looks_up`: client order ids that were used are
/// looked up; otherwise an order with one of them cannot be written.
pub fn load(
    connection: &mut AnyConnection,
    markets: &BTreeMap<MarketId, Market>,
    commands: &[Command],
    max_fills: usize,
    looks_up: bool,
    now: NaiveDateTime,
) -> Result<State, StoreError> {
    let named = commands::named_orders(commands);
    let market_states = locks::lock_markets(connection, markets, commands)?;
    let touched: BTreeSet<MarketId> = market_states.keys().copied().collect();
    let mut state = State {
        markets: touched.iter().map(|id| (*id, markets[id].clone())).collect(),
        market_states,
        now: unix_micros(now),
        order_ids: locks::next_order_ids(connection, commands::placed(commands).count())?,
        ..State::default()
    };
    let named = locks::orders_by_id(connection, &named)?;
    let cancelled = locks::open_orders(connection, commands)?;
    let expired = waiting::expired_orders(connection, &commands::advanced(commands))?;
    state.expired = expired.iter().map(|order| order.id).collect();
    for order in named.into_iter().chain(cancelled).chain(expired) {
        state.insert_order(order);
    }
    for market in &touched {
        waiting::load_stops(connection, &mut state, *market)?;
    }
    let incoming = commands::incoming(commands, &state);
    for market in &touched {
        for side in [Side::Buy, Side::Sell] {
            resting::load(connection, &mut state, *market, side, &incoming, max_fills)?;
        }
    }
    accounts::load(connection, &mut state, commands)?;
    if looks_up {
        // While the accounts are locked, which orders of a user in two markets mostly share.
        let client_order_ids = commands::client_order_ids(commands);
        state.client_order_ids = used_client_order_ids(connection, client_order_ids)?;
    }
    accounts::count_recent_deposits(connection, &mut state, commands, now)?;
    funds::load(connection, &mut state, commands, now)?;
    Ok(state)
}

/// Whether these are all markets of the commands.
pub fn are_known(markets: &BTreeMap<MarketId, Market>, commands: &[Command]) -> bool {
    commands::markets(commands).iter().all(|market| markets.contains_key(market))
}

/// Writes a plan and its events.
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
    let rows = PlanRows::new(state, plan, new_events, now);
    match connection {
        AnyConnection::Postgres(c) => postgres::write(c, &rows),
        AnyConnection::Sqlite(c) => sqlite::write(c, &rows),
    }
}
