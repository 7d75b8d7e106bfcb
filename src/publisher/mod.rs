//! From the outbox to the provider. Guarantees:
//!
//! - at least once: an event is deleted after the provider has accepted it, never before;
//! - in order per channel: one process publishes at a time (a lease), from the head, and what fails
//!   is tried again before what comes after it;
//! - an order never waits for it: nothing is sent with a transaction open, and a dead provider
//!   costs rows in the outbox, nothing else.
//!
//! It is woken by the commit that wrote an event, and looks by itself as a fallback. The
//! destination has one back-off, not each event.

mod backoff;
mod connection;
mod delivery;
mod lease;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::Rng;
use tokio::sync::{Notify, watch};

use crate::config;
use crate::pusher::Client;
use crate::store::outbox::{self, Event};
use crate::store::{Store, StoreError, now};
use backoff::Backoff;
use connection::Connection;
use delivery::{Page, Stop};
use lease::Lease;

/// Waiting after the database could not be reached.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// Where events go.
pub enum Sink {
    Provider(Box<Client>),
    /// Into the log, for development.
    Log,
    Nowhere,
}

/// The publisher of one process.
pub struct Publisher {
    connection: Connection,
    sink: Sink,
    settings: config::Publisher,
    wake: Arc<Notify>,
    lease: Lease,
    backoff: Backoff,
    /// The provider's last refusal, so that it is logged once and not at every attempt.
    complaint: Option<Stop>,
}

/// What to do after a round.
enum Next {
    /// There may be more.
    Again,
    /// Nothing waits: until somebody wakes us.
    Idle,
    /// Something is wrong, or the role is another process's.
    Pause(Duration),
}

impl Publisher {
    pub fn new(store: Store, sink: Sink, settings: config::Publisher, wake: Arc<Notify>) -> Self {
        Self {
            connection: Connection::new(store),
            sink,
            wake,
            lease: Lease::new(Duration::from_millis(settings.lease_ms)),
            backoff: Backoff::new(&settings),
            settings,
            complaint: None,
        }
    }

