//! The owner of all connections and channels: one task that takes commands.
//!
//! The hub never waits for a connection. Each connection has a bounded queue; when it is full, the
//! connection is closed. Because one task handles the commands one after the other and the queues
//! keep their order, every connection receives events in the order in which they were published.
//!
//! Signatures are verified by the senders of commands.

mod channels;
mod command;
mod connections;

use super::close_code::CloseCode;
use super::limits::Limits;
use super::message::{self, Member, Text};
use super::publication::{Publication, Target};
use super::trace::{EntryKind, EventTrace, Snapshot, TraceEntry};
use crate::pusher::{ChannelName, SocketId, USER_CHANNEL_PREFIX};
use channels::{Channel, Channels};
use connections::{Connection, Connections};

pub use channels::Occupancy;
pub use command::{ConnectionLink, HubCommand, HubHandle, HubStopped};

/// Starts a hub on the current runtime. It ends when its last handle is dropped.
pub fn start(limits: Limits) -> HubHandle {
    let (handle, mut receiver) = HubHandle::new();
    let mut hub = Hub { limits, ..Hub::default() };
    tokio::spawn(async move {
        while let Some(command) = receiver.recv().await {
            hub.handle(command);
            hub.close_slow_connections();
        }
    });
    handle
}

#[derive(Default)]
struct Hub {
    limits: Limits,
    connections: Connections,
    channels: Channels,
    trace: EventTrace,
    is_closed: bool,
}

impl Hub {
    fn handle(&mut self, command: HubCommand) {
        // A reply is discarded if its receiver is gone.
        match command {
            HubCommand::Connect { link, reply } => {
                if let Err(Ok(socket_id)) = reply.send(self.connect(link)) {
                    self.disconnect(&socket_id);
                }
            }
            HubCommand::Disconnect { socket_id } => drop(self.disconnect(&socket_id)),
            HubCommand::Subscribe { socket_id, channel, member } => {
                self.subscribe(&socket_id, channel, member);
            }
            HubCommand::Unsubscribe { socket_id, channel } => {
                self.unsubscribe(&socket_id, &channel)
            }
            HubCommand::SignIn { socket_id, user_id, user_data } => {
                if self.connections.sign_in(&socket_id, user_id) {
                    self.connections.send(&socket_id, message::signin_success(&user_data));
                }
            }
            HubCommand::ClientEvent { socket_id, channel, name, data } => {
                self.client_event(&socket_id, &channel, &name, &data);
            }
            HubCommand::Publish { events, reply } => {
                events.iter().for_each(|event| self.publish(event));
                let _ = reply.send(());
            }
            HubCommand::Channels { prefix, reply } => {
                let _ = reply.send(self.channels.occupied(&prefix));
            }
            HubCommand::Occupancy { channel, reply } => {
                let _ = reply.send(self.channels.get(&channel).map(Channel::occupancy));
            }
            HubCommand::Users { channel, reply } => {
                let users = self.channels.get(&channel).into_iter().flat_map(Channel::users);
                let _ = reply.send(users.map(|(user_id, _)| user_id.to_owned()).collect());
            }
            HubCommand::Terminate { user_id, reply } => {
                for socket_id in self.connections.of_user(&user_id) {
                    self.close(&socket_id, CloseCode::Terminated);
                }
                let _ = reply.send(());
            }
            HubCommand::Hide { channels } => self.trace.hide(channels),
            HubCommand::Snapshot { after, reply } => {
                let _ = reply.send(self.snapshot(after));
            }
            HubCommand::CloseAll(reply) => {
                self.close_all();
                let _ = reply.send(());
            }
        }
    }

    fn connect(&mut self, link: ConnectionLink) -> Result<SocketId, CloseCode> {
        if self.is_closed {
            return Err(CloseCode::ShuttingDown);
        }
        if self.connections.len() >= self.limits.connections {
            return Err(CloseCode::OverCapacity);
        }
        if self.connections.count_at(link.address) >= self.limits.connections_per_address {
            return Err(CloseCode::TooManyConnections);
        }
        let socket_id = self.connections.add(link);
        self.record(EntryKind::Connected, &socket_id, None);
        let timeout_s = self.limits.activity_timeout.as_secs().max(1);
        self.connections.send(&socket_id, message::connection_established(&socket_id, timeout_s));
        Ok(socket_id)
    }

    fn subscribe(&mut self, socket_id: &SocketId, name: ChannelName, member: Option<Member>) {
        let Some(connection) = self.connections.get_mut(socket_id) else { return };
        if connection.channels.contains(&name) {
            let text = format!("Existing subscription to channel {name}");
            return self.connections.send(socket_id, message::error(None, &text));
        }
        let has_all_subscriptions =
            connection.channels.len() >= self.limits.subscriptions_per_connection;
        let channel = self.channels.get(&name);
        let is_full = channel
            .zip(member.as_ref())
            .is_some_and(|(channel, member)| channel.is_full_for(member));
        if has_all_subscriptions || is_full {
            let text = if is_full {
                "The presence channel has the maximum number of members"
            } else {
                "The connection has the maximum number of subscriptions"
            };
            let error = message::subscription_error(name.as_str(), "LimitReached", 4004, text);
            return self.connections.send(socket_id, error);
        }
        connection.channels.insert(name.clone());
        self.record(EntryKind::Subscribed, socket_id, Some(&name));
        let (channel, is_first) =
            self.channels.join(name.clone(), socket_id.clone(), member.as_ref());
        let Some(member) = member else {
            let succeeded = message::subscription_succeeded(name.as_str());
            return self.connections.send(socket_id, succeeded);
        };
        let succeeded = message::presence_succeeded(name.as_str(), channel.users());
        self.connections.send(socket_id, succeeded);
        if is_first {
            let added = message::member_added(name.as_str(), &member);
            self.send_to_channel(&name, &added, Some(socket_id));
        }
    }

