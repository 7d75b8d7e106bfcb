//! The worker that executes the publisher's database requests, one at a time on its own connection:
//! records completions, renews the share of this process and reads the next events.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use super::completions::Completions;
use super::connection::Connection;
use super::share::{Held, Publishing, shards_of};
use crate::store::audit_runs::{self, AuditRun};
use crate::store::outbox::{self, OutboxEvent, ShardSet};
use crate::store::{AnyConnection, Store, StoreError, now, occupancy};

/// How often the metrics of the outbox are updated.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

/// The worker. A request takes it and gives it back, so there is one request at a time.
pub struct OutboxWorker {
    connection: Connection,
    publishing: Publishing,
    metrics_updated_at: Option<Instant>,
}

/// What a request to the database asks for, apart from recording completions.
#[derive(Debug, Default)]
pub struct OutboxRequest {
    /// Ids of events. The response names those that have left the outbox.
    pub queued: Vec<i64>,
    pub heads: HeadsQuery,
    /// Shards of this process of which nothing is in flight, to be left to others.
    pub given_up: ShardSet,
    /// To be stored.
    pub occupied_channels: Option<ChannelList>,
    pub unoccupied: Unoccupied,
}

/// A query for the oldest events of some shards.
#[derive(Debug, Default)]
pub struct HeadsQuery {
    pub shards: Vec<i16>,
    /// The maximum number of events of each shard.
    pub page_len: i64,
}

/// The provider's list of occupied channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelList {
    pub channels: Vec<String>,
    /// When the provider was asked.
    pub requested_at: NaiveDateTime,
}

/// The treatment of events on unoccupied channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unoccupied {
    #[default]
    Send,
    Skip,
}

/// The result of an [`OutboxRequest`].
#[derive(Debug)]
pub struct OutboxResponse {
    /// What this process may publish. `None`: nothing, because one of an older version does.
    pub held: Option<Held>,
    /// The events of those of the shards that it may publish, oldest first.
    pub events: Vec<OutboxEvent>,
    /// Events of these shards that are to be skipped.
    pub unoccupied: Vec<OutboxEvent>,
    /// Whether a list of occupied channels was stored.
    pub stored_channels: bool,
    /// The queued events that have left the outbox.
    pub gone: BTreeSet<i64>,
}

impl OutboxResponse {
    /// The shards whose events this process may send.
    pub fn shards(&self) -> ShardSet {
        shards_of(self.held)
    }
}

impl OutboxWorker {
    pub fn new(store: Store, length: Duration) -> Self {
        Self {
            connection: Connection::new(store),
            publishing: Publishing::new(length),
            metrics_updated_at: None,
        }
    }

    /// How often the share is renewed.
    pub fn renewal_interval(&self) -> Duration {
        self.publishing.renewal_interval()
    }

    /// Records the completions and executes the request. An error comes with the completions that
    /// were not recorded.
    pub async fn run(
        mut self,
        completions: Completions,
        request: OutboxRequest,
    ) -> (Self, Result<OutboxResponse, (StoreError, Completions)>) {
        let mut unrecorded = Arc::new(completions);
        let mut result = self.attempt(&mut unrecorded, &request).await;
        if let Err(StoreError::Unavailable(cause)) = &result {
            // An idle connection may have been cut; another one is opened.
            tracing::debug!(cause, "the publisher opens a new database connection");
            result = self.attempt(&mut unrecorded, &request).await;
        }
        // If the outcome of a commit is unknown, the completions are recorded again: an event that
        // has left the outbox does not leave it a second time. A call that was given up still holds
        // them while it waits for the server.
        let result = result.map_err(|error| (error, Arc::unwrap_or_clone(unrecorded)));
        (self, result)
    }

    async fn attempt(
        &mut self,
        unrecorded: &mut Arc<Completions>,
        request: &OutboxRequest,
    ) -> Result<OutboxResponse, StoreError> {
        self.record(unrecorded).await?;
        let gone = self.find_gone(&request.queued).await?;
        let stored_channels = request.occupied_channels.is_some();
        if let Some(ChannelList { channels, requested_at }) = request.occupied_channels.clone() {
            let replace = move |c: &mut _| occupancy::replace(c, &channels, requested_at);
            self.connection.write(replace).await?;
        }
        let held = self.publishing.renew(&mut self.connection, request.given_up).await?;
        if self.is_maintenance_due() {
            if held.is_some() {
                while self.connection.write(outbox::assign_shards).await? > 0 {}
            }
            self.update_metrics().await?;
        }
        let (events, unoccupied) = self.read_heads(request, shards_of(held)).await?;
        Ok(OutboxResponse { held, events, unoccupied, stored_channels, gone })
    }

