//! What the world must hear of a batch: a pure function of its plan.
//!
//! Which events there are is said by [`EventSettings`]; what is switched off costs nothing. On each
//! channel what happened first comes first, and the trades of a batch come before what became of
//! orders and balances by them.

mod causes;

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::Origin;
use crate::events::{
    BalanceUpdated, EventKind, NewEvent, OrderMatched, OrderUpdated, SizeLimits, TradeExecuted,
    UserChannels, market_channel,
};
use crate::market::{AccountKey, Plan, State, Trade, UserId};
use crate::store::markets::Catalog;
use crate::store::trading::NewEvents;

/// Which events are written, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct EventSettings {
    pub order_matched: bool,
    pub order_updated: bool,
    pub balance_updated: bool,
    pub trade_executed: bool,
    /// The channels on which a user receives private events: one event is written for each.
    pub user_channels: UserChannels,
    /// Leaves the connection that caused an event out of it, where all of the commands that caused
    /// it came from there. Only `order.matched` and `order.updated`: the answer to a command says
    /// nothing of balances, and who follows a market must hear every number of it.
    pub to_others: bool,
    pub size_limits: SizeLimits,
}

impl Default for EventSettings {
    /// What existing pages know: `order.matched` on private channels.
    fn default() -> Self {
        Self {
            order_matched: true,
            order_updated: false,
            balance_updated: false,
            trade_executed: false,
            user_channels: UserChannels::Private,
            to_others: false,
            size_limits: SizeLimits::UNLIMITED,
        }
    }
}

/// What events are made of.
pub struct Batch<'a> {
    pub state: &'a State,
    pub plan: &'a Plan,
    pub catalog: &'a Catalog,
    /// Where each command came from; empty where that does not matter.
    pub origins: &'a [Option<&'a Origin>],
    pub at: NaiveDateTime,
}

/// The events of a batch.
#[derive(Debug, Default)]
pub struct Events {
    pub new_events: NewEvents,
    /// What no provider would take. It is set aside at once, so that nothing is refused later.
    pub too_large: Vec<TooLarge>,
}

/// An event with more data than its channel takes.
#[derive(Clone, Debug)]
pub struct TooLarge {
    pub event: NewEvent,
    /// In bytes.
    pub limit: usize,
}

impl TooLarge {
    /// What is told to whoever looks at what was set aside.
    pub fn answer(&self) -> String {
        let Self { event, limit } = self;
        format!("not sent: {} bytes of data, its channel takes {limit}", event.data.len())
    }
}

/// Everything that `switches` ask for.
pub fn of_batch(switches: &EventSettings, batch: &Batch<'_>) -> Events {
    let mut writer = Writer { switches, events: Events::default() };
    writer.trades(batch);
    if switches.order_updated {
        writer.orders(batch);
    }
    if switches.balance_updated {
        writer.balances(batch);
    }
    writer.events
}

struct Writer<'a> {
    switches: &'a EventSettings,
    events: Events,
}

impl Writer<'_> {
    fn trades(&mut self, batch: &Batch<'_>) {
        let EventSettings { order_matched, trade_executed, user_channels, .. } = *self.switches;
        let for_each_trade =
            if order_matched { user_channels.count().saturating_mul(2) } else { 0 };
        let new_events = &mut self.events.new_events;
        new_events.matched_per_trade =
            i16::try_from(for_each_trade).expect("there are two kinds of channel");
        new_events.events.reserve(batch.plan.trades.len().saturating_mul(for_each_trade));
        let mut origins = causes::of_trades(batch);
        for trade in &batch.plan.trades {
            let origin = origins.next().flatten();
            if order_matched {
                self.matched(trade, batch.catalog, origin);
            }
            if trade_executed {
                let symbol = batch.catalog.symbol(trade.market);
                let data = json(&TradeExecuted::new(trade, symbol, batch.at));
                self.write(market_channel(symbol), EventKind::TradeExecuted, data, None);
            }
        }
    }

    fn matched(&mut self, trade: &Trade, catalog: &Catalog, origin: Option<&Origin>) {
        let data = json(&OrderMatched::new(trade, catalog.symbol(trade.market)));
        self.write_to(trade.buyer, EventKind::OrderMatched, &data, origin);
        self.write_to(trade.seller, EventKind::OrderMatched, &data, origin);
    }

    /// Each order that is new or has changed, once, as it stands now.
    fn orders(&mut self, batch: &Batch<'_>) {
        let Batch { plan, catalog, .. } = *batch;
        let causes = causes::of_orders(batch);
        let orders = plan.changed_orders.iter().chain(&plan.new_orders);
        let mut orders: Vec<_> = orders.map(|order| (causes[&order.id], order)).collect();
        orders.sort_unstable_by_key(|(cause, _)| cause.turn);
        for (cause, order) in orders {
            let data = json(&OrderUpdated::new(order, catalog.symbol(order.market)));
            self.write_to(order.user, EventKind::OrderUpdated, &data, cause.origin);
        }
    }

    /// Each account that has changed, once, as it stands now. Houses hear nothing.
    fn balances(&mut self, batch: &Batch<'_>) {
        let mut known = BTreeSet::new();
        let changes = batch.plan.entries.iter().rev().map(|entry| entry.account);
        let last_changes = changes.filter(|key| key.user.0 > 0 && known.insert(*key));
        let mut keys: Vec<AccountKey> = last_changes.collect();
        keys.reverse();
        for key in keys {
            let currency = batch.catalog.assets.get(&key.asset).map_or("", String::as_str);
            let account = batch.state.ledger.account(key);
            let data = json(&BalanceUpdated::new(account, currency, batch.at));
            self.write_to(key.user, EventKind::BalanceUpdated, &data, None);
        }
    }

    /// To one user, on each kind of channel that is asked for.
    fn write_to(&mut self, user: UserId, kind: EventKind, data: &str, origin: Option<&Origin>) {
        for channel in self.switches.user_channels.of(user) {
            self.write(channel, kind, data.to_owned(), origin);
        }
    }

    fn write(&mut self, channel: String, kind: EventKind, data: String, origin: Option<&Origin>) {
        let limit = self.switches.size_limits.of(&channel);
        let socket_id = origin.map(|origin| origin.as_str().to_owned());
        let event = NewEvent { channel, kind, data, socket_id };
        if event.data.len() > limit {
            self.events.too_large.push(TooLarge { event, limit });
        } else {
            self.events.new_events.events.push(event);
        }
    }
}

