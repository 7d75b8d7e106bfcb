//! The events of a batch: a pure function of its plan.
//!
//! [`EventSettings`] enables kinds of events; a disabled kind costs nothing. On each channel events
//! are in the order in which they happened, and the trades of a batch precede the resulting changes
//! of orders and balances.

mod causes;

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::OriginatingSocket;
use super::records::Records;
use crate::events::{
    BalanceUpdated, EventKind, NewEvent, OrderMatched, OrderUpdated, SizeLimits, TradeExecuted,
    UserChannels, WithdrawalUpdated, market_channel,
};
use crate::market::{AccountKey, Done, Plan, State, Trade, UserId};
use crate::store::markets::Catalog;
use crate::store::trading::NewEvents;
use crate::store::webhook_endpoints::Subscriptions;
use crate::store::webhook_messages::NewMessage;

/// Which events are written, and on which channels.
#[derive(Clone, Copy, Debug)]
pub struct EventSettings {
    pub order_matched: bool,
    pub order_updated: bool,
    pub balance_updated: bool,
    pub trade_executed: bool,
    /// The channels on which a user receives private events: one event is written for each.
    pub user_channels: UserChannels,
    /// Excludes the connection that caused an event from it, if all requests that caused the event
    /// came from that connection. Applies to `order.matched` and `order.updated` only: responses
    /// contain no balances, and followers of a market need every sequence number.
    pub to_others: bool,
    pub size_limits: SizeLimits,
}

impl Default for EventSettings {
    /// `order.matched` on private channels: the event that existing pages know.
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

/// A batch that was executed and is about to be written.
pub struct ExecutedBatch<'a> {
    pub state: &'a State,
    pub plan: &'a Plan,
    pub catalog: &'a Catalog,
    pub records: &'a Records,
    /// The socket that each command came from; empty if sockets are not excluded.
    pub sockets: &'a [Option<&'a OriginatingSocket>],
    /// The webhooks that get events too.
    pub subscriptions: &'a Subscriptions,
    pub at: NaiveDateTime,
}

/// The events of a batch.
#[derive(Debug, Default)]
pub struct BatchEvents {
    pub new_events: NewEvents,
    /// Events that no provider would accept. They become dead letters in the same transaction.
    pub oversized: Vec<OversizedEvent>,
    pub webhook_messages: Vec<NewMessage>,
}

/// An event whose payload exceeds the limit of its channel.
#[derive(Clone, Debug)]
pub struct OversizedEvent {
    pub event: NewEvent,
    /// In bytes.
    pub limit: usize,
}

impl OversizedEvent {
    /// The error of the dead letter.
    pub fn error(&self) -> String {
        let Self { event, limit } = self;
        format!("not sent: {} bytes of data, the limit of the channel is {limit}", event.data.len())
    }
}

/// All events that `settings` enable.
pub fn of_batch(settings: &EventSettings, batch: &ExecutedBatch<'_>) -> BatchEvents {
    let subscriptions = batch.subscriptions;
    let mut collector = Collector { settings, subscriptions, events: BatchEvents::default() };
    collector.trades(batch);
    if settings.order_updated {
        collector.orders(batch);
    }
    if settings.balance_updated {
        collector.balances(batch);
    }
    collector.withdrawals(batch);
    collector.events
}

struct Collector<'a> {
    settings: &'a EventSettings,
    subscriptions: &'a Subscriptions,
    events: BatchEvents,
}

