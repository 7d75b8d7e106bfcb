//! A small provider, embedded, for the first ten minutes and for tests.
//!
//! It speaks enough of the protocol that pusher-js, Laravel Echo and the official server SDKs
//! work against it unchanged: signed REST in, WebSocket out. It lives in one process and in
//! memory: a restart forgets every subscription, and two processes do not hear each other. In
//! production use hosted Pusher, or a server made for the purpose (Sockudo, soketi, Reverb).
//!
//! It guarantees that nobody subscribes, signs in or publishes without a signature; that the
//! messages for a socket leave in the order in which they were published; that a slow socket
//! slows nobody: its queue is bounded, and overflow ends it. Every size and count has a limit.
//!
//! It has no webhooks, cache channels, watch lists, TLS or fallback transports.
//!
//! `hub` owns all state and is reached by commands; `socket` serves one connection and `request`
//! is what its client may ask; `rest` answers the signed calls; `message` is what stands in the
//! frames; `tap` remembers the last of what passed, for the debug console.

mod channel;
mod close_code;
mod command;
mod connected_client;
mod hub;
mod message;
mod rate_limit;
mod rest;
mod socket;
mod trace;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::web;

use crate::pusher::Credentials;
use command::{Command, Gone, Handle};

pub use trace::Snapshot;

/// Longest body of a REST call, in bytes.
const MAX_REST_BODY_BYTES: usize = 1024 * 1024;

/// What the provider bears. The limits of the protocol itself are not among them: they are
/// constants of [`pusher`](crate::pusher).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections; the next one is closed with 4100.
    pub connections: usize,
    /// Subscriptions of one connection.
    pub subscriptions_per_connection: usize,
    /// Longest message from a client, in bytes.
    pub message_bytes: usize,
    /// Messages that wait for one slow connection before it is closed with 4100.
    pub outgoing_messages: usize,
    /// Silence of a client after which it is pinged. NewEvents to clients in whole seconds.
    pub activity_timeout: Duration,
    /// How long the answer to a ping may take before the connection is closed with 4201.
    pub pong_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_000,
            subscriptions_per_connection: 100,
            message_bytes: 32 * 1024,
            outgoing_messages: 256,
            activity_timeout: Duration::from_secs(120),
            pong_timeout: Duration::from_secs(30),
        }
    }
}

/// A handle to a running provider for one app. Clones reach the same one.
#[derive(Debug, Clone)]
pub struct Provider {
    credentials: Arc<Credentials>,
    limits: Limits,
    hub: Handle,
}

impl Provider {
    /// Starts the task that owns the connections. It ends with the last handle.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(credentials: Credentials, limits: Limits) -> Self {
        Self { credentials: Arc::new(credentials), limits, hub: hub::start(limits) }
    }

    /// What has passed since the entry `seen` (0: as far as it is remembered), and who is
    /// connected; nothing once the provider has ended.
    pub async fn look(&self, seen: u64) -> Option<Snapshot> {
        self.hub.ask(|reply| Command::Look { seen, reply }).await.ok()
    }

    /// Publishes an event as a backend does, for those who are this provider's own.
    ///
    /// # Errors
    /// In the words that a backend would be told.
    pub async fn publish(&self, channel: &str, name: &str, data: &str) -> Result<(), String> {
        let events = rest::one_publication(channel, name, data)?;
        let published = self.hub.ask(|reply| Command::Publish { events, reply }).await;
        published.map_err(|Gone| "The provider has ended".to_owned())
    }

    /// Closes every connection with 4100 (clients come back a second later, to whoever then
    /// listens) and refuses new ones likewise. Returns when all have been told; they end within
    /// about a second.
    pub async fn close_all(&self) {
        // When the hub is gone, so are its connections.
        let _: Result<(), Gone> = self.hub.ask(Command::CloseAll).await;
    }
}

/// Mounts the provider: `/apps/{app_id}/…` for backends and `/app/{key}` for pages.
///
/// For the root of an application: the signed path is the one on the wire.
pub fn configure(config: &mut web::ServiceConfig, provider: Provider) {
    config
        .app_data(web::Data::new(provider))
        .service(rest::scope())
        .service(web::resource("/app/{key}").route(web::get().to(socket::accept)));
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
