//! The publisher's dealings with the database, one after the other on one connection: keeps the
//! lease, writes down what became of events, reads what is next.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use super::completions::Results;
use super::connection::Connection;
use super::lease::Lease;
use crate::store::outbox::{self, OutboxEvent};
use crate::store::{AnyConnection, Store, StoreError, now, occupancy};

/// How often the events that wait are counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

pub struct Clerk {
    connection: Connection,
    lease: Lease,
    counted_at: Option<Instant>,
}

/// What to do.
#[derive(Debug, Default)]
pub struct Errand {
    /// To be written down.
    pub results: Results,
    /// What waits in the lanes. Looked for after an attempt in vain, as it may have been dropped.
    pub in_mind: Vec<i64>,
    /// To be read from, at most so many events of each.
    pub shards: Vec<i16>,
    pub page_len: i64,
    /// The provider's list of occupied channels, and when it was asked for.
    pub occupied: Option<(Vec<String>, NaiveDateTime)>,
    /// Whether events that nobody can hear are told apart.
    pub skip: Skip,
}

/// What happens to events on channels that have no subscribers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skip {
    #[default]
    Nothing,
    Unheard,
}

/// What came of it.
pub struct Report {
    /// Until when this process has the role of publishing; `None`: it has not.
    pub held_until: Option<Instant>,
    /// From the shards, in order. Empty without the role.
    pub events: Vec<OutboxEvent>,
    /// From there as well, but nobody listens.
    pub unheard: Vec<OutboxEvent>,
    /// Whether a list of occupied channels was written down.
    pub has_list: bool,
    /// What waits in the lanes and not in the outbox any more.
    pub gone: BTreeSet<i64>,
}

impl Clerk {
    pub fn new(store: Store, lease: Duration) -> Self {
        Self { connection: Connection::new(store), lease: Lease::new(lease), counted_at: None }
    }

    /// Does an errand. Where that fails, the results that are not written down come back.
    pub async fn run(
        mut self,
        mut errand: Errand,
    ) -> (Self, Result<Report, (StoreError, Results)>) {
        let results = Arc::new(std::mem::take(&mut errand.results));
        let mut outcome = self.attempt(&results, &errand).await;
        if let Err(StoreError::Unavailable(cause)) = &outcome {
            // It may have been cut while nobody used it; another one is opened.
            tracing::warn!(cause, "the publisher's connection is gone");
            outcome = self.attempt(&results, &errand).await;
        }
        // A commit of unknown outcome is written again: what has left the outbox does not leave it
        // a second time.
        let outcome = outcome
            .map_err(|error| (error, Arc::try_unwrap(results).expect("the attempts have ended")));
        (self, outcome)
    }

    async fn attempt(
        &mut self,
        results: &Arc<Results>,
        errand: &Errand,
    ) -> Result<Report, StoreError> {
        if !results.is_empty() {
            let to_write = results.clone();
            self.connection.write(move |c| to_write.write(c)).await?;
            results.count();
        }
        let in_mind = errand.in_mind.clone();
        let gone = if in_mind.is_empty() {
            BTreeSet::new()
        } else {
            self.connection.read(move |c| outbox::missing(c, &in_mind)).await?
        };
        let has_list = errand.occupied.is_some();
        if let Some((occupied, asked_at)) = errand.occupied.clone() {
            let replace = move |c: &mut _| occupancy::replace(c, &occupied, asked_at);
            self.connection.write(replace).await?;
        }
        let held_until = self.lease.keep(&mut self.connection).await?;
        if held_until.is_none() || errand.shards.is_empty() {
            let (events, unheard) = (Vec::new(), Vec::new());
            return Ok(Report { held_until, events, unheard, has_list, gone });
        }
        self.count().await?;
        let (shards, page_len, skip) = (errand.shards.clone(), errand.page_len, errand.skip);
        let (events, unheard) = self
            .connection
            .read(move |c| {
                let events = outbox::heads(c, &shards, page_len)?;
                match skip {
                    Skip::Nothing => Ok((events, Vec::new())),
                    Skip::Unheard => heard_and_unheard(c, events),
                }
            })
            .await?;
        Ok(Report { held_until, events, unheard, has_list, gone })
    }

    /// Counts what waits, now and then, and gives shards to what an older version wrote.
    async fn count(&mut self) -> Result<(), StoreError> {
        if self.counted_at.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
            return Ok(());
        }
        while self.connection.write(outbox::assign_shards).await? > 0 {}
        let (waiting, dead_letters, oldest) = self
            .connection
            .read(|c| {
                let (waiting, dead_letters) = outbox::counts(c)?;
                Ok((waiting, dead_letters, outbox::oldest(c)?))
            })
            .await?;
        let age = oldest.and_then(|at| (now() - at).to_std().ok()).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        let gauge = |count: i64| count as f64;
        metrics::gauge!("matchcast_outbox_waiting").set(gauge(waiting));
        metrics::gauge!("matchcast_dead_letters").set(gauge(dead_letters));
        metrics::gauge!("matchcast_outbox_oldest_seconds").set(age.as_secs_f64());
        self.counted_at = Some(Instant::now());
        Ok(())
    }

    /// How often the lease wants to be kept.
    pub fn renewal(&self) -> Duration {
        self.lease.renewal()
    }

    /// Gives the role back, so that a successor need not wait.
    pub async fn leave(mut self) -> Result<(), StoreError> {
        self.lease.release(&mut self.connection).await
    }
}

/// Takes apart what somebody may hear, and what nobody can.
fn heard_and_unheard(
    connection: &mut AnyConnection,
    events: Vec<OutboxEvent>,
) -> Result<(Vec<OutboxEvent>, Vec<OutboxEvent>), StoreError> {
    let channels: BTreeSet<&str> = events.iter().map(|event| event.channel.as_str()).collect();
    let occupied = occupancy::occupied_among(connection, &channels)?;
    let is_heard =
        |event: &OutboxEvent| event.terminates_connections() || occupied.contains(&event.channel);
    Ok(events.into_iter().partition(is_heard))
}
