//! Which events the configuration asks for: as the engine, the feed and pages are told.

use crate::config::{Config, Events, UserChannels};
use crate::engine::Switches;
use crate::market::UserId;
use crate::market_data;
use crate::pusher;
use crate::store::outbox::{
    BALANCE_UPDATED, BOOK_UPDATED, ORDER_MATCHED, ORDER_UPDATED, TRADE_EXECUTED,
    encrypted_user_channel, user_channel,
};

/// Most bytes of an event's data on a channel.
const DATA_LIMIT: fn(&str) -> usize = pusher::data_limit;

/// What the engine writes.
pub fn switches(config: &Config) -> Switches {
    let user_channels: &[fn(UserId) -> String] = match config.delivery.user_channels {
        UserChannels::Private => &[user_channel],
        UserChannels::Encrypted => &[encrypted_user_channel],
        UserChannels::Both => &[user_channel, encrypted_user_channel],
    };
    let Events { order_matched, order_updated, balance_updated, trade_executed, .. } =
        config.events;
    Switches {
        order_matched,
        order_updated,
        balance_updated,
        trade_executed,
        user_channels,
        to_others: config.delivery.to_others,
        data_limit: DATA_LIMIT,
    }
}

/// What the feed tells of books.
pub fn feed_settings(events: &Events) -> market_data::Settings {
    market_data::Settings {
        updates_per_second: events.book_updates_per_second,
        depth: events.book_depth,
        data_limit: DATA_LIMIT,
    }
}

/// The names of what is switched on, in the order of config/default.toml.
pub fn names(events: &Events) -> Vec<&'static str> {
    let all = [
        (events.order_matched, ORDER_MATCHED),
        (events.order_updated, ORDER_UPDATED),
        (events.balance_updated, BALANCE_UPDATED),
        (events.trade_executed, TRADE_EXECUTED),
        (events.book_updated, BOOK_UPDATED),
    ];
    all.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect()
}
