//! What became of events and is not written down yet.

use crate::store::outbox::{self, FailedAttempt, OutboxEvent};
use crate::store::{AnyConnection, StoreError};

#[derive(Debug, Default)]
pub struct Results {
    pub delivered: Vec<OutboxEvent>,
    /// What nobody could have heard.
    pub skipped: Vec<OutboxEvent>,
    /// What can never pass, with the provider's answer.
    pub dead_letters: Vec<(OutboxEvent, String)>,
    pub failed_attempts: Vec<FailedAttempt>,
}

impl Results {
    pub fn is_empty(&self) -> bool {
        self.delivered.is_empty()
            && self.skipped.is_empty()
            && self.dead_letters.is_empty()
            && self.failed_attempts.is_empty()
    }

    /// Adds what came later.
    pub fn append(&mut self, mut later: Self) {
        self.delivered.append(&mut later.delivered);
        self.skipped.append(&mut later.skipped);
        self.dead_letters.append(&mut later.dead_letters);
        self.failed_attempts.append(&mut later.failed_attempts);
    }

    /// Writes everything down. Runs in a write transaction, and may run again after a conflict.
    pub fn write(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        for tried in &self.failed_attempts {
            outbox::record_failure(connection, tried)?;
        }
        outbox::record_delivered(connection, &self.delivered)?;
        outbox::record_skipped(connection, &self.skipped)?;
        for (event, answer) in &self.dead_letters {
            outbox::move_to_dead_letters(connection, event, answer)?;
        }
        Ok(())
    }

    /// Counts what was written down.
    pub fn count(&self) {
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        let retried = self.failed_attempts.iter().map(|tried| tried.ids.len()).sum();
        metrics::counter!("matchcast_events_delivered_total")
            .increment(count(self.delivered.len()));
        metrics::counter!("matchcast_events_skipped_total").increment(count(self.skipped.len()));
        metrics::counter!("matchcast_events_retried_total").increment(count(retried));
        for (event, answer) in &self.dead_letters {
            // The status is the answer's first word.
            let status = answer.split(' ').next().unwrap_or_default().to_owned();
            metrics::counter!("matchcast_events_dead_lettered_total", "answer" => status)
                .increment(1);
            tracing::error!(
                event.id = event.id,
                name = event.name,
                answer,
                "an event is set aside"
            );
        }
    }
}