impl Collector<'_> {
    fn trades(&mut self, batch: &ExecutedBatch<'_>) {
        let EventSettings { order_matched, trade_executed, user_channels, .. } = *self.settings;
        let per_trade = if order_matched { user_channels.count().saturating_mul(2) } else { 0 };
        let new_events = &mut self.events.new_events;
        new_events.matched_per_trade =
            i16::try_from(per_trade).expect("a user has at most two channels");
        new_events.events.reserve(batch.plan.trades.len().saturating_mul(per_trade));
        let sockets = causes::of_trades(batch);
        for (trade, socket) in batch.plan.trades.iter().zip(sockets) {
            if order_matched {
                self.matched(trade, batch.catalog, socket);
            }
            if trade_executed {
                let symbol = batch.catalog.symbol(trade.market);
                let data = json(&TradeExecuted::new(trade, symbol, batch.at));
                self.post_to_operator(None, EventKind::TradeExecuted, &data);
                self.add(market_channel(symbol), EventKind::TradeExecuted, data, None);
            }
        }
    }

    fn matched(&mut self, trade: &Trade, catalog: &Catalog, socket: Option<&OriginatingSocket>) {
        let data = json(&OrderMatched::new(trade, catalog.symbol(trade.market)));
        self.post_to_operator(None, EventKind::OrderMatched, &data);
        self.add_for_user(trade.buyer, EventKind::OrderMatched, &data, socket);
        self.add_for_user(trade.seller, EventKind::OrderMatched, &data, socket);
    }

    /// Each new or changed order once, in its final state.
    fn orders(&mut self, batch: &ExecutedBatch<'_>) {
        let ExecutedBatch { plan, catalog, .. } = *batch;
        let causes = causes::of_orders(batch);
        let orders = plan.changed_orders.iter().chain(&plan.new_orders);
        let mut orders: Vec<_> = orders.map(|order| (causes[&order.id], order)).collect();
        orders.sort_unstable_by_key(|(cause, _)| cause.position);
        for (cause, order) in orders {
            let data = json(&OrderUpdated::new(order, catalog.symbol(order.market)));
            self.post_to_operator(Some(order.user), EventKind::OrderUpdated, &data);
            self.add_for_user(order.user, EventKind::OrderUpdated, &data, cause.socket);
        }
    }

    /// Each changed account once, in its final state, except those of house users.
    fn balances(&mut self, batch: &ExecutedBatch<'_>) {
        let mut known = BTreeSet::new();
        let changes = batch.plan.entries.iter().rev().map(|entry| entry.account);
        let last_changes = changes.filter(|key| key.user.0 > 0 && known.insert(*key));
        let mut keys: Vec<AccountKey> = last_changes.collect();
        keys.reverse();
        for key in keys {
            let currency = batch.catalog.assets.get(&key.asset).map_or("", String::as_str);
            let account = batch.state.ledger.account(key);
            let data = json(&BalanceUpdated::new(account, currency, batch.at));
            self.post_to_operator(Some(key.user), EventKind::BalanceUpdated, &data);
            self.add_for_user(key.user, EventKind::BalanceUpdated, &data, None);
        }
    }

    /// Each change of a withdrawal.
    fn withdrawals(&mut self, batch: &ExecutedBatch<'_>) {
        for outcome in &batch.plan.outcomes {
            let Ok(Done::Withdrawal { withdrawal, is_new: true }) = outcome else { continue };
            let Some(recorded) = batch.records.withdrawals.get(&withdrawal.id) else { continue };
            let (user, kind) = (withdrawal.account.user, EventKind::WithdrawalUpdated);
            let asset = batch.catalog.asset_symbol(withdrawal.account.asset);
            let destination = &recorded.destination;
            let data = json(&WithdrawalUpdated::new(withdrawal, asset, destination, batch.at));
            self.post_to_operator(Some(user), kind, &data);
            self.add_for_user(user, kind, &data, None);
        }
    }

    /// A message for each of the operator's webhooks that wants the event. `user` is the one whom
    /// it concerns.
    fn post_to_operator(&mut self, user: Option<UserId>, kind: EventKind, data: &str) {
        let endpoints = self.subscriptions.of_operator(kind);
        let message = |endpoint| NewMessage { endpoint, kind, user, data: data.to_owned() };
        self.events.webhook_messages.extend(endpoints.map(message));
    }

    /// One event on each of the user's channels, and a message for each of the user's webhooks that
    /// wants it.
    fn add_for_user(
        &mut self,
        user: UserId,
        kind: EventKind,
        data: &str,
        socket: Option<&OriginatingSocket>,
    ) {
        let endpoints = self.subscriptions.of_user(user, kind);
        let message =
            |endpoint| NewMessage { endpoint, kind, user: Some(user), data: data.to_owned() };
        self.events.webhook_messages.extend(endpoints.map(message));
        for channel in self.settings.user_channels.of(user) {
            self.add(channel, kind, data.to_owned(), socket);
        }
    }

    fn add(
        &mut self,
        channel: String,
        kind: EventKind,
        data: String,
        socket: Option<&OriginatingSocket>,
    ) {
        let limit = self.settings.size_limits.of(&channel);
        let socket_id = socket.map(|socket| socket.as_str().to_owned());
        let event = NewEvent { channel, kind, data, socket_id };
        if event.data.len() > limit {
            self.events.oversized.push(OversizedEvent { event, limit });
        } else {
            self.events.new_events.events.push(event);
        }
    }
}

