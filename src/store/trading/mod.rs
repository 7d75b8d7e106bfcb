//! The hot path: loads and locks the rows that a batch can touch, and writes the plan of the batch.
//!
//! Locks are taken in the same order everywhere: the markets of the batch by id, with the beginning
//! of the transaction ([`LockedMarkets`]), then its accounts by user and asset, then the end of the
//! administrators' log for what they do. A market's orders are read after its lock is held, so no
//! other transaction changes them until the commit.
//!
//! On PostgreSQL a batch has four round trips, whatever its size: it begins and locks its markets,
//! loads everything, writes everything, and commits. Only what it finds while it loads may cause
//! more of them, see [`batch::load`]. On SQLite a round trip costs nothing, so each step has
//! statements of its own.

mod accounts;
mod batch;
mod commands;
mod funds;
mod locks;
mod plan_rows;
mod postgres;
mod preview;
mod resting;
mod sqlite;
mod waiting;

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use super::{AnyConnection, LockedMarkets, StoreError, idempotency, unix_micros, webhook_messages};
use crate::market::{Command, Market, MarketId, OrderId, Plan, State, TradeId};
use plan_rows::PlanRows;

pub use commands::markets as markets_of;
pub use locks::{owner_and_market, used_client_order_ids};
pub use plan_rows::{Additions, NewEvents};
pub use preview::read as read_for_preview;
pub use waiting::markets_to_advance;

/// Everything that a batch can touch, and what else was read with it.
#[derive(Debug, Default)]
pub struct Loaded {
    pub state: State,
    /// When orders that commands name were placed; perhaps not of all.
    placed_at: BTreeMap<OrderId, NaiveDateTime>,
    /// Ids for the trades, perhaps too few.
    trade_ids: Vec<TradeId>,
}

impl Loaded {
    /// Ids for the trades of the plan, in their order.
    pub fn trade_ids(
        &self,
        connection: &mut AnyConnection,
        count: usize,
    ) -> Result<Vec<TradeId>, StoreError> {
        match self.trade_ids.get(..count) {
            Some(ids) => Ok(ids.to_vec()),
            None => locks::next_trade_ids(connection, count),
        }
    }

    /// When these orders, which commands name, were placed.
    pub fn placed_at(
        &self,
        connection: &mut AnyConnection,
        ids: Vec<OrderId>,
    ) -> Result<BTreeMap<OrderId, NaiveDateTime>, StoreError> {
        let known = ids.iter().map(|id| Some((*id, *self.placed_at.get(id)?)));
        match known.collect() {
            Some(known) => Ok(known),
            None => locks::placed_at(connection, ids),
        }
    }
}

/// Loads and locks everything that `commands` can touch.
///
/// Must run inside the transaction that has locked the markets and will write the plan. `markets`
/// are all markets, `max_fills` is the most trades that the plan will have. `looks_up`: client
/// order ids that were used are looked up; otherwise an order with one of them cannot be written.
///
/// # Errors
/// [`StoreError::Other`] if a market of the commands is unknown or not locked.
pub fn load(
    connection: &mut AnyConnection,
    locked: &LockedMarkets,
    markets: &BTreeMap<MarketId, Market>,
    commands: &[Command],
    max_fills: usize,
    looks_up: bool,
    now: NaiveDateTime,
) -> Result<Loaded, StoreError> {
    let touched = commands::markets(commands);
    let mut loaded = Loaded::default();
    for id in touched {
        let market = markets.get(&id).filter(|_| locked.contains(id));
        let market = market.ok_or_else(|| StoreError::Other(format!("market {id} is unknown")))?;
        loaded.state.markets.insert(id, market.clone());
    }
    loaded.state.now = unix_micros(now);
    batch::load(connection, &mut loaded, commands, max_fills)?;
    let state = &mut loaded.state;
    if looks_up {
        // While the accounts are locked, which orders of a user in two markets mostly share.
        let client_order_ids = commands::client_order_ids(commands);
        state.client_order_ids = used_client_order_ids(connection, client_order_ids)?;
    }
    accounts::count_recent_deposits(connection, state, commands, now)?;
    funds::load(connection, state, commands, now)?;
    Ok(loaded)
}

/// Writes a plan, its events, and what belongs to the same batch.
pub fn apply(
    connection: &mut AnyConnection,
    state: &State,
    plan: &Plan,
    new_events: &NewEvents,
    additions: &Additions<'_>,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    if !plan.is_empty() {
        let rows = PlanRows::new(state, plan, new_events, now);
        match connection {
            AnyConnection::Postgres(c) => return postgres::write(c, &rows, additions),
            AnyConnection::Sqlite(c) => sqlite::write(c, &rows)?,
        }
    }
    idempotency::insert(connection, additions.responses, now)?;
    webhook_messages::insert(connection, additions.webhook_messages, now)
}
