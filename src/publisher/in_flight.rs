//! The requests to the provider that are in flight: any number with events, at most one for a
//! diagnosis and at most one for the list of channels.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, Fuse, FusedFuture, FutureExt};
use futures_util::stream::FuturesUnordered;

use super::delivery::{Request, request};
use super::outbox::worker::ChannelList;
use crate::pusher::{Client, Diagnosis, Outcome};
use crate::store;

/// Futures that are polled by [`Self::next`].
pub struct InFlight {
    events: FuturesUnordered<BoxFuture<'static, (Request, Outcome)>>,
    diagnosis: Fuse<BoxFuture<'static, Result<(), Diagnosis>>>,
    channels: Fuse<BoxFuture<'static, Result<ChannelList, Outcome>>>,
}

/// A request that has ended, with its result.
#[derive(Debug)]
pub enum Completed {
    Events(Request, Outcome),
    /// Whether the provider accepts our requests.
    Diagnosis(Result<(), Diagnosis>),
    Channels(Result<ChannelList, Outcome>),
}

impl InFlight {
    /// Without requests.
    pub fn new() -> Self {
        let events = FuturesUnordered::new();
        Self { events, diagnosis: Fuse::terminated(), channels: Fuse::terminated() }
    }

    /// Sends a request with events.
    pub fn send(&mut self, client: &Arc<Client>, request: Request) {
        let client = client.clone();
        self.events.push(Box::pin(async move {
            let outcome = request::send(&client, &request.events).await;
            (request, outcome)
        }));
    }

    /// Whether a request with events is in flight.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub fn is_diagnosing(&self) -> bool {
        !self.diagnosis.is_terminated()
    }

    /// Asks the provider whether it accepts our requests. Replaces a diagnosis that is in flight.
    pub fn diagnose(&mut self, client: &Arc<Client>) {
        let client = client.clone();
        self.diagnosis = async move { client.diagnose().await }.boxed().fuse();
    }

    pub fn is_listing_channels(&self) -> bool {
        !self.channels.is_terminated()
    }

    /// Requests the list of occupied channels. Replaces such a request that is in flight.
    pub fn list_channels(&mut self, client: &Arc<Client>) {
        let client = client.clone();
        let list = async move {
            let requested_at = store::now();
            let channels = client.channels().await?;
            Ok(ChannelList { channels, requested_at })
        };
        self.channels = list.boxed().fuse();
    }

    /// Waits until any request has ended; forever if there is none. May be dropped and called
    /// again.
    pub async fn next(&mut self) -> Completed {
        tokio::select! {
            Some((request, outcome)) = self.events.next() => Completed::Events(request, outcome),
            diagnosis = &mut self.diagnosis => Completed::Diagnosis(diagnosis),
            channels = &mut self.channels => Completed::Channels(channels),
        }
    }
}
