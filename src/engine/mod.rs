//! Typed requests in, typed results out, one transaction per batch.
//!
//! [`EngineHandle`] queues a request and waits for its result. The thread of a [`lane`] drains
//! whatever is queued for its markets (one request when idle, hundreds under load, no timer), loads
//! what the batch can touch, lets [`crate::market::execute`] decide, writes the plan, commits, and
//! only then replies and wakes the publisher. [`lanes`] owns the threads. Guarantees:
//!
//! - A result is durable before it is returned; anything else is an error.
//! - A request that fails (a constraint, a bug) does not affect its neighbours: a failed batch is
//!   halved until the culprit is alone.
//! - A request with an idempotency key is executed once, and its response is stored with it.
//! - A full queue is an error at once, not a wait.
//! - A request whose caller has gone, or that waited too long, is not executed. A caller that stops
//!   waiting knows whether nothing happened, or that the outcome is unknown.
//! - A market that is locked or busy does not delay the markets of other lanes.
//! - A database that does not respond costs a thread, and not the lane: the batch is given up.
//! - The events that [`EventSettings`] enables are written in the transaction that made them true.
//!   An event that is too large for its channel becomes a dead letter there, with the reason.

mod batch;
mod batch_events;
mod failure;
mod handle;
mod lane;
mod lanes;
mod measures;
mod once;
mod origin;
mod originating_socket;
mod recording;
mod records;
mod repetitions;
mod reply;
mod request;
mod steps;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;

use crate::market::{MarketId, Rejection};
use crate::store::Store;
use crate::store::markets::SharedCatalog;
use crate::store::webhook_endpoints::SharedSubscriptions;
use lanes::{Lanes, Watch};
use worker::Context;

pub use batch_events::EventSettings;
pub use handle::EngineHandle;
pub use once::{Once, Render};
pub use origin::Origin;
pub use originating_socket::OriginatingSocket;
pub use reply::{
    CancelledOfFrozen, CancelledOrder, CancelledOrders, CompletedDeposit, Executed, PlacedOrder,
    RenderedResponse, StoredResponse,
};

/// Why a request has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The rules of the market reject the request. Nothing happened.
    #[error("rejected: {0:?}")]
    Rejected(Rejection),
    /// A request with the same idempotency key is in flight. This one has changed nothing.
    #[error("a request with this idempotency key is in flight")]
    KeyInFlight,
    /// Another request was executed with this idempotency key. This one has changed nothing.
    #[error("another request had this idempotency key")]
    KeyReused,
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
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// The most lanes for markets on PostgreSQL.
    pub lanes: usize,
    /// The most requests that may be queued in a lane.
    pub queue_len: usize,
    /// The most requests in one transaction.
    pub batch_len: usize,
    /// The most trades in one transaction.
    pub max_fills: usize,
    /// A request that waits longer than this for its batch to begin, or for the locks of its batch,
    /// is not executed.
    pub max_wait: Duration,
    /// A batch that takes longer than this is given up.
    pub batch_timeout: Duration,
    pub events: EventSettings,
}

impl Default for EngineSettings {
    /// The defaults of `[engine]`, with the events that existing pages know.
    fn default() -> Self {
        Self {
            lanes: 8,
            queue_len: 8192,
            batch_len: 1000,
            max_fills: 1000,
            max_wait: Duration::from_secs(5),
            batch_timeout: Duration::from_secs(10),
            events: EventSettings::default(),
        }
    }
}

/// What a commit notifies.
#[derive(Clone, Debug, Default)]
pub struct Notifiers {
    /// There are events in the outbox.
    pub events: Arc<Notify>,
    /// An order book may have changed.
    pub books: Arc<Notify>,
    /// There are messages for webhooks.
    pub webhooks: Arc<Notify>,
}

/// Starts the threads of the engine. The returned one owns the others: it ends after
/// [`EngineHandle::stop`], and panics if one of them does.
pub fn start(
    store: Store,
    catalog: SharedCatalog,
    subscriptions: SharedSubscriptions,
    notifiers: Notifiers,
    settings: EngineSettings,
) -> std::io::Result<(EngineHandle, JoinHandle<()>)> {
    let markets: Vec<MarketId> = catalog.current().markets.keys().copied().collect();
    let has_one_writer = store.has_one_writer();
    let lanes = Lanes::new(&markets, settings.lanes, has_one_writer, settings.queue_len);
    let lanes = Arc::new(lanes);
    let handle = EngineHandle::new(Arc::clone(&lanes), store.clone(), settings.max_wait);
    let context = Arc::new(Context { store, catalog, notifiers, subscriptions, settings });
    let watch = Watch::start(lanes, context)?;
    let thread =
        std::thread::Builder::new().name("engine".to_owned()).spawn(move || watch.run())?;
    Ok((handle, thread))
}

fn as_metric(len: usize) -> f64 {
    u32::try_from(len).map_or(f64::MAX, f64::from)
}
