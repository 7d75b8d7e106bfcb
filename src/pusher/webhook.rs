//! What the provider tells by itself: a call to the app, signed over its raw body.
//!
//! [`Webhook::verify`] is pure. It guarantees that what it gives was signed with the app's secret,
//! and not long ago. A delivery may still come twice, as a provider repeats what was not answered
//! with 2xx; the digest tells a repetition.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{ChannelName, Credentials, sign};

/// How far the time in a webhook may lie before or after ours, in milliseconds. Providers repeat
/// for five minutes; the rest is for clocks that differ. Whoever refuses repetitions must remember
/// digests for twice as long.
pub const WEBHOOK_TOLERANCE_MS: u64 = 10 * 60 * 1_000;

/// One delivery: what happened, as far as the provider gathered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// When the provider wrote it, in milliseconds since 1970.
    pub time_ms: u64,
    /// In the provider's order.
    pub events: Vec<WebhookEvent>,
    /// SHA-256 of the body. The same for each repetition of this delivery, and for nothing else.
    pub digest: [u8; 32],
}

/// One thing that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookEvent {
    /// The channel has its first subscriber.
    ChannelOccupied(ChannelName),
    /// The channel's last subscriber has gone.
    ChannelVacated(ChannelName),
    /// Anything else, by its name; among it a channel that is none of ours by the form of its
    /// name, or that is not named. It is passed over, not refused: the provider would repeat it,
    /// and withhold what stands beside it, without ever saying it differently.
    Other(String),
}

/// Why a webhook is not taken. The texts contain nothing of what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// Another key, or a wrong signature; which of them is nobody's business.
    #[error("the webhook is not signed with this app's key and secret")]
    Signature,
    #[error("the webhook is signed, and is not JSON with time_ms and events")]
    Malformed,
    #[error("the webhook's time is more than ten minutes away from this machine's")]
    Stale,
}

#[derive(Deserialize)]
struct Body {
    time_ms: u64,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    name: String,
    #[serde(default)]
    channel: Value,
}

impl Webhook {
    /// Checks and reads a delivery: the values of `X-Pusher-Key` and `X-Pusher-Signature`, and the
    /// body as it came, byte for byte. `now_ms` is our clock, in milliseconds since 1970.
    ///
    /// Nothing of the body is looked at before the signature is right. Unknown fields are left
    /// out. `time_ms` must be written as an integer, as nothing else says a moment exactly.
    pub fn verify(
        credentials: &Credentials,
        key: &str,
        signature: &str,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Self, WebhookError> {
        if !sign::verify_webhook(credentials, key, signature, body) {
            return Err(WebhookError::Signature);
        }
        let Body { time_ms, events } =
            serde_json::from_slice(body).map_err(|_| WebhookError::Malformed)?;
        if time_ms.abs_diff(now_ms) > WEBHOOK_TOLERANCE_MS {
            return Err(WebhookError::Stale);
        }
        let events = events.into_iter().map(WebhookEvent::from).collect();
        Ok(Self { time_ms, events, digest: Sha256::digest(body).into() })
    }
}

impl From<Event> for WebhookEvent {
    fn from(event: Event) -> Self {
        let channel = event.channel.as_str().and_then(|name| ChannelName::parse(name).ok());
        match (event.name.as_str(), channel) {
            ("channel_occupied", Some(channel)) => Self::ChannelOccupied(channel),
            ("channel_vacated", Some(channel)) => Self::ChannelVacated(channel),
            _ => Self::Other(event.name),
        }
    }
}
