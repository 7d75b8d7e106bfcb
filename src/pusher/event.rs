//! An event in a request to the provider.

use super::names::SocketId;

/// One event for one channel.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingEvent<'a> {
    pub name: &'a str,
    /// A channel name, or `#server-to-user-{id}` for one user's signed-in connections.
    pub channel: &'a str,
    /// The data that clients receive, as a string (JSON inside JSON), with at most
    /// `data_limit` bytes.
    pub data: &'a str,
    /// The connection that caused the event and must not receive it.
    pub socket_id: Option<&'a SocketId>,
}