fn json(payload: &impl Serialize) -> String {
    serde_json::to_string(payload).expect("numbers and strings are valid JSON")
}

#[cfg(test)]
mod tests {
    use super::{EventSettings, ExecutedBatch, Records, of_batch};
    use crate::events::UserChannels;
    use crate::market::{
        Account, AccountKey, Action, AssetId, ClientOrderId, CommissionRates, Done, Entry,
        FilledValues, Fixed, Market, MarketId, Order, OrderId, OrderRates, OrderType, PlacedOrder,
        Plan, Reference, Rules, SelfTradePrevention, Side, State, Status, Stop, TimeInForce, Trade,
        TradeId, UserId, UserStatus,
    };
    use crate::store::markets::Catalog;
    use crate::store::now;
    use crate::store::webhook_endpoints::Subscriptions;

    const LAST: i64 = i64::MAX;
    const MARKET: MarketId = MarketId(i32::MAX);
    const USER: UserId = UserId(LAST);
    const ASSET: AssetId = AssetId(i32::MAX);
    /// The number with the most digits.
    const MOST: Fixed = Fixed::MAX;

    fn catalog() -> Catalog {
        let symbol = "ABCDEFGHIJKLMNOP".to_owned();
        let market = Market {
            id: MARKET,
            symbol: symbol.clone(),
            base: ASSET,
            quote: ASSET,
            commission: CommissionRates::NONE,
            rules: Rules::NONE,
        };
        Catalog { markets: [(MARKET, market)].into(), assets: [(ASSET, symbol)].into() }
    }

    /// A partially filled order, its trade and an account, all with the longest numbers.
    fn plan() -> Plan {
        let order = Order {
            id: OrderId(LAST),
            arrival: LAST,
            user: USER,
            market: MARKET,
            side: Side::Sell,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            self_trade_prevention: SelfTradePrevention::Decrement,
            stop: Some(Stop { price: MOST, is_waiting: true }),
            is_amended: true,
            price: MOST,
            amount: MOST,
            quote_amount: Some(MOST),
            filled: MOST,
            prevented: MOST,
            filled_values: FilledValues { maker: Fixed::ZERO, taker: MOST },
            commission: MOST,
            rates: OrderRates { maker: MOST, taker: MOST },
            reserved: MOST,
            status: Status::Open,
            cancel_reason: None,
            client_order_id: ClientOrderId::parse(&"~".repeat(ClientOrderId::MAX_LEN)),
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
            taker_side: Side::Sell,
        };
        let entry = Entry {
            account: AccountKey { user: USER, asset: ASSET },
            action: Action::TradeCompleted,
            available_change: MOST,
            locked_change: MOST,
            available_after: MOST,
            reference: Reference::Trade(0),
        };
        let placed = PlacedOrder { order, trades: 0..1, prevented: Vec::new() };
        Plan {
            outcomes: vec![Ok(Done::Placed(placed))],
            new_orders: vec![order],
            changed_orders: Vec::new(),
            trades: vec![trade],
            entries: vec![entry],
            ..Plan::default()
        }
    }

    #[test]
    fn events_with_the_longest_numbers_stay_far_below_the_size_limit() {
        let settings = EventSettings {
            order_updated: true,
            balance_updated: true,
            trade_executed: true,
            user_channels: UserChannels::Both,
            ..EventSettings::default()
        };
        let mut state = State::default();
        let account = Account {
            id: LAST,
            available: MOST,
            locked: MOST,
            open_orders: u32::MAX,
            user_status: UserStatus::Active,
        };
        state.ledger.insert(AccountKey { user: USER, asset: ASSET }, account);
        let (plan, catalog) = (plan(), catalog());
        let batch = ExecutedBatch {
            state: &state,
            plan: &plan,
            catalog: &catalog,
            records: &Records::default(),
            sockets: &[],
            subscriptions: &Subscriptions::default(),
            at: now(),
        };
        let events = of_batch(&settings, &batch).new_events.events;
        // Two counterparties, one order and one account on two channels each; one public channel.
        assert_eq!(events.len(), 4 + 2 + 2 + 1);
        for event in &events {
            assert!(event.data.len() < 600, "{}: {}", event.data.len(), event.data);
        }
    }
}
