//! One channel with subscribers: who hears it and, on a presence channel, which users are there.
//!
//! A user with several connections is one member: present from the first to the last of them.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::message::Member;
use crate::pusher::{MAX_PRESENCE_MEMBERS, SocketId};

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

/// What REST calls may ask about a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occupancy {
    pub user_count: usize,
    pub subscription_count: usize,
}

impl Channel {
    /// Whether this member would be one user too many.
    pub fn is_full_for(&self, member: &Member) -> bool {
        self.users.len() >= MAX_PRESENCE_MEMBERS && !self.users.contains_key(&member.user_id)
    }

    /// Adds a connection that is not yet subscribed; says whether its user has just come.
    pub fn join(&mut self, socket_id: SocketId, member: Option<&Member>) -> bool {
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

    /// Removes a connection; gives the id of its user when that user has just gone.
    pub fn leave(&mut self, socket_id: &SocketId) -> Option<String> {
        let user_id = self.subscribers.remove(socket_id)??;
        let presence = self.users.get_mut(&user_id)?;
        presence.connections -= 1;
        if presence.connections > 0 {
            return None;
        }
        self.users.remove(&user_id);
        Some(user_id)
    }

    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    pub fn subscribers(&self) -> impl Iterator<Item = &SocketId> {
        self.subscribers.keys()
    }

    /// The id of the user behind a subscribed connection of a presence channel.
    pub fn user_of(&self, socket_id: &SocketId) -> Option<&str> {
        self.subscribers.get(socket_id)?.as_deref()
    }

    /// The users that are here, by id.
    pub fn users(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.users.iter().map(|(user_id, presence)| (user_id.as_str(), &presence.user_info))
    }

    pub fn occupancy(&self) -> Occupancy {
        Occupancy { user_count: self.users.len(), subscription_count: self.subscribers.len() }
    }
}
