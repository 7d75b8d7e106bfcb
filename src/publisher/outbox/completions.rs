//! Outcomes of events that are not recorded in the database yet.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::outage::Outage;
use crate::pusher::status_label;
use crate::store::outbox::{self, FailedAttempt, OutboxEvent};
use crate::store::{AnyConnection, StoreError, now};

static DEAD_LETTERS: Outage = Outage::error(
    "dead_letter",
    "events become dead letters; `matchcast events` lists them",
    "no more events become dead letters",
);

/// The outcomes of some events, in the order in which they became known.
#[derive(Clone, Debug, Default)]
pub struct Completions {
    pub delivered: Vec<OutboxEvent>,
    /// Events that were not sent, because their channels were unoccupied.
    pub skipped: Vec<OutboxEvent>,
    /// Events that become dead letters.
    pub rejected: Vec<Rejection>,
    pub failed_attempts: Vec<FailedAttempt>,
}

/// An event that cannot be delivered.
#[derive(Clone, Debug)]
pub struct Rejection {
    pub event: OutboxEvent,
    /// The provider's status. `None`: the event was not sent.
    pub status: Option<u16>,
    /// The reason, with the status, without secrets.
    pub error: String,
}

impl Completions {
    /// A failed attempt to send these events together, which `attempts` already includes. The next
    /// one follows after `wait` at the earliest.
    pub fn failed_attempt(events: &[OutboxEvent], wait: Duration, error: String) -> Self {
        let wait = chrono::Duration::from_std(wait).unwrap_or_default();
        let mut ids = BTreeMap::<i32, Vec<i64>>::new();
        for event in events {
            ids.entry(event.attempts).or_default().push(event.id);
        }
        let attempt = FailedAttempt { ids, next_attempt_at: now() + wait, error };
        Self { failed_attempts: vec![attempt], ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.delivered.is_empty()
            && self.skipped.is_empty()
            && self.rejected.is_empty()
            && self.failed_attempts.is_empty()
    }

    /// Adds later completions.
    pub fn append(&mut self, mut later: Self) {
        self.delivered.append(&mut later.delivered);
        self.skipped.append(&mut later.skipped);
        self.rejected.append(&mut later.rejected);
        self.failed_attempts.append(&mut later.failed_attempts);
    }

    /// Records everything. Runs in a write transaction, and may run again after a conflict.
    pub fn write(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        for attempt in &self.failed_attempts {
            outbox::record_failure(connection, attempt)?;
        }
        outbox::record_delivered(connection, &self.delivered)?;
        outbox::record_skipped(connection, &self.skipped)?;
        for Rejection { event, error, .. } in &self.rejected {
            outbox::move_to_dead_letters(connection, event, error)?;
        }
        Ok(())
    }

    /// Updates the metrics, and logs dead letters. Runs once, after the commit.
    pub fn count(&self) {
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        let retried = self.failed_attempts.iter().map(FailedAttempt::event_count).sum();
        let now = now();
        for event in &self.delivered {
            // Another process may have written it, with a clock that is ahead.
            let age = (now - event.created_at).to_std().unwrap_or_default();
            metrics::histogram!("matchcast_events_delivery_seconds").record(age);
        }
        metrics::counter!("matchcast_events_delivered_total")
            .increment(count(self.delivered.len()));
        metrics::counter!("matchcast_events_skipped_total").increment(count(self.skipped.len()));
        metrics::counter!("matchcast_events_retried_total").increment(count(retried));
        for Rejection { event, status, error } in &self.rejected {
            let status = status_label(*status);
            metrics::counter!("matchcast_events_dead_lettered_total", "status" => status)
                .increment(1);
            let OutboxEvent { id, name, .. } = event;
            DEAD_LETTERS.failed(&format_args!("event {id} ({name}): {error}"));
        }
        // Nothing says that there will be no more: it is over when there are none.
        DEAD_LETTERS.recovered();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::fixtures::event;

    #[test]
    fn later_completions_follow_earlier_ones() {
        let attempt = |id| {
            let events = [OutboxEvent { attempts: 1, ..event(id, 0, "trade.executed") }];
            Completions::failed_attempt(&events, Duration::ZERO, String::new())
        };
        let mut completions = Completions::default();
        assert!(completions.is_empty());
        for id in [1, 2] {
            completions.append(attempt(id));
        }
        let ids: Vec<_> = completions.failed_attempts.iter().map(|a| a.ids[&1].clone()).collect();
        assert_eq!(ids, [[1], [2]]);
        assert!(!completions.is_empty());
    }
}