    /// Publishes until `stop` turns true, then until the outbox is empty, something fails or the
    /// future is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let poll = Duration::from_millis(self.settings.poll_ms);
        let wake = self.wake.clone();
        loop {
            let stopping = *stop.borrow();
            match self.round().await {
                Next::Again => {}
                _ if stopping => break,
                Next::Idle => tokio::select! {
                    () = tokio::time::sleep(poll) => {}
                    () = wake.notified() => {}
                    _ = stop.changed() => {}
                },
                Next::Pause(wait) => tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = stop.changed() => {}
                },
            }
        }
        if let Err(error) = self.lease.release(&mut self.connection).await {
            tracing::warn!(%error, "the publisher's lease was not given back");
        }
    }

    /// One page, if this process has the role.
    async fn round(&mut self) -> Next {
        let mut outcome = self.try_round().await;
        if let Err(StoreError::Unavailable(cause)) = &outcome {
            // It may have been cut while nobody used it; another one is opened.
            tracing::warn!(cause, "the publisher's connection is gone");
            outcome = self.try_round().await;
        }
        outcome.unwrap_or_else(|error| {
            tracing::error!(%error, "the publisher cannot use the database");
            Next::Pause(DATABASE_PAUSE)
        })
    }

    async fn try_round(&mut self) -> Result<Next, StoreError> {
        if !self.lease.keep(&mut self.connection).await? {
            return Ok(Next::Pause(self.lease.renewal()));
        }
        let page_len = self.settings.page_len;
        let all: Vec<i16> = (0..outbox::BUCKETS).collect();
        let events = self.connection.read(move |c| outbox::heads(c, &all, page_len)).await?;
        metrics::gauge!("matchcast_outbox_oldest_seconds").set(oldest_seconds(&events));
        if events.is_empty() {
            return Ok(Next::Idle);
        }
        let page = self.send(events).await;
        let stopped = page.stopped.clone();
        self.record(page).await?;
        Ok(match stopped {
            None => {
                self.backoff.succeeded();
                if self.complaint.take().is_some() {
                    tracing::info!("the provider accepts events again");
                }
                Next::Again
            }
            Some(Stop::Interrupted) => Next::Again,
            Some(stop) => Next::Pause(self.pause_after(stop).await),
        })
    }

    async fn send(&mut self, events: Vec<Event>) -> Page {
        match &self.sink {
            Sink::Provider(client) => {
                send(client, events, &mut self.lease, &mut self.connection).await
            }
            Sink::Log => {
                for event in &events {
                    let Event { id, channel, name, data, .. } = event;
                    tracing::info!(event.id = id, channel, name, data, "an event");
                }
                Page { delivered: events, ..Page::default() }
            }
            Sink::Nowhere => Page { delivered: events, ..Page::default() },
        }
    }

    async fn record(&mut self, page: Page) -> Result<(), StoreError> {
        let Page { delivered, set_aside, .. } = page;
        if delivered.is_empty() && set_aside.is_empty() {
            return Ok(());
        }
        for (event, answer) in &set_aside {
            tracing::error!(
                event.id = event.id,
                name = event.name,
                answer,
                "an event is set aside"
            );
        }
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        metrics::counter!("matchcast_events_delivered_total").increment(count(delivered.len()));
        metrics::counter!("matchcast_events_set_aside_total").increment(count(set_aside.len()));
        let record = move |connection: &mut _| {
            outbox::delivered(connection, &delivered)?;
            for (event, answer) in &set_aside {
                outbox::set_aside(connection, event, answer)?;
            }
            Ok(())
        };
        self.connection.write(record).await
    }

    /// Says what is wrong, once, and how long to wait.
    async fn pause_after(&mut self, stop: Stop) -> Duration {
        let news = match (&self.complaint, &stop) {
            (Some(Stop::Retry { .. }), Stop::Retry { .. }) => false,
            (known, stop) => known.as_ref() != Some(stop),
        };
        let wait = match &stop {
            Stop::Retry { after, reason } => {
                if news {
                    tracing::warn!(reason, "the provider cannot be reached; events wait");
                }
                self.backoff.failed(*after, rand::rng().random())
            }
            Stop::Hold { status, answer } => {
                if news {
                    let likely_cause = self.diagnose().await;
                    tracing::error!(
                        status,
                        answer,
                        likely_cause,
                        "the provider refuses; events wait"
                    );
                }
                Duration::from_millis(self.settings.hold_ms)
            }
            Stop::Interrupted => Duration::ZERO,
        };
        self.complaint = Some(stop);
        wait
    }

    async fn diagnose(&mut self) -> String {
        match &self.sink {
            Sink::Provider(client) => match client.diagnose().await {
                Ok(()) => "the provider accepts signed requests, but not this event".to_owned(),
                Err(diagnosis) => diagnosis.to_string(),
            },
            Sink::Log | Sink::Nowhere => String::new(),
        }
    }
}

/// Sends a page and keeps the lease meanwhile, also while a call hangs.
async fn send(
    client: &Client,
    events: Vec<Event>,
    lease: &mut Lease,
    connection: &mut Connection,
) -> Page {
    let held = AtomicBool::new(true);
    let go_on = || held.load(Ordering::Relaxed);
    let mut sending = pin!(delivery::send(client, events, go_on));
    loop {
        tokio::select! {
            page = &mut sending => return page,
            () = tokio::time::sleep(lease.renewal()) => {
                if let Err(error) = lease.keep(connection).await {
                    tracing::warn!(%error, "the publisher's lease was not renewed");
                }
                held.store(lease.is_held(), Ordering::Relaxed);
            }
        }
    }
}

fn oldest_seconds(events: &[Event]) -> f64 {
    let oldest = events.first().map(|event| now() - event.created_at);
    oldest.and_then(|age| age.to_std().ok()).unwrap_or_default().as_secs_f64()
}
