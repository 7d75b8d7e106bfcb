//! The catalogue of events: which kinds there are, on which channels they are published, what their
//! payloads contain and how numbers, times and orders are encoded in JSON.
//!
//! Pure values. Writing events in the transaction that made them true is the store's business,
//! delivering them the publisher's.

mod channel;
pub mod decimal;
pub mod funds;
mod kind;
mod matched_shape;
pub mod models;
mod name;
pub mod order;
mod payload;
pub mod timestamp;

pub use channel::{
    ChannelPattern, InvalidChannelPattern, SizeLimits, UserChannelKinds, UserChannels,
    market_channel,
};
pub use kind::EventKind;
pub use matched_shape::{Decimals, MatchedShape, Model, OwnColumn, ProfileColumn};
pub use name::{EventName, InvalidEventName};
pub use payload::{
    BalanceUpdated, BookLevel, BookUpdated, MarketUpdated, OrderMatched, OrderUpdated,
    TradeExecuted, WithdrawalUpdated,
};

use chrono::NaiveDateTime;

use crate::market::{MarketId, MarketStatus, UserId};

/// An event to be written in the transaction that made it true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub channel: String,
    pub kind: EventKind,
    /// The name on the wire, if it is not that of the kind.
    pub custom_name: Option<EventName>,
    /// JSON.
    pub data: String,
    /// The connection that caused the event, if it must not receive it.
    pub socket_id: Option<String>,
}

impl NewEvent {
    /// The name on the wire, and in the outbox.
    pub fn name(&self) -> &str {
        self.custom_name.as_ref().map_or(self.kind.name(), EventName::as_str)
    }

    /// Tells everybody which commands a market accepts from now on.
    pub fn market_updated(
        market: MarketId,
        symbol: &str,
        status: MarketStatus,
        at: NaiveDateTime,
    ) -> Self {
        let payload = MarketUpdated::new(market, symbol, status, at);
        Self {
            channel: market_channel(symbol),
            kind: EventKind::MarketUpdated,
            custom_name: None,
            data: serde_json::to_string(&payload).expect("strings are valid JSON"),
            socket_id: None,
        }
    }

    /// Asks the provider to terminate the connections that have signed in as `user`.
    ///
    /// Its channel is the user's private one, so it is delivered after the events that were written
    /// to that channel before it.
    pub fn terminate_connections(user: UserId, channels: &ChannelPattern) -> Self {
        Self {
            channel: channels.of(user),
            kind: EventKind::TerminateConnections,
            custom_name: None,
            data: user.to_string(),
            socket_id: None,
        }
    }
}
