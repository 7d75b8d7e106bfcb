//! What became of events and is not written down yet.

use crate::store::outbox::{self, Event, Tried};
use crate::store::{AnyConnection, StoreError};

#[derive(Debug, Default)]
pub struct Results {
    pub delivered: Vec<Event>,
    /// What nobody could have heard.
    pub skipped: Vec<Event>,
    /// What can never pass, with the provider's answer.
    pub set_aside: Vec<(Event, String)>,
    pub tried: Vec<Tried>,
}

impl Results {
    pub fn is_empty(&self) -> bool {
        self.delivered.is_empty()
            && self.skipped.is_empty()
            && self.set_aside.is_empty()
            && self.tried.is_empty()
    }

    /// Adds what came later.
    pub fn append(&mut self, mut later: Self) {
        self.delivered.append(&mut later.delivered);
        self.skipped.append(&mut later.skipped);
        self.set_aside.append(&mut later.set_aside);
        self.tried.append(&mut later.tried);
    }

    /// Writes everything down. Runs in a write transaction, and may run again after a conflict.
    pub fn write(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        for tried in &self.tried {
            outbox::tried(connection, tried)?;
        }
        outbox::delivered(connection, &self.delivered)?;
        outbox::skipped(connection, &self.skipped)?;
        for (event, answer) in &self.set_aside {
            outbox::set_aside(connection, event, answer)?;
        }
        Ok(())
    }

    /// Counts what was written down.
    pub fn count(&self) {
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        let retried = self.tried.iter().map(|tried| tried.ids.len()).sum();
        metrics::counter!("matchcast_events_delivered_total")
            .increment(count(self.delivered.len()));
        metrics::counter!("matchcast_events_skipped_total").increment(count(self.skipped.len()));
        metrics::counter!("matchcast_events_retried_total").increment(count(retried));
        for (event, answer) in &self.set_aside {
            // The status is the answer's first word.
            let status = answer.split(' ').next().unwrap_or_default().to_owned();
            metrics::counter!("matchcast_events_set_aside_total", "answer" => status).increment(1);
            tracing::error!(
                event.id = event.id,
                name = event.name,
                answer,
                "an event is set aside"
            );
        }
    }
}