    async fn record(&mut self, unrecorded: &mut Arc<Completions>) -> Result<(), StoreError> {
        if !unrecorded.is_empty() {
            let completions = unrecorded.clone();
            self.connection.write(move |c| completions.write(c)).await?;
            std::mem::take(unrecorded).count();
        }
        Ok(())
    }

    async fn find_gone(&mut self, queued: &[i64]) -> Result<BTreeSet<i64>, StoreError> {
        if queued.is_empty() {
            return Ok(BTreeSet::new());
        }
        let queued = queued.to_vec();
        self.connection.read(move |c| outbox::missing(c, &queued)).await
    }

    /// The events of those of the shards that this process may publish, and those among them that
    /// are to be skipped.
    async fn read_heads(
        &mut self,
        request: &OutboxRequest,
        may_publish: ShardSet,
    ) -> Result<(Vec<OutboxEvent>, Vec<OutboxEvent>), StoreError> {
        let HeadsQuery { shards, page_len } = &request.heads;
        let shards = shards.iter().copied().filter(|shard| may_publish.contains(*shard));
        let (shards, page_len): (Vec<i16>, i64) = (shards.collect(), *page_len);
        if shards.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let unoccupied = request.unoccupied;
        let read = move |c: &mut _| {
            let events = outbox::heads(c, &shards, page_len)?;
            match unoccupied {
                Unoccupied::Send => Ok((events, Vec::new())),
                Unoccupied::Skip => partition_by_occupancy(c, events),
            }
        };
        self.connection.read(read).await
    }

    /// Whether it is time to update the metrics, and to assign shards to events that an older
    /// version wrote without.
    fn is_maintenance_due(&self) -> bool {
        self.metrics_updated_at.is_none_or(|at| at.elapsed() >= METRICS_INTERVAL)
    }

    /// Updates the metrics of the outbox and of the last audit. Every process does, so that an
    /// outbox that nobody empties is noticed.
    async fn update_metrics(&mut self) -> Result<(), StoreError> {
        let (pending, dead_letters, oldest, audit) = self
            .connection
            .read(|c| {
                let (pending, dead_letters) = outbox::counts(c)?;
                Ok((pending, dead_letters, outbox::oldest(c)?, audit_runs::last(c)?))
            })
            .await?;
        let age = oldest.and_then(|at| (now() - at).to_std().ok()).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        let gauge = |count: i64| count as f64;
        metrics::gauge!("matchcast_outbox_pending").set(gauge(pending));
        metrics::gauge!("matchcast_dead_letters").set(gauge(dead_letters));
        metrics::gauge!("matchcast_outbox_oldest_seconds").set(age.as_secs_f64());
        if let Some(AuditRun { started_at, findings, .. }) = audit {
            let at = started_at.and_utc().timestamp();
            metrics::gauge!("matchcast_last_audit_timestamp_seconds").set(gauge(at));
            metrics::gauge!("matchcast_last_audit_findings").set(f64::from(findings));
        }
        self.metrics_updated_at = Some(Instant::now());
        Ok(())
    }

    /// Leaves the share to the other processes, so that they need not wait for its end.
    pub async fn leave(mut self) -> Result<(), StoreError> {
        self.publishing.leave(&mut self.connection).await
    }
}

/// Separates the events on occupied channels from the others. A termination of connections belongs
/// to no channel and is always sent.
fn partition_by_occupancy(
    connection: &mut AnyConnection,
    events: Vec<OutboxEvent>,
) -> Result<(Vec<OutboxEvent>, Vec<OutboxEvent>), StoreError> {
    let channels: BTreeSet<&str> = events.iter().map(|event| event.channel.as_str()).collect();
    let occupied = occupancy::occupied_among(connection, &channels)?;
    let is_sent =
        |event: &OutboxEvent| event.terminates_connections() || occupied.contains(&event.channel);
    Ok(events.into_iter().partition(is_sent))
}
