//! The Pusher Channels protocol, shared by the client and the embedded provider.
//!
//! The words of the protocol live here and nowhere else: how a request, a subscription and a
//! webhook are signed ([`sign`]), how events are posted ([`client`]), what an answer means
//! ([`outcome`], [`diagnosis`]), how events are kept from the provider's eyes ([`encryption`]),
//! what the provider tells by itself ([`webhook`]), and a small provider for the first ten minutes
//! ([`provider`]).
//!
//! It knows nothing of the rest of the crate: no configuration, no store, no market. The secret and
//! the master key never leave this module: they are private in [`Credentials`], and no error text
//! contains them.

mod body;
pub mod client;
pub mod destination;
pub mod diagnosis;
pub mod encryption;
mod names;
pub mod outcome;
pub mod sign;
mod transport;
pub mod webhook;

use std::fmt;

pub use client::{Client, ClientError, Event, Timeouts};
pub use destination::{Destination, DestinationError, Settings};
pub use diagnosis::Diagnosis;
pub use encryption::{InvalidMasterKey, MAX_ENCRYPTED_DATA_BYTES, MasterKey, data_limit};
pub use names::{
    ChannelKind, ChannelName, InvalidChannelName, InvalidSocketId, SocketId, USER_CHANNEL_PREFIX,
    is_encrypted,
};
pub use outcome::Outcome;
pub use webhook::{Webhook, WebhookError, WebhookEvent};

/// Longest `data` of one event as it is sent, in bytes of the string (10 KiB by the public
/// documentation). What an event may have on its channel is told by [`data_limit`].
pub const MAX_DATA_BYTES: usize = 10_240;
/// Most channels that one call may name.
pub const MAX_CHANNELS_PER_CALL: usize = 100;
/// Most events in one batch.
pub const MAX_EVENTS_PER_BATCH: usize = 10;
/// Longest event name, in bytes.
pub const MAX_EVENT_NAME_BYTES: usize = 200;
/// Longest channel name, in bytes. The documentation says 164, the official libraries allow 200,
/// so a name that a library sends is not refused here.
pub const MAX_CHANNEL_NAME_BYTES: usize = 200;
/// Longest socket id, in bytes. Real ones have about twenty.
pub const MAX_SOCKET_ID_BYTES: usize = 64;
/// Most distinct users on one presence channel.
pub const MAX_PRESENCE_MEMBERS: usize = 100;
/// Longest `user_info` of one presence member, in bytes of its JSON.
pub const MAX_PRESENCE_INFO_BYTES: usize = 1_024;
/// Longest id of a user, in bytes.
pub const MAX_USER_ID_BYTES: usize = 128;
/// Most client events that one connection may send in a second.
pub const MAX_CLIENT_EVENTS_PER_SECOND: usize = 10;

/// The identity of one Pusher app: who we are (`app_id`, `key`), what we sign with, and what we
/// encrypt with, if we do.
///
/// The secrets can be used inside this module only; printing the value shows `[redacted]`.
#[derive(Clone)]
pub struct Credentials {
    app_id: String,
    key: String,
    secret: String,
    master_key: Option<MasterKey>,
}

impl Credentials {
    /// The values of `PUSHER_APP_ID`, `PUSHER_APP_KEY` and `PUSHER_APP_SECRET`, as they are.
    ///
    /// Nothing is checked here; [`Client::new`] refuses what cannot work.
    pub fn new(
        app_id: impl Into<String>,
        key: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        let (app_id, key, secret) = (app_id.into(), key.into(), secret.into());
        Self { app_id, key, secret, master_key: None }
    }

    /// The same app, with the key that `private-encrypted-` channels need.
    pub fn with_master_key(self, master_key: MasterKey) -> Self {
        Self { master_key: Some(master_key), ..self }
    }

    /// Whether there can be encrypted channels.
    pub fn has_master_key(&self) -> bool {
        self.master_key.is_some()
    }

    /// The app's id, the one that stands in the path of REST calls.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// The app's public key, the one that pages know.
    pub fn key(&self) -> &str {
        &self.key
    }

    fn secret(&self) -> &str {
        &self.secret
    }

    fn master_key(&self) -> Option<&MasterKey> {
        self.master_key.as_ref()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("app_id", &self.app_id)
            .field("key", &self.key)
            .field("secret", &"[redacted]")
            .field("master_key", &self.master_key)
            .finish()
    }
}
