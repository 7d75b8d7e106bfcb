//! Events to publish, checked against the limits of the protocol.

use thiserror::Error;

use crate::pusher::{
    ChannelName, MAX_DATA_BYTES, MAX_EVENT_NAME_BYTES, MAX_USER_ID_BYTES, SocketId,
    USER_CHANNEL_PREFIX,
};

/// A valid event for one target.
#[derive(Debug)]
pub struct Publication {
    pub name: String,
    pub target: Target,
    pub data: String,
    /// The connection that does not receive the event.
    pub except: Option<SocketId>,
}

/// The recipients of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The subscribers of a channel.
    Channel(ChannelName),
    /// The connections that have signed in as this user.
    User(String),
}

/// An event as a backend sends it, not yet checked.
pub struct PublishRequest {
    pub name: String,
    pub data: String,
    pub channels: Vec<String>,
    pub socket_id: Option<String>,
}

/// Why an event is not published. The texts are for its sender, in the words of the hosted service.
#[derive(Debug, Error)]
pub enum PublishError {
    #[error("{0}")]
    Malformed(String),
    #[error("The data content of this event exceeds the allowed maximum ({MAX_DATA_BYTES} bytes)")]
    TooLarge,
}

impl PublishRequest {
    /// Checks the event and turns it into one publication per channel.
    pub fn into_publications(self, max_channels: usize) -> Result<Vec<Publication>, PublishError> {
        let malformed = |text: String| Err(PublishError::Malformed(text));
        let Self { name, data, channels, socket_id } = self;
        if name.is_empty() || name.len() > MAX_EVENT_NAME_BYTES {
            return malformed(format!("An event name must have 1 to {MAX_EVENT_NAME_BYTES} bytes"));
        }
        if data.len() > MAX_DATA_BYTES {
            return Err(PublishError::TooLarge);
        }
        let except = match socket_id.as_deref().map(SocketId::parse).transpose() {
            Ok(except) => except,
            Err(error) => return malformed(format!("Invalid socket_id: {error}")),
        };
        if channels.is_empty() || channels.len() > max_channels {
            return malformed(format!("This event must name 1 to {max_channels} channels"));
        }
        let publication = |channel: String| {
            let target = Target::parse(&channel)?;
            let (name, data, except) = (name.clone(), data.clone(), except.clone());
            Ok(Publication { name, target, data, except })
        };
        channels.into_iter().map(publication).collect()
    }
}

impl Target {
    fn parse(channel: &str) -> Result<Self, PublishError> {
        match channel.strip_prefix(USER_CHANNEL_PREFIX) {
            Some(user_id) if !user_id.is_empty() && user_id.len() <= MAX_USER_ID_BYTES => {
                Ok(Self::User(user_id.to_owned()))
            }
            _ => Ok(Self::Channel(parse_channel(channel)?)),
        }
    }
}

pub fn parse_channel(name: &str) -> Result<ChannelName, PublishError> {
    ChannelName::parse(name)
        .map_err(|error| PublishError::Malformed(format!("Invalid channel name: {error}")))
}
