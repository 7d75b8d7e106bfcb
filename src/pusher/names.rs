//! Names from untrusted sources: socket ids and channel names.
//!
//! Both are checked byte by byte, because both become part of strings that are signed with the
//! app's secret: a colon or a line feed in one of them would let a client choose what is signed. A
//! value of these types therefore never contains `:`, white space or anything outside ASCII.
//!
//! Whether a user may subscribe to a channel is not decided here.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::limits::{MAX_CHANNEL_NAME_BYTES, MAX_SOCKET_ID_BYTES};

/// Prefix of the channel that reaches the signed-in connections of one user; the user's id follows.
/// `#` is reserved: [`ChannelName`] rejects it.
pub const USER_CHANNEL_PREFIX: &str = "#server-to-user-";

/// Whether the data of events on this channel is encrypted, which its name determines.
pub fn is_encrypted(channel: &str) -> bool {
    channel.starts_with("private-encrypted-")
}

/// The id of one WebSocket connection: digits, a full stop, digits.
///
/// Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SocketId(Arc<str>);

/// The text is not a socket id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a socket id is digits, a full stop and digits, at most 64 bytes")]
pub struct InvalidSocketId;

impl SocketId {
    /// Accepts ASCII `[0-9]+\.[0-9]+` of at most [`MAX_SOCKET_ID_BYTES`].
    pub fn parse(text: &str) -> Result<Self, InvalidSocketId> {
        let (first, second) = text.split_once('.').ok_or(InvalidSocketId)?;
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if text.len() <= MAX_SOCKET_ID_BYTES && is_number(first) && is_number(second) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidSocketId)
        }
    }

    /// A new id of two random numbers. It may be in use.
    pub(crate) fn random() -> Self {
        let (first, second): (u32, u32) = rand::random();
        Self(format!("{first}.{second}").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({})", self.0)
    }
}

/// A well-formed channel name: `[A-Za-z0-9_\-=@,.;]`, 1 to 200 bytes.
///
/// Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// The text is not a channel name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidChannelName {
    #[error("a channel name has 1 to 200 bytes")]
    Length,
    #[error("a channel name consists of letters, digits and _-=@,.;")]
    Character,
}

/// What a channel requires of its subscribers, which its name determines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// Anyone may subscribe.
    Public,
    /// `private-…`: subscriptions are signed by the backend.
    Private,
    /// `private-encrypted-…`: as private, and the provider cannot read the data.
    Encrypted,
    /// `presence-…`: the signature also covers the identity of the subscriber.
    Presence,
}

impl ChannelName {
    /// Accepts names of allowed characters. Reserved names, which start with `#`, are rejected.
    pub fn parse(text: &str) -> Result<Self, InvalidChannelName> {
        if text.is_empty() || text.len() > MAX_CHANNEL_NAME_BYTES {
            return Err(InvalidChannelName::Length);
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-=@,.;".contains(&b)) {
            return Err(InvalidChannelName::Character);
        }
        Ok(Self(text.into()))
    }

    pub fn kind(&self) -> ChannelKind {
        if is_encrypted(&self.0) {
            ChannelKind::Encrypted
        } else if self.0.starts_with("private-") {
            ChannelKind::Private
        } else if self.0.starts_with("presence-") {
            ChannelKind::Presence
        } else {
            ChannelKind::Public
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelName({})", self.0)
    }
}
