//! Commands in, answers out, one transaction per batch.
//!
//! One thread drains whatever is waiting (one command when idle, hundreds under load, no timer),
//! loads what the batch can touch, lets [`crate::market::execute`] decide, writes the plan,
//! commits, and only then answers and notifiers the publisher. It guarantees:
//!
//! - an answer is true: what it says is durable, or it is an error;
//! - a command that fails (a constraint, a bug) takes none of its neighbours down: a batch that
//!   fails is halved until the culprit is alone;
//! - a full queue is an answer at once, not a wait;
//! - the events that [`EventSettings`] enables are written in the transaction that made them true;
//!   one that is too large for its channel becomes a dead letter there, with the reason.

mod batch_events;
mod originating_socket;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use chrono::NaiveDateTime;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::market::{Command, Done, Plan, Rejection, Trade, execute};
use crate::store::markets::Catalog;
use crate::store::{AnyConnection, Store, StoreError, now, outbox, trading};
use batch_events::{Batch, TooLarge};

pub use batch_events::EventSettings;
pub use originating_socket::Origin;

/// What a command led to, committed.
#[derive(Clone, Debug)]
pub struct Answer {
    pub outcome: Result<Done, Rejection>,
    /// The trades of this command, in order.
    pub trades: Vec<Trade>,
    /// The time of the batch.
    pub at: NaiveDateTime,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Too many commands wait. Nothing happened; try again soon.
    #[error("too many commands wait")]
    Full,
    /// The process is stopping. Nothing happened.
    #[error("the engine has stopped")]
    Stopped,
    /// The database could not be reached. Nothing happened.
    #[error("the database is not available")]
    Unavailable,
    /// The connection broke during the commit: the command may or may not have been executed.
    #[error("the outcome of the command is not known")]
    OutcomeUnknown,
    /// This command cannot be executed; nothing happened, and the log says why.
    #[error("the command failed")]
    Failed,
}

struct Request {
    command: Command,
    origin: Option<Origin>,
    reply: oneshot::Sender<Result<Answer, EngineError>>,
}

enum Message {
    Execute(Request),
    /// Execute what waits, take nothing more, and end.
    Stop,
}

/// Where commands are handed in. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    sender: mpsc::Sender<Message>,
}

impl Handle {
    /// Queues a command and waits until it is committed or refused.
    pub async fn submit(&self, command: Command) -> Result<Answer, EngineError> {
        self.submit_from(None, command).await
    }

    /// [`Handle::submit`] for a command of a page that has said which connection is its own.
    pub async fn submit_from(
        &self,
        origin: Option<Origin>,
        command: Command,
    ) -> Result<Answer, EngineError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Execute(Request { command, origin, reply });
        self.sender.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                metrics::counter!("matchcast_engine_full_total").increment(1);
                EngineError::Full
            }
            mpsc::error::TrySendError::Closed(_) => EngineError::Stopped,
        })?;
        answer.await.unwrap_or(Err(EngineError::OutcomeUnknown))
    }

    /// How many commands wait. Those of the batch under way do not.
    pub fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Lets the engine execute what waits, and end. Later commands are refused.
    pub async fn stop(&self) {
        // An error means that it has ended already.
        let _ = self.sender.send(Message::Stop).await;
    }
}

/// How much an engine takes at once, and what it tells.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Commands that may wait.
    pub queue_len: usize,
    /// Most commands in one transaction.
    pub batch_len: usize,
    pub switches: EventSettings,
}

/// Whom a commit notifiers.
#[derive(Clone, Debug, Default)]
pub struct Notifiers {
    /// Events wait in the outbox.
    pub events: Arc<Notify>,
    /// A book may have changed.
    pub books: Arc<Notify>,
}

/// Starts the engine's thread. It ends after [`Handle::stop`], or when every handle is gone.
pub fn start(
    store: Store,
    catalog: Arc<Catalog>,
    notifiers: Notifiers,
    settings: Settings,
) -> std::io::Result<(Handle, JoinHandle<()>)> {
    let Settings { queue_len, batch_len, switches } = settings;
    let (sender, receiver) = mpsc::channel(queue_len);
    let engine = Engine { store, catalog, notifiers, switches, connection: None };
    let thread = std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || engine.run(receiver, batch_len))?;
    Ok((Handle { sender }, thread))
}

struct Engine {
    store: Store,
    catalog: Arc<Catalog>,
    notifiers: Notifiers,
    switches: EventSettings,
    /// `None` before the first batch, and after a failure that may have left it in a bad state.
    connection: Option<AnyConnection>,
}

/// The commands of a batch, and where each came from; empty where that does not matter.
#[derive(Clone, Copy)]
struct Work<'a> {
    commands: &'a [Command],
    origins: &'a [Option<&'a Origin>],
}

/// What a transaction has written.
struct Committed {
    plan: Plan,
    at: NaiveDateTime,
    /// Some markets' books may have changed.
    touched_books: bool,
    /// Some events wait.
    has_events: bool,
    too_large: Vec<TooLarge>,
}

