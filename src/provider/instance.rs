//! A running provider, as the rest of the program sees it.

use std::sync::Arc;

use super::hub::{self, HubCommand, HubHandle, HubStopped};
use super::limits::Limits;
use super::publication::PublishRequest;
use super::trace::Snapshot;
use crate::pusher::Credentials;

/// A handle to a running provider for one app. Clones refer to the same provider.
#[derive(Debug, Clone)]
pub struct Provider {
    pub(super) credentials: Arc<Credentials>,
    pub(super) limits: Limits,
    pub(super) hub: HubHandle,
}

impl Provider {
    /// Starts the task that owns the connections. It ends when the last handle is dropped.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(credentials: Credentials, limits: Limits) -> Self {
        Self { credentials: Arc::new(credentials), limits, hub: hub::start(limits) }
    }

    /// The open connections and the trace entries after the entry `after` (0: all that are kept).
    /// `None` if the provider has stopped.
    pub async fn snapshot(&self, after: u64) -> Option<Snapshot> {
        self.hub.request(|reply| HubCommand::Snapshot { after, reply }).await.ok()
    }

    /// Hides these channels from the trace, and no others.
    pub async fn hide(&self, channels: impl IntoIterator<Item = String>) {
        let channels = channels.into_iter().collect();
        // If the hub has stopped, there is no trace.
        let _: Result<(), HubStopped> = self.hub.send(HubCommand::Hide { channels }).await;
    }

    /// Publishes an event as a backend would, but without a signed request.
    ///
    /// # Errors
    /// The message that a backend would receive.
    pub async fn publish(&self, channel: &str, name: &str, data: &str) -> Result<(), String> {
        let request = PublishRequest {
            name: name.to_owned(),
            data: data.to_owned(),
            channels: vec![channel.to_owned()],
            socket_id: None,
        };
        let events = request.into_publications(1).map_err(|error| error.to_string())?;
        let published = self.hub.request(|reply| HubCommand::Publish { events, reply }).await;
        published.map_err(|HubStopped| "The provider has stopped".to_owned())
    }

    /// Closes all connections with 4100, which makes clients reconnect about a second later, and
    /// refuses new ones with the same code. Returns when all connections have been notified; they
    /// close within about a second.
    pub async fn close_all(&self) {
        // If the hub has stopped, there are no connections.
        let _: Result<(), HubStopped> = self.hub.request(HubCommand::CloseAll).await;
    }
}
