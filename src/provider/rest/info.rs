//! The attributes of a channel that a request asks for with `info`.

use serde_json::{Map, Value};

use crate::provider::hub::{HubCommand, HubStopped, Occupancy};
use crate::provider::instance::Provider;
use crate::pusher::{ChannelKind, ChannelName};

/// The requested attributes.
#[derive(Clone, Copy, Default)]
pub struct Info {
    pub user_count: bool,
    pub subscription_count: bool,
}

impl Info {
    /// Parses a list such as `user_count,subscription_count`. Other words are ignored.
    pub fn parse(text: &str) -> Self {
        let contains = |attribute| text.split(',').any(|name| name.trim() == attribute);
        Self {
            user_count: contains("user_count"),
            subscription_count: contains("subscription_count"),
        }
    }

    pub fn is_empty(&self) -> bool {
        !self.user_count && !self.subscription_count
    }

    /// The requested attributes of a channel. Only presence channels have a `user_count`.
    pub fn select(self, name: &ChannelName, occupancy: Occupancy) -> Map<String, Value> {
        let mut selected = Map::new();
        if self.user_count && name.kind() == ChannelKind::Presence {
            selected.insert("user_count".to_owned(), occupancy.user_count.into());
        }
        if self.subscription_count {
            let count = occupancy.subscription_count.into();
            selected.insert("subscription_count".to_owned(), count);
        }
        selected
    }

    /// The requested attributes of a channel as it is now.
    pub async fn fetch(
        self,
        provider: &Provider,
        name: &ChannelName,
    ) -> Result<Map<String, Value>, HubStopped> {
        let channel = name.clone();
        let occupancy =
            provider.hub.request(|reply| HubCommand::Occupancy { channel, reply }).await?;
        Ok(self.select(name, occupancy.unwrap_or_default()))
    }
}
