//! The commands of the hub, and the handle that sends them.

use std::collections::HashSet;
use std::net::IpAddr;

use tokio::sync::{mpsc, oneshot};

use super::channels::Occupancy;
use crate::provider::close_code::CloseCode;
use crate::provider::message::{Member, Text};
use crate::provider::publication::Publication;
use crate::provider::trace::Snapshot;
use crate::pusher::{ChannelName, SocketId};

/// Maximum number of queued commands. When the queue is full, senders wait.
const QUEUED_COMMANDS: usize = 1_024;

/// How the hub reaches the task of a connection, and the address that the connection counts for.
pub struct ConnectionLink {
    /// `None`: unknown.
    pub address: Option<IpAddr>,
    pub outgoing: mpsc::Sender<Text>,
    pub close: oneshot::Sender<CloseCode>,
}

/// A command for the hub. Signatures have been verified by its sender.
pub enum HubCommand {
    Connect {
        link: ConnectionLink,
        reply: oneshot::Sender<Result<SocketId, CloseCode>>,
    },
    Disconnect {
        socket_id: SocketId,
    },
    Subscribe {
        socket_id: SocketId,
        channel: ChannelName,
        member: Option<Member>,
    },
    Unsubscribe {
        socket_id: SocketId,
        channel: ChannelName,
    },
    SignIn {
        socket_id: SocketId,
        user_id: String,
        user_data: String,
    },
    ClientEvent {
        socket_id: SocketId,
        channel: ChannelName,
        name: String,
        data: String,
    },
    Publish {
        events: Vec<Publication>,
        reply: oneshot::Sender<()>,
    },
    /// The occupied channels whose names have a prefix, sorted.
    Channels {
        prefix: String,
        reply: oneshot::Sender<Vec<(ChannelName, Occupancy)>>,
    },
    /// The occupancy of one channel; `None` if it has no subscribers.
    Occupancy {
        channel: ChannelName,
        reply: oneshot::Sender<Option<Occupancy>>,
    },
    /// The ids of the users on a presence channel.
    Users {
        channel: ChannelName,
        reply: oneshot::Sender<Vec<String>>,
    },
    /// Closes the connections that have signed in as this user.
    Terminate {
        user_id: String,
        reply: oneshot::Sender<()>,
    },
    /// The trace records nothing of these channels from now on.
    Hide {
        channels: HashSet<String>,
    },
    /// The open connections, and the trace entries after the entry `after`.
    Snapshot {
        after: u64,
        reply: oneshot::Sender<Snapshot>,
    },
    /// Closes all connections and refuses new ones.
    CloseAll(oneshot::Sender<()>),
}

/// The hub has stopped, and all connections are closed.
#[derive(Debug)]
pub struct HubStopped;

/// Sends commands to the hub.
#[derive(Debug, Clone)]
pub struct HubHandle(mpsc::Sender<HubCommand>);

impl HubHandle {
    /// A handle, and the receiver of the commands sent through it and its clones.
    pub fn new() -> (Self, mpsc::Receiver<HubCommand>) {
        let (sender, receiver) = mpsc::channel(QUEUED_COMMANDS);
        (Self(sender), receiver)
    }

    pub async fn send(&self, command: HubCommand) -> Result<(), HubStopped> {
        self.0.send(command).await.map_err(|_| HubStopped)
    }

    /// Sends a command that has a result, and waits for the result.
    pub async fn request<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> HubCommand,
    ) -> Result<T, HubStopped> {
        let (reply, result) = oneshot::channel();
        self.send(command(reply)).await?;
        result.await.map_err(|_| HubStopped)
    }
}
