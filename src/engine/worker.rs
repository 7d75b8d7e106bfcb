//! The engine's thread: drains the queue, executes batches, replies.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use tokio::sync::mpsc;

use super::batch_events::{self, BatchEvents, ExecutedBatch, OversizedEvent};
use super::handle::{Message, QueuedRequest};
use super::{EngineError, EngineSettings, Notifiers, OriginatingSocket};
use crate::market::{Command, Plan, execute};
use crate::store::markets::Catalog;
use crate::store::{AnyConnection, Store, StoreError, now, outbox, trading};

pub struct Worker {
    store: Store,
    catalog: Arc<Catalog>,
    notifiers: Notifiers,
    settings: EngineSettings,
    /// `None` before the first batch, and after a failure that may have left it in a bad state.
    connection: Option<AnyConnection>,
}

/// A batch that waited this long for its locks checks again whether its requests have expired. A
/// shorter wait is not worth a rollback.
const LONG_LOCK_WAIT: Duration = Duration::from_millis(200);

/// The requests of a batch, their commands, and the socket each came from; no sockets if nobody
/// asks for them.
#[derive(Clone, Copy)]
struct Batch<'a> {
    requests: &'a [QueuedRequest],
    commands: &'a [Command],
    sockets: &'a [Option<&'a OriginatingSocket>],
    started: Instant,
}

impl Batch<'_> {
    /// Whether it waited long for its locks, and a request has expired meanwhile.
    fn is_late(&self, max_wait: Duration) -> bool {
        let now = Instant::now();
        now.duration_since(self.started) > LONG_LOCK_WAIT
            && self.requests.iter().any(|request| request.is_expired(max_wait, now))
    }
}

/// The result of a committed transaction.
struct Committed {
    plan: Plan,
    at: NaiveDateTime,
    has_changed_books: bool,
    has_events: bool,
    oversized: Vec<OversizedEvent>,
}

impl Worker {
    pub fn new(
        store: Store,
        catalog: Arc<Catalog>,
        notifiers: Notifiers,
        settings: EngineSettings,
    ) -> Self {
        Self { store, catalog, notifiers, settings, connection: None }
    }