impl Engine {
    fn run(mut self, mut receiver: mpsc::Receiver<Message>, batch_len: usize) {
        let mut messages = Vec::with_capacity(batch_len);
        while receiver.blocking_recv_many(&mut messages, batch_len) > 0 {
            metrics::gauge!("matchcast_engine_waiting").set(count(receiver.len()));
            let mut batch = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Execute(request) => batch.push(request),
                    // What is in the queue is still received.
                    Message::Stop => receiver.close(),
                }
            }
            if !batch.is_empty() {
                self.process(batch);
            }
        }
    }

    /// Executes a batch and answers each of its commands.
    fn process(&mut self, batch: Vec<Request>) {
        let started = Instant::now();
        let commands: Vec<Command> = batch.iter().map(|request| request.command).collect();
        let origins: Vec<Option<&Origin>> = if self.switches.to_others {
            batch.iter().map(|request| request.origin.as_ref()).collect()
        } else {
            Vec::new()
        };
        match self.commit(Work { commands: &commands, origins: &origins }) {
            Ok(committed) => {
                metrics::histogram!("matchcast_engine_batch_len").record(count(batch.len()));
                metrics::histogram!("matchcast_engine_batch_seconds").record(started.elapsed());
                self.announce(&committed);
                reply(batch, committed.plan, committed.at);
            }
            Err(Failure::Everyone(error)) => {
                for request in batch {
                    // Whoever asked may have gone away.
                    let _ = request.reply.send(Err(error));
                }
            }
            Err(Failure::Someone(cause)) if batch.len() == 1 => {
                tracing::error!(cause, command = ?commands[0], "a command failed");
                metrics::counter!("matchcast_engine_failed_total").increment(1);
                for request in batch {
                    let _ = request.reply.send(Err(EngineError::Failed));
                }
            }
            Err(Failure::Someone(cause)) => {
                tracing::warn!(cause, batch.len = batch.len(), "a batch failed and is halved");
                let mut first = batch;
                let second = first.split_off(first.len() / 2);
                self.process(first);
                self.process(second);
            }
        }
    }

    /// Notifiers whom a commit concerns, and says what could not be told.
    fn announce(&self, committed: &Committed) {
        if committed.has_events {
            self.notifiers.events.notify_one();
        }
        if committed.touched_books {
            self.notifiers.books.notify_one();
        }
        for TooLarge { event, limit } in &committed.too_large {
            let (name, bytes) = (event.kind.name(), event.data.len());
            tracing::error!(name, bytes, limit, "an event is too large and is set aside");
            metrics::counter!("matchcast_events_too_large_total").increment(1);
        }
    }

    /// One transaction, on the connection that is kept or on a new one.
    fn commit(&mut self, work: Work<'_>) -> Result<Committed, Failure> {
        if let Some(connection) = self.connection.take() {
            match self.attempt(connection, work) {
                // It was cut while nobody used it, or is now: nothing was written.
                Err(StoreError::Unavailable(cause)) => {
                    tracing::warn!(cause, "the engine's connection is gone, it opens another one");
                }
                done => return Ok(done?),
            }
        }
        let connection = self.store.connect()?;
        Ok(self.attempt(connection, work)?)
    }

    /// One transaction: load, decide, apply. A panic is an error like any other.
    fn attempt(
        &mut self,
        mut connection: AnyConnection,
        work: Work<'_>,
    ) -> Result<Committed, StoreError> {
        let attempt = std::panic::catch_unwind(AssertUnwindSafe(|| {
            self.store.write(&mut connection, |connection| self.decide(connection, work))
        }));
        let committed =
            attempt.unwrap_or_else(|panic| Err(StoreError::Other(panic_text(panic.as_ref()))))?;
        // A connection that has seen a failure is not used again: opening one costs little.
        self.connection = Some(connection);
        Ok(committed)
    }

    /// What happens inside the transaction.
    fn decide(
        &self,
        connection: &mut AnyConnection,
        work: Work<'_>,
    ) -> Result<Committed, StoreError> {
        let Work { commands, origins } = work;
        let mut state = trading::load(connection, &self.catalog.markets, commands, now())?;
        // Behind the locks: what comes later in a market has no earlier time.
        let at = now();
        let mut plan = execute(&mut state, commands);
        let ids = trading::next_trade_ids(connection, plan.trades.len())?;
        plan.number_trades(&ids);
        let batch = Batch { state: &state, plan: &plan, catalog: &self.catalog, origins, at };
        let batch_events::Events { new_events, too_large } =
            batch_events::of_batch(&self.switches, &batch);
        trading::apply(connection, &state, &plan, &new_events, at)?;
        for large in &too_large {
            outbox::write_dead_letter(connection, &large.event, &large.answer())?;
        }
        let touched_books = !plan.is_empty() && !state.trade_counts.is_empty();
        let has_events = !new_events.events.is_empty();
        Ok(Committed { plan, at, touched_books, has_events, too_large })
    }
}

/// Whom a failed batch concerns.
enum Failure {
    /// All of its commands alike.
    Everyone(EngineError),
    /// One of them, not known which.
    Someone(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) | StoreError::Unavailable(_) => {
                tracing::error!(%error, "a batch could not be executed");
                Self::Everyone(EngineError::Unavailable)
            }
            StoreError::CommitUnknown(_) => {
                tracing::error!(%error, "a batch may or may not have been executed");
                Self::Everyone(EngineError::OutcomeUnknown)
            }
            StoreError::Duplicate(cause) | StoreError::Other(cause) => Self::Someone(cause),
        }
    }
}

fn reply(batch: Vec<Request>, plan: Plan, at: NaiveDateTime) {
    for (request, outcome) in batch.into_iter().zip(plan.outcomes) {
        let trades = match &outcome {
            Ok(Done::Placed { trades, .. }) => plan.trades[trades.clone()].to_vec(),
            _ => Vec::new(),
        };
        let _ = request.reply.send(Ok(Answer { outcome, trades, at }));
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

/// A count as metrics want it.
fn count(len: usize) -> f64 {
    u32::try_from(len).map_or(f64::MAX, f64::from)
}
