//! A plan as the rows that are written for it, the same for both databases.

use chrono::NaiveDateTime;

use crate::events::NewEvent;
use crate::market::{AccountKey, Plan, State};
use crate::store::outbox::NewEventRow;
use crate::store::rows::{
    AccountChange, CandleRow, EntryRow, MarketChange, OrderChange, OrderRow, TradeRow,
};

/// The events of a plan.
#[derive(Clone, Debug, Default)]
pub struct NewEvents {
    pub events: Vec<NewEvent>,
    /// The number of `order.matched` events for each trade.
    pub matched_per_trade: i16,
}

pub struct PlanRows<'a> {
    /// The time of all rows.
    pub now: NaiveDateTime,
    pub matched_events: i16,
    /// The markets that are locked. Their book versions are incremented as well.
    pub markets: Vec<MarketChange>,
    pub new_orders: Vec<OrderRow>,
    pub changed_orders: Vec<OrderChange>,
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
        let changed = state.ledger.changed().iter();
        let account = |key: AccountKey| state.ledger.account(key);
        let entry = |entry| EntryRow::new(plan, entry, account(entry.account).id);
        Self {
            now,
            matched_events,
            markets: state.market_states.iter().map(|(id, s)| MarketChange::new(*id, s)).collect(),
            new_orders: plan.new_orders.iter().map(OrderRow::from).collect(),
            changed_orders: plan.changed_orders.iter().map(OrderChange::from).collect(),
            accounts: changed.map(|key| account(*key).into()).collect(),
            trades: plan.trades.iter().map(|t| TradeRow::new(t, matched_events)).collect(),
            candles: CandleRow::of_batch(&plan.trades, now),
            entries: plan.entries.iter().map(entry).collect(),
            events: new_events.events.iter().map(NewEventRow::new).collect(),
        }
    }
}
