//! Which events the configuration asks for.

use std::sync::Arc;

use crate::config::{Config, Events, Webhooks};
use crate::engine::{EventSettings, Notifiers};
use crate::events::{EventKind, EventName, SizeLimits};
use crate::http;
use crate::market_data::BookPublisherSettings;
use crate::pusher::{MAX_DATA_BYTES, MAX_ENCRYPTED_DATA_BYTES};
use crate::store::Store;
use crate::store::webhook_endpoints::SharedSubscriptions;
use crate::webhooks::{Dispatcher, DispatcherSettings};

const SIZE_LIMITS: SizeLimits =
    SizeLimits { plain: MAX_DATA_BYTES, encrypted: MAX_ENCRYPTED_DATA_BYTES };

/// The events that the engine writes.
pub fn event_settings(config: &Config) -> EventSettings {
    let Events { order_matched, order_updated, balance_updated, trade_executed, .. } =
        config.events;
    EventSettings {
        order_matched,
        matched_shape: config.events.matched_shape.clone(),
        order_updated,
        balance_updated,
        trade_executed,
        user_channels: config.delivery.user_channels.clone(),
        to_others: config.delivery.to_others,
        size_limits: SIZE_LIMITS,
    }
}

/// What users may register webhooks for; `None` if webhooks are disabled.
pub fn webhooks(config: &Config, subscriptions: SharedSubscriptions) -> Option<http::Webhooks> {
    let Webhooks { enabled, allow_private, .. } = config.webhooks;
    let events = postable(&config.events);
    let webhooks = http::Webhooks { subscriptions, events, allows_private: allow_private };
    enabled.then_some(webhooks)
}

/// What posts events to webhooks; `None` if they are disabled.
pub fn webhook_dispatcher(
    config: &Config,
    store: &Store,
    subscriptions: &SharedSubscriptions,
    notifiers: &Notifiers,
) -> anyhow::Result<Option<Dispatcher>> {
    let Webhooks { enabled, allow_private, timeout, disable_after } = config.webhooks;
    if !enabled {
        return Ok(None);
    }
    let settings = DispatcherSettings { timeout, allows_private: allow_private, disable_after };
    let written = Arc::clone(&notifiers.webhooks);
    Ok(Some(Dispatcher::new(store.clone(), settings, subscriptions.clone(), written)?))
}

/// How order books are published.
pub fn book_settings(events: &Events) -> BookPublisherSettings {
    BookPublisherSettings {
        updates_per_second: events.book_updates_per_second.get(),
        depth: events.book_depth.get().into(),
        size_limits: SIZE_LIMITS,
    }
}

/// The enabled events, in the order of config/default.toml.
pub fn enabled(events: &Events) -> Vec<EventKind> {
    let all = [
        (events.order_matched, EventKind::OrderMatched),
        (events.order_updated, EventKind::OrderUpdated),
        (events.balance_updated, EventKind::BalanceUpdated),
        (events.trade_executed, EventKind::TradeExecuted),
        (events.book_updated, EventKind::BookUpdated),
    ];
    all.into_iter().filter(|(enabled, _)| *enabled).map(|(_, kind)| kind).collect()
}

/// The name on the wire of each enabled event, by the name in the catalogue.
pub fn names(events: &Events) -> Vec<(EventKind, String)> {
    let custom = |kind| {
        let shape = &events.matched_shape;
        shape.name.as_ref().filter(|_| kind == EventKind::OrderMatched).map(EventName::to_string)
    };
    let name = |kind: EventKind| (kind, custom(kind).unwrap_or_else(|| kind.to_string()));
    enabled(events).into_iter().map(name).collect()
}

/// The events that can be posted to webhooks: a snapshot of a book is of no use there.
pub fn postable(events: &Events) -> Vec<EventKind> {
    let enabled = enabled(events).into_iter();
    let postable = enabled.filter(|kind| *kind != EventKind::BookUpdated);
    postable.chain([EventKind::WithdrawalUpdated, EventKind::MarketUpdated]).collect()
}
