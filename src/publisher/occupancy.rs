//! Who listens, as the provider tells when it is asked: where events that nobody can hear are not
//! sent, webhooks keep the table of occupied channels, and a list now and then puts right what they
//! missed. Without a list that is fresh enough everything is sent.

use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use futures_util::future::{BoxFuture, FusedFuture, FutureExt};

use super::outbox::worker::Skip;
use super::{Publisher, Sink};
use crate::pusher::Outcome;
use crate::store;

/// The provider's list, and when it was asked for.
pub type List = (Result<Vec<String>, Outcome>, NaiveDateTime);
pub type Listing = futures_util::future::Fuse<BoxFuture<'static, List>>;

pub struct Listeners {
    refresh: Duration,
    next: Instant,
    /// When the last list was written down.
    listed_at: Option<Instant>,
    /// A list that is not written down yet.
    pub unwritten: Option<(Vec<String>, NaiveDateTime)>,
}

impl Listeners {
    pub fn new(refresh: Duration) -> Self {
        Self { refresh, next: Instant::now(), listed_at: None, unwritten: None }
    }

    /// The list that was handed to the clerk is in the database.
    pub fn written(&mut self, now: Instant) {
        self.listed_at = Some(now);
    }

    /// A list is believed for twice the time in which the next one should come.
    fn skip(&self, now: Instant) -> Skip {
        match self.listed_at {
            Some(at) if now < at + self.refresh * 2 => Skip::Unheard,
            _ => Skip::Nothing,
        }
    }
}

impl Publisher {
    /// Asks for the list when it is time.
    pub(super) fn next_listing(&mut self, under_way: &Listing, now: Instant) -> Option<Listing> {
        if !self.has_role(now) {
            return None;
        }
        let (Some(listeners), Sink::Provider(client)) = (&mut self.listeners, &self.sink) else {
            return None;
        };
        if now < listeners.next || !under_way.is_terminated() {
            return None;
        }
        listeners.next = now + listeners.refresh;
        let client = client.clone();
        let ask = async move {
            let asked_at = store::now();
            (client.channels().await, asked_at)
        };
        Some(ask.boxed().fuse())
    }

    /// The list has come, or has not.
    pub(super) fn listed(&mut self, (list, asked_at): List) {
        let Some(listeners) = &mut self.listeners else { return };
        match list {
            Ok(channels) => {
                listeners.unwritten = Some((channels, asked_at));
            }
            Err(outcome) => {
                tracing::warn!(?outcome, "the provider does not tell its occupied channels");
            }
        }
    }

    /// Whether what nobody can hear is skipped now.
    pub(super) fn skip(&self, now: Instant) -> Skip {
        self.listeners.as_ref().map_or(Skip::Nothing, |listeners| listeners.skip(now))
    }
}
