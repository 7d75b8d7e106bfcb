//! The Pusher Channels protocol: everything that a client and a provider have in common, and the
//! client.
//!
//! - [`sign`]: signatures of requests, subscriptions, sign-ins and webhooks
//! - [`encryption`]: the data of events on encrypted channels
//! - [`Client`]: signed REST requests to a provider
//! - [`Outcome`]: the result of a request, and what the sender should do next
//! - [`Diagnosis`]: the likely cause of a failure, in words
//! - [`webhook`]: notifications from the provider
//!
//! This module knows nothing of the rest of the crate: no configuration, no store, no market. The
//! secret and the master key never leave it: they are private in [`Credentials`], and no error
//! text contains them.

mod body;
mod client;
mod credentials;
mod destination;
mod diagnosis;
pub mod encryption;
mod event;
mod limits;
mod names;
mod outcome;
mod response;
mod sanitize;
pub mod sign;
mod transport;
pub mod webhook;

pub use client::{Client, ClientError};
pub use credentials::{Credentials, InvalidMasterKey, MasterKey};
pub use destination::{
    DEFAULT_CLUSTER, Destination, DestinationError, DestinationSettings, Scheme,
};
pub use diagnosis::Diagnosis;
pub use encryption::{MAX_ENCRYPTED_DATA_BYTES, data_limit};
pub use event::OutgoingEvent;
pub use limits::*;
pub use names::{
    ChannelKind, ChannelName, InvalidChannelName, InvalidSocketId, SocketId, USER_CHANNEL_PREFIX,
    is_encrypted,
};
pub use outcome::{Outcome, status_label};
pub use response::MAX_RETRY_AFTER;
pub use sanitize::MAX_MESSAGE_BYTES;
pub use transport::Timeouts;
pub use webhook::{Webhook, WebhookError, WebhookEvent};
