//! Which events the configuration asks for.

use crate::config::{Config, Events};
use crate::engine::EventSettings;
use crate::events::{EventKind, SizeLimits};
use crate::market_data::BookPublisherSettings;
use crate::pusher::{MAX_DATA_BYTES, MAX_ENCRYPTED_DATA_BYTES};

const SIZE_LIMITS: SizeLimits =
    SizeLimits { plain: MAX_DATA_BYTES, encrypted: MAX_ENCRYPTED_DATA_BYTES };

/// The events that the engine writes.
pub fn event_settings(config: &Config) -> EventSettings {
    let Events { order_matched, order_updated, balance_updated, trade_executed, .. } =
        config.events;
    EventSettings {
        order_matched,
        order_updated,
        balance_updated,
        trade_executed,
        user_channels: config.delivery.user_channels,
        to_others: config.delivery.to_others,
        size_limits: SIZE_LIMITS,
    }
}

/// How order books are published.
pub fn book_settings(events: &Events) -> BookPublisherSettings {
    BookPublisherSettings {
        updates_per_second: events.book_updates_per_second.get(),
        depth: events.book_depth.get().into(),
        size_limits: SIZE_LIMITS,
    }
}

/// The names of the enabled events, in the order of config/default.toml.
pub fn enabled_names(events: &Events) -> Vec<&'static str> {
    let all = [
        (events.order_matched, EventKind::OrderMatched),
        (events.order_updated, EventKind::OrderUpdated),
        (events.balance_updated, EventKind::BalanceUpdated),
        (events.trade_executed, EventKind::TradeExecuted),
        (events.book_updated, EventKind::BookUpdated),
    ];
    all.into_iter().filter(|(enabled, _)| *enabled).map(|(_, kind)| kind.name()).collect()
}
