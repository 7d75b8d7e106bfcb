//! The occupied channels, their subscribers, and the users on presence channels.
//!
//! A user with several connections is one member: present from the first to the last of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::provider::message::Member;
use crate::pusher::{ChannelName, MAX_PRESENCE_MEMBERS, SocketId};

/// All channels that have subscribers.
#[derive(Default)]
pub struct Channels(HashMap<ChannelName, Channel>);

/// One channel with at least one subscriber.
#[derive(Default)]
pub struct Channel {
    /// Each subscribed connection, with its user's id on a presence channel.
    subscribers: HashMap<SocketId, Option<String>>,
    users: BTreeMap<String, Presence>,
}

/// One user on a presence channel.
struct Presence {
    user_info: Value,
    connections: usize,
}

/// The numbers of users and subscriptions of a channel, as REST requests ask for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occupancy {
    pub user_count: usize,
    pub subscription_count: usize,
}

impl Channels {
    pub fn get(&self, name: &ChannelName) -> Option<&Channel> {
        self.0.get(name)
    }

    /// Adds a connection that is not yet subscribed. Returns the channel, and whether this is the
    /// first connection of the member.
    pub fn join(
        &mut self,
        name: ChannelName,
        socket_id: SocketId,
        member: Option<&Member>,
    ) -> (&Channel, bool) {
        let channel = self.0.entry(name).or_default();
        let is_first = channel.join(socket_id, member);
        (channel, is_first)
    }

    /// Removes a connection. Returns the id of its user if this was the user's last connection.
    pub fn leave(&mut self, name: &ChannelName, socket_id: &SocketId) -> Option<String> {
        let channel = self.0.get_mut(name)?;
        let user_id = channel.leave(socket_id);
        if channel.subscribers.is_empty() {
            self.0.remove(name);
        }
        user_id
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The subscribers of a channel, without one of them.
    pub fn recipients<'a>(
        &'a self,
        name: &ChannelName,
        except: Option<&'a SocketId>,
    ) -> impl Iterator<Item = &'a SocketId> {
        let subscribers = self.0.get(name).into_iter().flat_map(|channel| &channel.subscribers);
        subscribers.map(|(socket_id, _)| socket_id).filter(move |id| Some(*id) != except)
    }

    /// The channels whose names have a prefix, sorted.
    pub fn occupied(&self, prefix: &str) -> Vec<(ChannelName, Occupancy)> {
        let names = self.0.keys().filter(|name| name.as_str().starts_with(prefix));
        let names: BTreeSet<&ChannelName> = names.collect();
        names.into_iter().map(|name| (name.clone(), self.0[name].occupancy())).collect()
    }
}

impl Channel {
    /// Whether this member would exceed the maximum number of users.
    pub fn is_full_for(&self, member: &Member) -> bool {
        self.users.len() >= MAX_PRESENCE_MEMBERS && !self.users.contains_key(&member.user_id)
    }

    /// The id of the user behind a connection that is subscribed to a presence channel.
    pub fn user_of(&self, socket_id: &SocketId) -> Option<&str> {
        self.subscribers.get(socket_id)?.as_deref()
    }

    /// The users on the channel, by id.
    pub fn users(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.users.iter().map(|(user_id, presence)| (user_id.as_str(), &presence.user_info))
    }

    pub fn occupancy(&self) -> Occupancy {
        Occupancy { user_count: self.users.len(), subscription_count: self.subscribers.len() }
    }

    fn join(&mut self, socket_id: SocketId, member: Option<&Member>) -> bool {
        let user_id = member.map(|member| member.user_id.clone());
        self.subscribers.insert(socket_id, user_id);
        let Some(member) = member else { return false };
        let presence = self
            .users
            .entry(member.user_id.clone())
            .or_insert_with(|| Presence { user_info: member.user_info.clone(), connections: 0 });
        presence.connections += 1;
        presence.connections == 1
    }

    fn leave(&mut self, socket_id: &SocketId) -> Option<String> {
        let user_id = self.subscribers.remove(socket_id)??;
        let presence = self.users.get_mut(&user_id)?;
        presence.connections -= 1;
        if presence.connections > 0 {
            return None;
        }
        self.users.remove(&user_id);
        Some(user_id)
    }
}
