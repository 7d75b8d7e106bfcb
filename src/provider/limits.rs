//! The limits of the embedded provider. The limits of the protocol itself are constants of
//! [`pusher`](crate::pusher).

use std::time::Duration;

use crate::pusher::MAX_EVENTS_PER_BATCH;

/// Maximum size of the body of a REST request, in bytes.
pub const MAX_REST_BODY_BYTES: usize = 1024 * 1024;

/// The limits of one provider.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of connections. Further ones are closed with 4100.
    pub connections: usize,
    /// Maximum number of connections from one IPv4 address or IPv6 network (/64). Further ones are
    /// closed with 4100. Behind a proxy on the same machine, the client's address counts.
    pub connections_per_address: usize,
    /// Maximum number of events in a batch.
    pub events_per_batch: usize,
    /// Maximum number of subscriptions per connection.
    pub subscriptions_per_connection: usize,
    /// Maximum size of a message from a client, in bytes.
    pub message_bytes: usize,
    /// Maximum number of messages queued for one connection. When the queue is full, the connection
    /// is closed with 4100.
    pub outgoing_messages: usize,
    /// Time without messages from the server after which a client sends a ping. Clients receive it
    /// in whole seconds.
    pub activity_timeout: Duration,
    /// Time without messages from a client after which the server sends a ping. Proxies close
    /// silent connections, nginx by default after 60 seconds.
    pub ping_interval: Duration,
    /// Time that a client has to respond to a ping. After it the connection is closed with 4201.
    pub pong_timeout: Duration,
    /// Time that a client has to take one message. After it the connection is closed with 4100 and,
    /// with [`end_stalled_connections`](super::end_stalled_connections), ended.
    pub write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_000,
            connections_per_address: 200,
            events_per_batch: MAX_EVENTS_PER_BATCH,
            subscriptions_per_connection: 100,
            message_bytes: 32 * 1024,
            outgoing_messages: 256,
            activity_timeout: Duration::from_secs(120),
            ping_interval: Duration::from_secs(45),
            pong_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
        }
    }
}
