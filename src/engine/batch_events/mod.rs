//! The events of a batch: a pure function of its plan.
//!
//! [`EventSettings`] enables kinds of events; a disabled kind costs nothing. On each channel events
//! are in the order in which they happened, and the trades of a batch precede the resulting changes
//! of orders and balances.

mod causes;
#[cfg(test)]
mod tests;
pub mod users;

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::OriginatingSocket;
use super::records::Records;
use crate::events::models::Users;
use crate::events::{
    BalanceUpdated, EventKind, EventName, MatchedShape, NewEvent, OrderMatched, OrderUpdated,
    SizeLimits, TradeExecuted, UserChannels, WithdrawalUpdated, market_channel,
};
use crate::market::{AccountKey, Done, Plan, Side, State, Trade, UserId};
use crate::store::markets::Catalog;
use crate::store::trading::NewEvents;
use crate::store::webhook_endpoints::Subscriptions;
use crate::store::webhook_messages::NewMessage;

/// Which events are written, and on which channels.
#[derive(Clone, Debug)]
pub struct EventSettings {
    pub order_matched: bool,
    /// The name and the payload of `order.matched`.
    pub matched_shape: MatchedShape,
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
            matched_shape: MatchedShape::default(),
            order_updated: false,
            balance_updated: false,
            trade_executed: false,
            user_channels: UserChannels::default(),
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
    /// The buyers and sellers of the trades, if payloads contain them.
    pub users: &'a Users,
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
        let EventSettings { order_matched, trade_executed, ref user_channels, .. } = *self.settings;
        let per_trade = if order_matched { user_channels.count().saturating_mul(2) } else { 0 };
        let new_events = &mut self.events.new_events;
        new_events.matched_per_trade =
            i16::try_from(per_trade).expect("a user has at most two channels");
        new_events.events.reserve(batch.plan.trades.len().saturating_mul(per_trade));
        let sockets = causes::of_trades(batch);
        for (trade, socket) in batch.plan.trades.iter().zip(sockets) {
            if order_matched {
                self.matched(trade, batch, socket);
            }
            if trade_executed {
                let symbol = batch.catalog.symbol(trade.market);
                let data = json(&TradeExecuted::new(trade, symbol, batch.at));
                self.post_to_operator(None, EventKind::TradeExecuted, &data);
                self.add(market_channel(symbol), EventKind::TradeExecuted, None, data, None);
            }
        }
    }

    /// For webhooks the payload is that of the catalogue, whatever pages expect.
    fn matched(
        &mut self,
        trade: &Trade,
        batch: &ExecutedBatch<'_>,
        socket: Option<&OriginatingSocket>,
    ) {
        let symbol = batch.catalog.symbol(trade.market);
        let matched = OrderMatched::new(trade, symbol);
        let data = json(&matched);
        self.post_to_operator(None, EventKind::OrderMatched, &data);
        let settings = self.settings;
        let shape = &settings.matched_shape;
        for (user, side) in [(trade.buyer, Side::Buy), (trade.seller, Side::Sell)] {
            self.post_to_user(user, EventKind::OrderMatched, &data);
            let data = if shape.include.is_empty() {
                Cow::Borrowed(&data)
            } else {
                let (users, at) = (batch.users, batch.at);
                Cow::Owned(json(&shape.payload(&matched, trade, symbol, users, side, at)))
            };
            for channel in settings.user_channels.of(user) {
                let (kind, name) = (EventKind::OrderMatched, shape.name.as_ref());
                self.add(channel, kind, name, (*data).clone(), socket);
            }
        }
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
        self.post_to_user(user, kind, data);
        let settings = self.settings;
        for channel in settings.user_channels.of(user) {
            self.add(channel, kind, None, data.to_owned(), socket);
        }
    }

    /// A message for each of the user's webhooks that wants the event.
    fn post_to_user(&mut self, user: UserId, kind: EventKind, data: &str) {
        let endpoints = self.subscriptions.of_user(user, kind);
        let message =
            |endpoint| NewMessage { endpoint, kind, user: Some(user), data: data.to_owned() };
        self.events.webhook_messages.extend(endpoints.map(message));
    }

    fn add(
        &mut self,
        channel: String,
        kind: EventKind,
        custom_name: Option<&EventName>,
        data: String,
        socket: Option<&OriginatingSocket>,
    ) {
        let limit = self.settings.size_limits.of(&channel);
        let socket_id = socket.map(|socket| socket.as_str().to_owned());
        let custom_name = custom_name.cloned();
        let event = NewEvent { channel, kind, custom_name, data, socket_id };
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