fn json(payload: &impl Serialize) -> String {
    serde_json::to_string(payload).expect("numbers and words are JSON")
}

#[cfg(test)]
mod tests {
    use super::{Batch, EventSettings, of_batch};
    use crate::events::UserChannels;
    use crate::market::{
        Account, AccountKey, Action, AssetId, Done, Entry, Fixed, Market, MarketId, Order, OrderId,
        Plan, Reference, Side, State, Status, Trade, TradeId, UserId,
    };
    use crate::store::markets::Catalog;
    use crate::store::now;

    const LAST: i64 = i64::MAX;
    const MARKET: MarketId = MarketId(i32::MAX);
    const USER: UserId = UserId(LAST);
    const ASSET: AssetId = AssetId(i32::MAX);
    /// Has as many digits as any, on both sides of the point.
    const MOST: Fixed = Fixed::MAX;

    fn catalog() -> Catalog {
        let symbol = "ABCDEFGHIJKLMNOP".to_owned();
        let market = Market {
            id: MARKET,
            symbol: symbol.clone(),
            base: ASSET,
            quote: ASSET,
            buyer_rate: Fixed::ZERO,
            seller_rate: Fixed::ZERO,
        };
        Catalog { markets: [(MARKET, market)].into(), assets: [(ASSET, symbol)].into() }
    }

    /// An order partly filled by a trade, and an account, with the longest numbers there are.
    fn plan() -> Plan {
        let order = Order {
            id: OrderId(LAST),
            user: USER,
            market: MARKET,
            side: Side::Sell,
            price: MOST,
            amount: MOST,
            filled: MOST,
            filled_value: MOST,
            commission: MOST,
            commission_rate: MOST,
            reserved: MOST,
            status: Status::Open,
        };
        let trade = Trade {
            id: TradeId(LAST),
            market: MARKET,
            sequence: LAST,
            buy_order: order.id,
            sell_order: order.id,
            buyer: USER,
            seller: USER,
            price: MOST,
            amount: MOST,
            value: MOST,
            buyer_commission: MOST,
            seller_commission: MOST,
        };
        let entry = Entry {
            account: AccountKey { user: USER, asset: ASSET },
            action: Action::TradeCompleted,
            available_change: MOST,
            locked_change: MOST,
            available_after: MOST,
            reference: Reference::Trade(0),
        };
        Plan {
            outcomes: vec![Ok(Done::Placed { order, trades: 0..1 })],
            new_orders: vec![order],
            changed_orders: Vec::new(),
            trades: vec![trade],
            entries: vec![entry],
        }
    }

    #[test]
    fn with_the_longest_numbers_there_are_every_event_stays_far_below_what_a_provider_takes() {
        let switches = EventSettings {
            order_updated: true,
            balance_updated: true,
            trade_executed: true,
            user_channels: UserChannels::Both,
            ..EventSettings::default()
        };
        let mut state = State::default();
        let account = Account { id: LAST, available: MOST, locked: MOST };
        state.ledger.insert(AccountKey { user: USER, asset: ASSET }, account);
        let (plan, catalog) = (plan(), catalog());
        let batch =
            Batch { state: &state, plan: &plan, catalog: &catalog, origins: &[], at: now() };
        let events = of_batch(&switches, &batch).new_events.events;
        // Two parties, one order, one account on two channels each; everybody on one.
        assert_eq!(events.len(), 4 + 2 + 2 + 1);
        for event in &events {
            assert!(event.data.len() < 400, "{}: {}", event.data.len(), event.data);
        }
    }
}
