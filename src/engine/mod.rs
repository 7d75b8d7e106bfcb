//! Typed requests in, typed results out, one transaction per batch.
//!
//! [`EngineHandle`] queues a request and waits for its result. One thread drains whatever is queued
//! (one request when idle, hundreds under load, no timer), loads what the batch can touch, lets
//! [`crate::market::execute`] decide, writes the plan, commits, and only then replies and wakes the
//! publisher. Guarantees:
//!
//! - A result is durable before it is returned; anything else is an error.
//! - A request that fails (a constraint, a bug) does not affect its neighbours: a failed batch is
//!   halved until the culprit is alone.
//! - A full queue is an error at once, not a wait.
//! - A request whose caller has gone, or that waited too long, is not executed.
//! - The events that [`EventSettings`] enables are written in the transaction that made them true.
//!   An event that is too large for its channel becomes a dead letter there, with the reason.

mod batch_events;
mod handle;
mod originating_socket;
mod reply;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::market::Rejection;
use crate::store::Store;
use crate::store::markets::Catalog;
use worker::Worker;

pub use batch_events::EventSettings;
pub use handle::EngineHandle;
pub use originating_socket::OriginatingSocket;
pub use reply::{CancelledOrder, CompletedDeposit, PlacedOrder};

/// Why a request has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The rules of the market reject the request. Nothing happened.
    #[error("rejected: {0:?}")]
    Rejected(Rejection),
    /// The queue is full. Nothing happened; trying again soon may help.
    #[error("the queue is full")]
    QueueFull,
    /// The request waited too long before its execution. Nothing happened.
    #[error("the request waited too long")]
    Expired,
    /// The process is shutting down. Nothing happened.
    #[error("the engine has stopped")]
    Stopped,
    /// The database is unavailable. Nothing happened.
    #[error("the database is unavailable")]
    Unavailable,
    /// The connection broke during the commit: the request may or may not have been executed.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// The request cannot be executed. Nothing happened; the log has the cause.
    #[error("the request failed")]
    Failed,
}

/// The limits of the engine, and the events that it writes.
#[derive(Clone, Copy, Debug)]
pub struct EngineSettings {
    /// The most requests that may be queued.
    pub queue_len: usize,
    /// The most requests in one transaction.
    pub batch_len: usize,
    /// A request that waits longer than this for its batch to begin, or for the locks of its batch,
    /// is not executed.
    pub max_wait: Duration,
    pub events: EventSettings,
}

/// What a commit notifies.
#[derive(Clone, Debug, Default)]
pub struct Notifiers {
    /// There are events in the outbox.
    pub events: Arc<Notify>,
    /// An order book may have changed.
    pub books: Arc<Notify>,
}

/// Starts the engine's thread. It ends after [`EngineHandle::stop`], or when every handle is gone.
pub fn start(
    store: Store,
    catalog: Arc<Catalog>,
    notifiers: Notifiers,
    settings: EngineSettings,
) -> std::io::Result<(EngineHandle, JoinHandle<()>)> {
    let (sender, receiver) = mpsc::channel(settings.queue_len);
    let worker = Worker::new(store, catalog, notifiers, settings);
    let thread = std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || worker.run(receiver))?;
    Ok((EngineHandle::new(sender), thread))
}
