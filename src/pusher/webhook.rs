//! Webhooks: requests from the provider to the app, with a signature over the raw body.
//!
//! [`Webhook::verify`] is pure. It guarantees that a webhook was signed with the app's secret, and
//! recently. A webhook can still arrive twice, because a provider repeats it until the response is
//! 2xx; its digest identifies duplicates.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::credentials::Credentials;
use super::names::ChannelName;
use super::sign;

/// Maximum difference between the time in a webhook and this machine's clock, in milliseconds,
/// either way. Providers repeat for five minutes; the rest allows for clocks that differ. To reject
/// duplicates, digests must be kept for twice as long.
pub const WEBHOOK_TOLERANCE_MS: u64 = 10 * 60 * 1_000;

/// One webhook with the events that the provider has collected for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// When the provider created it, in milliseconds since 1970.
    pub time_ms: u64,
    /// In the order of the provider.
    pub events: Vec<WebhookEvent>,
    /// SHA-256 of the body: equal for duplicates, and different otherwise.
    pub digest: [u8; 32],
}

/// One event of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookEvent {
    /// The channel has its first subscriber.
    ChannelOccupied(ChannelName),
    /// The channel's last subscriber has left.
    ChannelVacated(ChannelName),
    /// Any other event, with its name. This includes events with a missing or malformed channel
    /// name. They are ignored rather than rejected: the provider would repeat the whole webhook,
    /// unchanged, and hold back the events after it.
    Other(String),
}

/// Why a webhook is rejected. The texts contain no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// A wrong key or signature; the sender does not learn which.
    #[error("the webhook is not signed with this app's key and secret")]
    Signature,
    #[error("the webhook is signed, but is not JSON with time_ms and events")]
    Malformed,
    #[error("the webhook's time differs from this machine's by more than ten minutes")]
    Stale,
}

#[derive(Deserialize)]
struct Body {
    time_ms: u64,
    events: Vec<EventBody>,
}

#[derive(Deserialize)]
struct EventBody {
    name: String,
    #[serde(default)]
    channel: Value,
}

impl Webhook {
    /// Verifies and parses a webhook. `key` and `signature` are the values of `X-Pusher-Key` and
    /// `X-Pusher-Signature`, `body` is the exact body, and `now_ms` is this machine's clock in
    /// milliseconds since 1970.
    ///
    /// The body is parsed only after the signature was verified. Unknown fields are ignored.
    /// `time_ms` must be an integer.
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

impl From<EventBody> for WebhookEvent {
    fn from(event: EventBody) -> Self {
        let channel = event.channel.as_str().and_then(|name| ChannelName::parse(name).ok());
        match (event.name.as_str(), channel) {
            ("channel_occupied", Some(channel)) => Self::ChannelOccupied(channel),
            ("channel_vacated", Some(channel)) => Self::ChannelVacated(channel),
            _ => Self::Other(event.name),
        }
    }
}