    fn unsubscribe(&mut self, socket_id: &SocketId, name: &ChannelName) {
        if let Some(connection) = self.connections.get_mut(socket_id)
            && connection.channels.remove(name)
        {
            self.record(EntryKind::Unsubscribed, socket_id, Some(name));
            self.leave(socket_id, name);
        }
    }

    fn client_event(&mut self, sender: &SocketId, name: &ChannelName, event: &str, data: &str) {
        let Some(connection) = self.connections.get_mut(sender) else { return };
        if !connection.channels.contains(name) {
            let text = format!("The client event needs a subscription to channel {name}");
            return self.connections.send(sender, message::error(None, &text));
        }
        let user_id = self.channels.get(name).and_then(|channel| channel.user_of(sender));
        let message = message::event(event, name.as_str(), data, user_id);
        let recipients = self.send_to_channel(name, &message, Some(sender));
        let socket_id = Some(sender.to_string());
        let entry = TraceEntry { socket_id, recipients, ..TraceEntry::new(EntryKind::ClientEvent) };
        self.record_event(entry, name.as_str(), event, data);
    }

    fn publish(&mut self, event: &Publication) {
        let Publication { name, target, data, except } = event;
        let (channel, recipients) = match target {
            Target::Channel(channel) => {
                let message = message::event(name, channel.as_str(), data, None);
                let recipients = self.send_to_channel(channel, &message, except.as_ref());
                (channel.to_string(), recipients)
            }
            Target::User(user_id) => {
                let channel = format!("{USER_CHANNEL_PREFIX}{user_id}");
                let message = message::event(name, &channel, data, None);
                let mut sockets = self.connections.of_user(user_id);
                sockets.retain(|socket_id| Some(socket_id) != except.as_ref());
                sockets.iter().for_each(|id| self.connections.send(id, message.clone()));
                (channel, sockets.len())
            }
        };
        let entry = TraceEntry { recipients, ..TraceEntry::new(EntryKind::Published) };
        self.record_event(entry, &channel, name, data);
    }

    /// Sends a message to the subscribers of a channel and returns their number.
    fn send_to_channel(
        &mut self,
        name: &ChannelName,
        message: &Text,
        except: Option<&SocketId>,
    ) -> usize {
        let mut recipients = 0;
        for socket_id in self.channels.recipients(name, except) {
            self.connections.send(socket_id, message.clone());
            recipients += 1;
        }
        recipients
    }

    fn snapshot(&self, after: u64) -> Snapshot {
        Snapshot {
            connections: self.connections.views(),
            entries: self.trace.after(after),
            last_id: self.trace.last_id(),
        }
    }

    fn record(&mut self, kind: EntryKind, socket_id: &SocketId, channel: Option<&ChannelName>) {
        let socket_id = Some(socket_id.to_string());
        let channel = channel.map(ToString::to_string);
        self.trace.record(TraceEntry { socket_id, channel, ..TraceEntry::new(kind) });
    }

    fn record_event(&mut self, entry: TraceEntry, channel: &str, name: &str, data: &str) {
        let (channel, name) = (Some(channel.to_owned()), Some(name.to_owned()));
        self.trace.record(TraceEntry { channel, name, data: Some(data.to_owned()), ..entry });
    }

    fn close_all(&mut self) {
        self.is_closed = true;
        self.channels.clear();
        self.connections.drain().for_each(|connection| connection.close(CloseCode::ShuttingDown));
    }

    fn close(&mut self, socket_id: &SocketId, code: CloseCode) {
        if let Some(connection) = self.disconnect(socket_id) {
            connection.close(code);
        }
    }

    /// Closing a connection sends messages to presence channels, which may add further ones.
    fn close_slow_connections(&mut self) {
        while let Some(socket_id) = self.connections.next_to_close() {
            self.close(&socket_id, CloseCode::SlowConsumer);
        }
    }

    /// Removes a connection and its subscriptions.
    fn disconnect(&mut self, socket_id: &SocketId) -> Option<Connection> {
        let connection = self.connections.remove(socket_id)?;
        self.record(EntryKind::Disconnected, socket_id, None);
        for name in &connection.channels {
            self.leave(socket_id, name);
        }
        Some(connection)
    }

    fn leave(&mut self, socket_id: &SocketId, name: &ChannelName) {
        if let Some(user_id) = self.channels.leave(name, socket_id) {
            let removed = message::member_removed(name.as_str(), &user_id);
            self.send_to_channel(name, &removed, None);
        }
    }
}
