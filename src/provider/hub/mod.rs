//! The owner of all connections and channels: one task, reached by commands.
//!
//! It never waits for a connection. Each has a bounded queue, and when one overflows, that
//! connection is ended. As one task handles one command after another and queues keep their
//! order, every connection hears events in the order in which they were published.
//!
//! Signatures were verified by whoever sends a command.

use std::collections::{BTreeSet, HashMap, HashSet};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::Limits;
use super::channel::{Channel, Occupancy};
use super::close_code::Closing;
use super::command::{Command, Handle, Publication, Target};
use super::message::{self, Member, Text};
use super::trace::{ConnectionView, Kind, Passed, Snapshot, Tap};
use crate::pusher::{ChannelName, SocketId, USER_CHANNEL_PREFIX};

/// Starts a hub on the current runtime. It ends when its last handle is dropped.
pub fn start(limits: Limits) -> Handle {
    let (handle, mut receiver) = Handle::new();
    let mut hub = Hub { limits, ..Hub::default() };
    tokio::spawn(async move {
        while let Some(command) = receiver.recv().await {
            hub.handle(command);
            hub.end_the_doomed();
        }
    });
    handle
}

#[derive(Default)]
struct Hub {
    limits: Limits,
    connections: HashMap<SocketId, Connection>,
    /// Channels with at least one subscriber.
    channels: HashMap<ChannelName, Channel>,
    /// The connections of each signed-in user.
    users: HashMap<String, HashSet<SocketId>>,
    /// Connections whose queue was found full or closed; they end after the command.
    doomed: Vec<SocketId>,
    is_closed: bool,
    tap: Tap,
}

struct Connection {
    outgoing: mpsc::Sender<Text>,
    closing: oneshot::Sender<Closing>,
    channels: HashSet<ChannelName>,
    user_id: Option<String>,
}

impl Hub {
    fn handle(&mut self, command: Command) {
        // An answer that nobody waits for any more is dropped, and so is such a connection.
        match command {
            Command::Connect { outgoing, closing, reply } => {
                if let Err(Ok(socket_id)) = reply.send(self.connect(outgoing, closing)) {
                    self.remove(&socket_id);
                }
            }
            Command::Disconnect { socket_id } => drop(self.remove(&socket_id)),
            Command::Subscribe { socket_id, channel, member } => {
                self.subscribe(&socket_id, channel, member);
            }
            Command::Unsubscribe { socket_id, channel } => self.unsubscribe(&socket_id, &channel),
            Command::SignIn { socket_id, user_id, user_data } => {
                self.sign_in(socket_id, user_id, &user_data);
            }
            Command::ClientEvent { socket_id, channel, name, data } => {
                self.pass_on(&socket_id, &channel, &name, &data);
            }
            Command::Publish { events, reply } => {
                events.iter().for_each(|event| self.publish(event));
                let _ = reply.send(());
            }
            Command::Channels { prefix, reply } => {
                let _ = reply.send(self.occupied(&prefix));
            }
            Command::Occupancy { channel, reply } => {
                let _ = reply.send(self.channels.get(&channel).map(Channel::occupancy));
            }
            Command::Users { channel, reply } => {
                let users = self.channels.get(&channel).into_iter().flat_map(Channel::users);
                let _ = reply.send(users.map(|(user_id, _)| user_id.to_owned()).collect());
            }
            Command::Terminate { user_id, reply } => {
                self.terminate(&user_id);
                let _ = reply.send(());
            }
            Command::Look { seen, reply } => {
                let _ = reply.send(self.look(seen));
            }
            Command::CloseAll(reply) => {
                self.close_all();
                let _ = reply.send(());
            }
        }
    }

    fn connect(
        &mut self,
        outgoing: mpsc::Sender<Text>,
        closing: oneshot::Sender<Closing>,
    ) -> Result<SocketId, Closing> {
        if self.is_closed {
            return Err(Closing::ShuttingDown);
        }
        if self.connections.len() >= self.limits.connections {
            return Err(Closing::OverCapacity);
        }
        let mut socket_id = SocketId::random();
        while self.connections.contains_key(&socket_id) {
            socket_id = SocketId::random();
        }
        let connection = Connection { outgoing, closing, channels: HashSet::new(), user_id: None };
        self.connections.insert(socket_id.clone(), connection);
        self.note(Kind::Connected, Some(&socket_id), None);
        let timeout_s = self.limits.activity_timeout.as_secs().max(1);
        self.tell(&socket_id, message::connection_established(&socket_id, timeout_s));
        Ok(socket_id)
    }

