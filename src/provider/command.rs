//! What the hub can be asked, and the handle that asks it.

use tokio::sync::{mpsc, oneshot};

use super::channel::Occupancy;
use super::close_code::Closing;
use super::message::{Member, Text};
use super::trace::Snapshot;
use crate::pusher::{ChannelName, SocketId};

/// Commands that wait; whoever sends the next one waits for its place.
const QUEUED_COMMANDS: usize = 1_024;

/// What the hub is asked to do.
pub enum Command {
    Connect {
        outgoing: mpsc::Sender<Text>,
        closing: oneshot::Sender<Closing>,
        reply: oneshot::Sender<Result<SocketId, Closing>>,
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
    /// The channels whose names start with a prefix, sorted.
    Channels {
        prefix: String,
        reply: oneshot::Sender<Vec<(ChannelName, Occupancy)>>,
    },
    /// How one channel is occupied; nothing when it is not.
    Occupancy {
        channel: ChannelName,
        reply: oneshot::Sender<Option<Occupancy>>,
    },
    /// The ids of the users on a presence channel.
    Users {
        channel: ChannelName,
        reply: oneshot::Sender<Vec<String>>,
    },
    Terminate {
        user_id: String,
        reply: oneshot::Sender<()>,
    },
    /// What passed after an entry, and who is connected.
    Look {
        seen: u64,
        reply: oneshot::Sender<Snapshot>,
    },
    CloseAll(oneshot::Sender<()>),
}

/// One event for one target.
#[derive(Debug)]
pub struct Publication {
    pub name: String,
    pub target: Target,
    pub data: String,
    /// The connection that shall not hear of it.
    pub except: Option<SocketId>,
}

/// Who hears an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Channel(ChannelName),
    /// The connections that have signed in as this user.
    User(String),
}

/// The hub has ended, and with it every connection.
#[derive(Debug)]
pub struct Gone;

/// Sends commands to the hub.
#[derive(Debug, Clone)]
pub struct Handle(mpsc::Sender<Command>);

impl Handle {
    /// A handle, and the commands that will come through it and its clones.
    pub fn new() -> (Self, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel(QUEUED_COMMANDS);
        (Self(sender), receiver)
    }

    pub async fn send(&self, command: Command) -> Result<(), Gone> {
        self.0.send(command).await.map_err(|_| Gone)
    }

    /// Sends a command that has an answer, and waits for it.
    pub async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| Gone)
    }
}