    pub fn run(mut self, mut receiver: mpsc::Receiver<Message>) {
        let batch_len = self.settings.batch_len;
        let mut messages = Vec::with_capacity(batch_len);
        while receiver.blocking_recv_many(&mut messages, batch_len) > 0 {
            metrics::gauge!("matchcast_engine_queue_len").set(as_metric(receiver.len()));
            let mut batch = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Execute(request) => batch.push(request),
                    // Requests that are queued already are still received.
                    Message::Stop => receiver.close(),
                }
            }
            if !batch.is_empty() {
                self.process(batch);
            }
        }
    }

    /// Executes a batch and replies to each of its requests.
    fn process(&mut self, requests: Vec<QueuedRequest>) {
        let started = Instant::now();
        let requests = without_expired(requests, self.settings.max_wait, started);
        if requests.is_empty() {
            return;
        }
        let commands: Vec<Command> = requests.iter().map(|request| request.command).collect();
        let sockets: Vec<Option<&OriginatingSocket>> = if self.settings.events.to_others {
            requests.iter().map(|request| request.socket.as_ref()).collect()
        } else {
            Vec::new()
        };
        let batch = Batch { requests: &requests, commands: &commands, sockets: &sockets, started };
        match self.commit(batch) {
            Ok(committed) => {
                metrics::histogram!("matchcast_engine_batch_len").record(as_metric(requests.len()));
                metrics::histogram!("matchcast_engine_batch_seconds").record(started.elapsed());
                self.notify(&committed);
                complete(requests, committed);
            }
            Err(Failure::Batch(error)) => {
                requests.into_iter().for_each(|request| request.reply.fail(error));
            }
            // What has expired stays expired, so the batch becomes shorter.
            Err(Failure::Expired) => self.process(requests),
            Err(Failure::OneRequest(cause)) if requests.len() == 1 => {
                tracing::error!(cause, command = ?commands[0], "a request failed");
                metrics::counter!("matchcast_engine_failed_total").increment(1);
                requests.into_iter().for_each(|request| request.reply.fail(EngineError::Failed));
            }
            Err(Failure::OneRequest(cause)) => {
                tracing::warn!(cause, batch.len = requests.len(), "a batch failed and is halved");
                let mut first = requests;
                let second = first.split_off(first.len() / 2);
                self.process(first);
                self.process(second);
            }
        }
    }

    /// Notifies the publishers of events and books, and logs events that were too large.
    fn notify(&self, committed: &Committed) {
        if committed.has_events {
            self.notifiers.events.notify_one();
        }
        if committed.has_changed_books {
            self.notifiers.books.notify_one();
        }
        for OversizedEvent { event, limit } in &committed.oversized {
            let (name, bytes) = (event.kind.name(), event.data.len());
            tracing::error!(name, bytes, limit, "an event is too large and becomes a dead letter");
            metrics::counter!("matchcast_events_too_large_total").increment(1);
        }
    }

    /// One transaction, on the kept connection or on a new one.
    fn commit(&mut self, batch: Batch<'_>) -> Result<Committed, Failure> {
        if let Some(connection) = self.connection.take() {
            match self.attempt(connection, batch) {
                // The connection broke before the commit: nothing was written.
                Err(StoreError::Unavailable(cause)) => {
                    tracing::warn!(cause, "the engine lost its connection and opens a new one");
                }
                done => return Ok(done?),
            }
        }
        let connection = self.store.connect()?;
        Ok(self.attempt(connection, batch)?)
    }

    /// One transaction: load, decide, apply. A panic is an error like any other.
    fn attempt(
        &mut self,
        mut connection: AnyConnection,
        batch: Batch<'_>,
    ) -> Result<Committed, StoreError> {
        let attempt = std::panic::catch_unwind(AssertUnwindSafe(|| {
            self.store.write(&mut connection, |connection| self.execute(connection, batch))
        }));
        let committed =
            attempt.unwrap_or_else(|panic| Err(StoreError::Other(panic_text(panic.as_ref()))))?;
        // A connection that has seen a failure is not used again: opening one is cheap.
        self.connection = Some(connection);
        Ok(committed)
    }

    /// The work inside the transaction.
    fn execute(
        &self,
        connection: &mut AnyConnection,
        batch: Batch<'_>,
    ) -> Result<Committed, StoreError> {
        let Batch { commands, sockets, .. } = batch;
        let mut state = trading::load(connection, &self.catalog.markets, commands, now())?;
        if batch.is_late(self.settings.max_wait) {
            return Err(StoreError::Abandoned);
        }
        // Read while the locks are held: later batches of a market have later times.
        let at = now();
        let mut plan = execute(&mut state, commands);
        let ids = trading::next_trade_ids(connection, plan.trades.len())?;
        plan.number_trades(&ids);
        let executed =
            ExecutedBatch { state: &state, plan: &plan, catalog: &self.catalog, sockets, at };
        let BatchEvents { new_events, oversized } =
            batch_events::of_batch(&self.settings.events, &executed);
        trading::apply(connection, &state, &plan, &new_events, at)?;
        for event in &oversized {
            outbox::write_dead_letter(connection, &event.event, &event.error())?;
        }
        let has_changed_books = !plan.is_empty() && !state.trade_counts.is_empty();
        let has_events = !new_events.events.is_empty();
        Ok(Committed { plan, at, has_changed_books, has_events, oversized })
    }
}

/// Which requests a failed batch concerns.
enum Failure {
    /// All of them alike.
    Batch(EngineError),
    /// Some have expired while the batch waited. Nothing was written.
    Expired,
    /// One of them; which one is unknown.
    OneRequest(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) | StoreError::Unavailable(_) => {
                tracing::error!(%error, "a batch could not be executed");
                Self::Batch(EngineError::Unavailable)
            }
            StoreError::CommitUnknown(_) => {
                tracing::error!(%error, "a batch may or may not have been executed");
                Self::Batch(EngineError::OutcomeUnknown)
            }
            StoreError::Abandoned => Self::Expired,
            StoreError::Duplicate(cause) | StoreError::Other(cause) => Self::OneRequest(cause),
        }
    }
}

/// Refuses the requests that have expired, and returns the others in their order.
fn without_expired(
    requests: Vec<QueuedRequest>,
    max_wait: Duration,
    now: Instant,
) -> Vec<QueuedRequest> {
    if !requests.iter().any(|request| request.is_expired(max_wait, now)) {
        return requests;
    }
    let (expired, live): (Vec<_>, Vec<_>) =
        requests.into_iter().partition(|request| request.is_expired(max_wait, now));
    tracing::warn!(requests = expired.len(), "requests waited too long and are not executed");
    metrics::counter!("matchcast_engine_expired_total").increment(expired.len() as u64);
    expired.into_iter().for_each(|request| request.reply.fail(EngineError::Expired));
    live
}

/// Replies to each request of a committed batch.
fn complete(requests: Vec<QueuedRequest>, committed: Committed) {
    let Committed { mut plan, at, .. } = committed;
    let outcomes = std::mem::take(&mut plan.outcomes);
    for (request, outcome) in requests.into_iter().zip(outcomes) {
        request.reply.complete(outcome, &plan, at);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

fn as_metric(len: usize) -> f64 {
    u32::try_from(len).map_or(f64::MAX, f64::from)
}