    fn subscribe(&mut self, socket_id: &SocketId, name: ChannelName, member: Option<Member>) {
        let Some(connection) = self.connections.get_mut(socket_id) else {
            return;
        };
        if connection.channels.contains(&name) {
            let text = format!("Existing subscription to channel {name}");
            return self.tell(socket_id, message::error(None, &text));
        }
        let is_over_limit = connection.channels.len() >= self.limits.subscriptions_per_connection;
        let channel = self.channels.get(&name);
        let is_full = member
            .as_ref()
            .is_some_and(|member| channel.is_some_and(|channel| channel.is_full_for(member)));
        if is_over_limit || is_full {
            let text = if is_full {
                "The presence channel has all the members it can have"
            } else {
                "The connection has all the subscriptions it can have"
            };
            let error = message::subscription_error(name.as_str(), "LimitReached", 4004, text);
            return self.tell(socket_id, error);
        }
        connection.channels.insert(name.clone());
        self.note(Kind::Subscribed, Some(socket_id), Some(&name));
        let channel = self.channels.entry(name.clone()).or_default();
        let has_come = channel.join(socket_id.clone(), member.as_ref());
        let Some(member) = member else {
            return self.tell(socket_id, message::subscription_succeeded(name.as_str()));
        };
        let succeeded = message::presence_succeeded(name.as_str(), channel.users());
        self.tell(socket_id, succeeded);
        if has_come {
            let added = message::member_added(name.as_str(), &member);
            self.tell_channel(&name, added, Some(socket_id));
        }
    }

    fn unsubscribe(&mut self, socket_id: &SocketId, name: &ChannelName) {
        if let Some(connection) = self.connections.get_mut(socket_id)
            && connection.channels.remove(name)
        {
            self.note(Kind::Unsubscribed, Some(socket_id), Some(name));
            self.leave(socket_id, name);
        }
    }

    fn sign_in(&mut self, socket_id: SocketId, user_id: String, user_data: &str) {
        let Some(connection) = self.connections.get_mut(&socket_id) else {
            return;
        };
        let before = connection.user_id.replace(user_id.clone());
        if let Some(before) = before {
            self.forget_user(&before, &socket_id);
        }
        self.tell(&socket_id, message::signin_success(user_data));
        self.users.entry(user_id).or_default().insert(socket_id);
    }

    fn pass_on(&mut self, sender: &SocketId, name: &ChannelName, event: &str, data: &str) {
        let Some(connection) = self.connections.get(sender) else {
            return;
        };
        if !connection.channels.contains(name) {
            let text = format!("The client event needs a subscription to channel {name}");
            return self.tell(sender, message::error(None, &text));
        }
        let user_id = self.channels.get(name).and_then(|channel| channel.user_of(sender));
        let message = message::event(event, name.as_str(), data, user_id);
        let heard_by = self.hearers(name, Some(sender));
        let socket_id = Some(sender.to_string());
        let passed = Passed { socket_id, heard_by, ..Passed::new(Kind::ClientEvent) };
        self.note_event(passed, name.as_str(), event, data);
        self.tell_channel(name, message, Some(sender));
    }

    fn publish(&mut self, event: &Publication) {
        match &event.target {
            Target::Channel(name) => {
                let heard_by = self.hearers(name, event.except.as_ref());
                let passed = Passed { heard_by, ..Passed::new(Kind::Published) };
                self.note_event(passed, name.as_str(), &event.name, &event.data);
                if self.channels.contains_key(name) {
                    let message = message::event(&event.name, name.as_str(), &event.data, None);
                    self.tell_channel(name, message, event.except.as_ref());
                }
            }
            Target::User(user_id) => {
                let channel = format!("{USER_CHANNEL_PREFIX}{user_id}");
                let message = message::event(&event.name, &channel, &event.data, None);
                let heard_by = self.users.get(user_id).map_or(0, HashSet::len);
                let passed = Passed { heard_by, ..Passed::new(Kind::Published) };
                self.note_event(passed, &channel, &event.name, &event.data);
                let sockets = self.users.get(user_id).into_iter().flatten();
                for socket_id in
                    sockets.filter(|socket_id| Some(*socket_id) != event.except.as_ref())
                {
                    tell(&self.connections, &mut self.doomed, socket_id, message.clone());
                }
            }
        }
    }

    fn occupied(&self, prefix: &str) -> Vec<(ChannelName, Occupancy)> {
        let names = self.channels.keys().filter(|name| name.as_str().starts_with(prefix));
        let names: BTreeSet<&ChannelName> = names.collect();
        names.into_iter().map(|name| (name.clone(), self.channels[name].occupancy())).collect()
    }

