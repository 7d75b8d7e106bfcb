//! A plan as the rows that are written for it, the same for both databases.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;

use crate::events::NewEvent;
use crate::market::{AccountKey, Order, Plan, State};
use crate::store::idempotency::{ExecutedRequest, IdempotencyKey};
use crate::store::outbox::NewEventRow;
use crate::store::rows::{
    AccountChange, CandleRow, EntryRow, MarketChange, OrderChange, OrderRow, TradeRow,
};
use crate::store::webhook_messages::NewMessage;

/// The events of a plan.
#[derive(Clone, Debug, Default)]
pub struct NewEvents {
    pub events: Vec<NewEvent>,
    /// The number of `order.matched` events for each trade.
    pub matched_per_trade: i16,
}

/// What a batch writes with its plan and events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Additions<'a> {
    /// Requests that are executed once, with their responses.
    pub responses: &'a [(IdempotencyKey, ExecutedRequest)],
    pub webhook_messages: &'a [NewMessage],
}

impl Additions<'_> {
    pub const fn is_empty(&self) -> bool {
        self.responses.is_empty() && self.webhook_messages.is_empty()
    }
}

pub struct PlanRows<'a> {
    /// The time of all rows.
    pub now: NaiveDateTime,
    /// The time in milliseconds. A version is at least this, and greater than the one before.
    ///
    /// Not in microseconds: ccxt cannot read events with numbers of 15 digits or more.
    pub version: i64,
    pub matched_events: i16,
    /// The markets that are locked. They get new book versions as well.
    pub markets: Vec<MarketChange>,
    pub new_orders: Vec<OrderRow>,
    pub changed_orders: Vec<OrderChange>,
    /// They get new versions as well.
    pub accounts: Vec<AccountChange>,
    pub trades: Vec<TradeRow>,
    /// What the trades add to the candles.
    pub candles: Vec<CandleRow>,
    pub entries: Vec<EntryRow>,
    pub events: Vec<NewEventRow<'a>>,
}

impl<'a> PlanRows<'a> {
    pub fn new(state: &State, plan: &Plan, new_events: &'a NewEvents, now: NaiveDateTime) -> Self {
        let matched_events = new_events.matched_per_trade;
        let account = |key: AccountKey| state.ledger.account(key);
        let entry = |entry| EntryRow::new(plan, entry, account(entry.account).id);
        Self {
            now,
            version: now.and_utc().timestamp_millis(),
            matched_events,
            markets: state.market_states.iter().map(|(id, s)| MarketChange::new(*id, s)).collect(),
            new_orders: plan.new_orders.iter().map(OrderRow::from).collect(),
            changed_orders: plan.changed_orders.iter().map(OrderChange::from).collect(),
            accounts: touched_accounts(state, plan).map(|key| account(key).into()).collect(),
            trades: plan.trades.iter().map(|t| TradeRow::new(t, matched_events)).collect(),
            candles: CandleRow::of_batch(&plan.trades, now),
            entries: plan.entries.iter().map(entry).collect(),
            events: new_events.events.iter().map(NewEventRow::new).collect(),
        }
    }
}

/// The accounts that were changed, and those of the base assets of orders that were changed: their
/// versions are those of their users' orders. An order whose base account is not changed is the
/// exception: an amended price, a triggered stop order, an order that ended at once.
fn touched_accounts(state: &State, plan: &Plan) -> impl Iterator<Item = AccountKey> {
    let changed = state.ledger.changed();
    let base_account = |order: &Order| {
        let asset = state.markets.get(&order.market).map(|market| market.base)?;
        Some(AccountKey { user: order.user, asset })
    };
    let orders = plan.new_orders.iter().chain(&plan.changed_orders);
    let others: BTreeSet<AccountKey> =
        orders.filter_map(base_account).filter(|key| !changed.contains(key)).collect();
    changed.iter().copied().chain(others)
}
