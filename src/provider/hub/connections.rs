//! The open connections and the users that have signed in on them.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::command::ConnectionLink;
use crate::provider::close_code::CloseCode;
use crate::provider::message::Text;
use crate::provider::trace::ConnectionView;
use crate::pusher::{ChannelName, SocketId};

#[derive(Default)]
pub struct Connections {
    by_id: HashMap<SocketId, Connection>,
    /// The connections of each signed-in user.
    by_user: HashMap<String, HashSet<SocketId>>,
    /// The number of connections of each address that has any.
    by_address: HashMap<IpAddr, usize>,
    /// Connections whose queue was full or closed when a message was sent to them.
    to_close: Vec<SocketId>,
}

pub struct Connection {
    pub channels: HashSet<ChannelName>,
    user_id: Option<String>,
    link: ConnectionLink,
}

impl Connection {
    /// Tells the task of the connection to close it. If the task has ended, nothing is left to do.
    pub fn close(self, code: CloseCode) {
        let _ = self.link.close.send(code);
    }
}

impl Connections {
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The number of connections of an address. 0 if the address is unknown.
    pub fn count_at(&self, address: Option<IpAddr>) -> usize {
        address.and_then(|address| self.by_address.get(&address)).copied().unwrap_or(0)
    }

    pub fn get_mut(&mut self, socket_id: &SocketId) -> Option<&mut Connection> {
        self.by_id.get_mut(socket_id)
    }

    /// Adds a connection and returns its new id.
    pub fn add(&mut self, link: ConnectionLink) -> SocketId {
        let mut socket_id = SocketId::random();
        while self.by_id.contains_key(&socket_id) {
            socket_id = SocketId::random();
        }
        if let Some(address) = link.address {
            *self.by_address.entry(address).or_default() += 1;
        }
        let connection = Connection { channels: HashSet::new(), user_id: None, link };
        self.by_id.insert(socket_id.clone(), connection);
        socket_id
    }

    pub fn remove(&mut self, socket_id: &SocketId) -> Option<Connection> {
        let connection = self.by_id.remove(socket_id)?;
        if let Some(user_id) = &connection.user_id {
            self.remove_user(user_id, socket_id);
        }
        if let Some(address) = connection.link.address {
            self.remove_address(address);
        }
        Some(connection)
    }

    /// Removes all connections.
    pub fn drain(&mut self) -> impl Iterator<Item = Connection> {
        self.by_user.clear();
        self.by_address.clear();
        self.by_id.drain().map(|(_, connection)| connection)
    }

    /// Records the user of a connection, in place of an earlier one. False if there is no such
    /// connection.
    pub fn sign_in(&mut self, socket_id: &SocketId, user_id: String) -> bool {
        let Some(connection) = self.by_id.get_mut(socket_id) else { return false };
        if let Some(earlier) = connection.user_id.replace(user_id.clone()) {
            self.remove_user(&earlier, socket_id);
        }
        self.by_user.entry(user_id).or_default().insert(socket_id.clone());
        true
    }

    /// The connections that have signed in as this user.
    pub fn of_user(&self, user_id: &str) -> Vec<SocketId> {
        self.by_user.get(user_id).into_iter().flatten().cloned().collect()
    }

    /// Queues a message. If the queue is full or closed, the connection will be closed.
    pub fn send(&mut self, socket_id: &SocketId, message: Text) {
        let Some(connection) = self.by_id.get(socket_id) else { return };
        if connection.link.outgoing.try_send(message).is_err() {
            self.to_close.push(socket_id.clone());
        }
    }

    /// The next connection that has to be closed because it does not read its messages.
    pub fn next_to_close(&mut self) -> Option<SocketId> {
        self.to_close.pop()
    }

    /// All connections, by id.
    pub fn views(&self) -> Vec<ConnectionView> {
        let view = |(socket_id, connection): (&SocketId, &Connection)| {
            let mut channels: Vec<String> =
                connection.channels.iter().map(ToString::to_string).collect();
            channels.sort();
            let (socket_id, user_id) = (socket_id.to_string(), connection.user_id.clone());
            ConnectionView { socket_id, user_id, channels }
        };
        let mut views: Vec<ConnectionView> = self.by_id.iter().map(view).collect();
        views.sort_by(|one, other| one.socket_id.cmp(&other.socket_id));
        views
    }

    fn remove_address(&mut self, address: IpAddr) {
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }

    fn remove_user(&mut self, user_id: &str, socket_id: &SocketId) {
        if let Some(sockets) = self.by_user.get_mut(user_id) {
            sockets.remove(socket_id);
            if sockets.is_empty() {
                self.by_user.remove(user_id);
            }
        }
    }
}