    /// How many connections hear an event on a channel.
    fn hearers(&self, name: &ChannelName, except: Option<&SocketId>) -> usize {
        let subscribers = self.channels.get(name).into_iter().flat_map(Channel::subscribers);
        subscribers.filter(|socket_id| Some(*socket_id) != except).count()
    }

    fn note(&mut self, kind: Kind, socket_id: Option<&SocketId>, channel: Option<&ChannelName>) {
        let socket_id = socket_id.map(ToString::to_string);
        let channel = channel.map(ToString::to_string);
        self.tap.note(Passed { socket_id, channel, ..Passed::new(kind) });
    }

    fn note_event(&mut self, passed: Passed, channel: &str, name: &str, data: &str) {
        let (channel, name) = (Some(channel.to_owned()), Some(name.to_owned()));
        self.tap.note(Passed { channel, name, data: Some(data.to_owned()), ..passed });
    }

    fn look(&self, seen: u64) -> Snapshot {
        let view = |(socket_id, connection): (&SocketId, &Connection)| {
            let mut channels: Vec<String> =
                connection.channels.iter().map(ToString::to_string).collect();
            channels.sort();
            let (socket_id, user_id) = (socket_id.to_string(), connection.user_id.clone());
            ConnectionView { socket_id, user_id, channels }
        };
        let mut connections: Vec<ConnectionView> = self.connections.iter().map(view).collect();
        connections.sort_by(|one, other| one.socket_id.cmp(&other.socket_id));
        Snapshot { connections, passed: self.tap.after(seen), last_id: self.tap.last_id() }
    }

    fn terminate(&mut self, user_id: &str) {
        for socket_id in self.users.get(user_id).cloned().unwrap_or_default() {
            self.end(&socket_id, Closing::Terminated);
        }
    }

    fn close_all(&mut self) {
        self.is_closed = true;
        self.channels.clear();
        self.users.clear();
        for (_, connection) in self.connections.drain() {
            // A connection that does not listen has ended by itself.
            let _ = connection.closing.send(Closing::ShuttingDown);
        }
    }

    fn end(&mut self, socket_id: &SocketId, closing: Closing) {
        if let Some(connection) = self.remove(socket_id) {
            let _ = connection.closing.send(closing);
        }
    }

    fn end_the_doomed(&mut self) {
        while let Some(socket_id) = self.doomed.pop() {
            self.end(&socket_id, Closing::SlowConsumer);
        }
    }

    /// Forgets a connection and tells the presence channels that it has left.
    fn remove(&mut self, socket_id: &SocketId) -> Option<Connection> {
        let connection = self.connections.remove(socket_id)?;
        self.note(Kind::Disconnected, Some(socket_id), None);
        for name in &connection.channels {
            self.leave(socket_id, name);
        }
        if let Some(user_id) = &connection.user_id {
            self.forget_user(user_id, socket_id);
        }
        Some(connection)
    }

    fn leave(&mut self, socket_id: &SocketId, name: &ChannelName) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let gone = channel.leave(socket_id);
        if channel.is_empty() {
            self.channels.remove(name);
        } else if let Some(user_id) = gone {
            self.tell_channel(name, message::member_removed(name.as_str(), &user_id), None);
        }
    }

    fn forget_user(&mut self, user_id: &str, socket_id: &SocketId) {
        if let Some(sockets) = self.users.get_mut(user_id) {
            sockets.remove(socket_id);
            if sockets.is_empty() {
                self.users.remove(user_id);
            }
        }
    }

    fn tell(&mut self, socket_id: &SocketId, message: Text) {
        tell(&self.connections, &mut self.doomed, socket_id, message);
    }

    fn tell_channel(&mut self, name: &ChannelName, message: Text, except: Option<&SocketId>) {
        let subscribers = self.channels.get(name).into_iter().flat_map(Channel::subscribers);
        for socket_id in subscribers.filter(|socket_id| Some(*socket_id) != except) {
            tell(&self.connections, &mut self.doomed, socket_id, message.clone());
        }
    }
}

/// Queues a message for a connection; dooms the connection when the queue is full or abandoned.
fn tell(
    connections: &HashMap<SocketId, Connection>,
    doomed: &mut Vec<SocketId>,
    socket_id: &SocketId,
    message: Text,
) {
    let Some(connection) = connections.get(socket_id) else {
        return;
    };
    match connection.outgoing.try_send(message) {
        Ok(()) => {}
        Err(TrySendError::Full(_) | TrySendError::Closed(_)) => doomed.push(socket_id.clone()),
    }
}
