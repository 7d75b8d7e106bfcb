//! From the outbox to the provider. Guarantees:
//!
//! - at least once: an event is deleted after the provider has accepted it, never before;
//! - in order per channel: one process publishes at a time (a lease), from the head, and what fails
//!   is tried again before what comes after it;
//! - an order never waits for it: nothing is sent with a transaction open, and a dead provider costs
//!   rows in the outbox, nothing else.
//!
//! It is woken by the commit that wrote an event, and looks by itself as a fallback. The destination
//! has one back-off, not each event.

mod backoff;
mod delivery;

use std::time::{Duration, Instant};

use rand::Rng;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

use crate::config;
use crate::pusher::Client;
use crate::store::outbox::{self, Event};
use crate::store::{AnyConnection, Store, StoreError, now};
use backoff::Backoff;
use delivery::{Page, Stop};

/// The role that one process holds.
const LEASE: &str = "publisher";
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
    store: Store,
    sink: Sink,
    settings: config::Publisher,
    request_timeout: Duration,
    wake: Arc<Notify>,
    /// Names this process in the lease.
    holder: String,
    leased_until: Option<Instant>,
    connection: Option<AnyConnection>,
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
    pub fn new(
        store: Store,
        sink: Sink,
        settings: config::Publisher,
        request_timeout: Duration,
        wake: Arc<Notify>,
    ) -> Self {
        let backoff = Backoff::new(&settings);
        let holder = format!("{}-{:016x}", std::process::id(), rand::rng().random::<u64>());
        Self {
            store,
            sink,
            settings,
            request_timeout,
            wake,
            holder,
            leased_until: None,
            connection: None,
            backoff,
            complaint: None,
        }
    }

    /// Publishes until `stop` turns true, then until the outbox is empty, something fails or the
    /// future is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let stopping = *stop.borrow();
            let poll = Duration::from_millis(self.settings.poll_ms);
            let wait = match self.round().await {
                Next::Again => continue,
                Next::Idle => poll,
                Next::Pause(wait) => wait,
            };
            if stopping {
                break;
            }
            let wake = self.wake.clone();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = wake.notified(), if wait == poll => {}
                _ = stop.changed() => {}
            }
        }
        if self.leased_until.is_some() {
            let holder = self.holder.clone();
            let release = move |c: &mut _| outbox::release_lease(c, LEASE, &holder);
            if let Err(error) = self.write(release).await {
                tracing::warn!(%error, "the publisher's lease was not given back");
            }
        }
    }

    /// One page, if this process has the role.
    async fn round(&mut self) -> Next {
        match self.try_round().await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "the publisher cannot use the database");
                Next::Pause(DATABASE_PAUSE)
            }
        }
    }

    async fn try_round(&mut self) -> Result<Next, StoreError> {
        if !self.hold_lease().await? {
            return Ok(Next::Pause(self.lease() / 3));
        }
        let page_len = self.settings.page_len;
        let events = self.read(move |c| outbox::head(c, page_len)).await?;
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
                // No call may outlive the role: another process would send beside it.
                let (until, margin) = (self.leased_until, self.call_margin());
                let go_on = || until.is_some_and(|until| Instant::now() + margin < until);
                delivery::send(client, events, go_on).await
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
        self.write(move |connection| {
            outbox::delivered(connection, &delivered)?;
            for (event, answer) in &set_aside {
                outbox::set_aside(connection, event, answer)?;
            }
            Ok(())
        })
        .await
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

    fn lease(&self) -> Duration {
        Duration::from_millis(self.settings.lease_ms)
    }

    /// The longest that one call can take: it is tried twice when a pooled connection was dead.
    fn call_margin(&self) -> Duration {
        self.request_timeout.saturating_mul(2)
    }

    /// Takes the role or renews it, and says whether this process has it.
    async fn hold_lease(&mut self) -> Result<bool, StoreError> {
        let asked_at = Instant::now();
        let enough = (self.lease() * 2 / 3).max(self.call_margin());
        let fresh = |until: Instant| asked_at + enough < until;
        if self.leased_until.is_some_and(fresh) {
            return Ok(true);
        }
        let holder = self.holder.clone();
        let lease = chrono::Duration::milliseconds(
            i64::try_from(self.settings.lease_ms).unwrap_or(i64::MAX / 2_000),
        );
        let taken =
            self.write(move |c| outbox::take_lease(c, LEASE, &holder, now() + lease)).await?;
        match (taken, self.leased_until) {
            (true, None) => tracing::info!("this process publishes"),
            (false, Some(_)) => tracing::warn!("another process publishes now"),
            _ => {}
        }
        self.leased_until = taken.then(|| asked_at + self.lease());
        Ok(taken)
    }

    async fn read<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.with_connection(move |_, connection| work(connection)).await
    }

    async fn write<T: Send + 'static>(
        &mut self,
        work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.with_connection(move |store, connection| store.write(connection, work)).await
    }

    /// Runs `work` on the publisher's own connection, which it does not keep across an await.
    async fn with_connection<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, kept) = (self.store.clone(), self.connection.take());
        let task = tokio::task::spawn_blocking(move || {
            let mut connection = kept.map_or_else(|| store.connect(), Ok)?;
            let value = work(&store, &mut connection)?;
            Ok((connection, value))
        });
        // After an error the connection is gone, and the next call opens another one.
        let done = task.await.unwrap_or_else(|error| Err(StoreError::Other(error.to_string())));
        let (connection, value) = done?;
        self.connection = Some(connection);
        Ok(value)
    }
}

fn oldest_seconds(events: &[Event]) -> f64 {
    let oldest = events.first().map(|event| now() - event.created_at);
    oldest.and_then(|age| age.to_std().ok()).unwrap_or_default().as_secs_f64()
}
