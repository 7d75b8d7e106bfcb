//! A batch: the requests of one transaction.
//!
//! It is open until its transaction has the locks: what arrives while it waits for them joins it.
//! So a process that waits for the batch of another one, or for a distant database, then executes
//! all that has accumulated meanwhile, and not only what there was when it began to wait.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::sync::{Arc, OnceLock};

use parking_lot::{RwLock, RwLockReadGuard};
use tracing::field::{Empty, display};

use super::request::QueuedRequest;
use crate::market::{Command, MarketId};
use crate::store::Call;

/// A line in the log is not longer because a batch has more requests.
const MAX_LOGGED_IDS: usize = 8;

/// Requests, each with the number of the queue that it comes from.
pub type Requests = Vec<(usize, QueuedRequest)>;

/// The requests of one transaction.
pub struct Batch {
    /// Written to while requests join, and not while they are executed.
    requests: RwLock<Requests>,
    /// Whether others may join.
    pub is_open: bool,
    pub call: Arc<Call>,
    is_described: OnceLock<()>,
}

impl Batch {
    pub fn new(requests: Requests, is_open: bool) -> Arc<Self> {
        let requests = RwLock::new(requests);
        Arc::new(Self { requests, is_open, call: Arc::default(), is_described: OnceLock::new() })
    }

    pub fn requests(&self) -> RwLockReadGuard<'_, Requests> {
        self.requests.read()
    }

    pub fn into_requests(self) -> Requests {
        self.requests.into_inner()
    }

    /// Adds requests behind the others.
    pub fn join(&self, mut requests: Requests) {
        self.requests.write().append(&mut requests);
    }

    pub fn commands(&self) -> Vec<Command> {
        self.requests().iter().map(|(_, request)| request.command.clone()).collect()
    }

    /// Those that its transaction locks.
    pub fn markets(&self) -> BTreeSet<MarketId> {
        self.requests().iter().flat_map(|(_, request)| request.command.markets()).collect()
    }

    /// How much of [`super::EngineSettings::batch_len`] the requests take.
    pub fn weight(&self) -> usize {
        let requests = self.requests();
        requests.iter().fold(0, |sum, (_, request)| sum.saturating_add(request.command.weight()))
    }

    /// For log lines about the batch. [`Self::describe`] completes it.
    pub fn span(lane: &str) -> tracing::Span {
        tracing::error_span!("batch", lane, requests = Empty, request_ids = Empty)
    }

    /// Adds to a span the number of the requests, and the ids of the first ones.
    pub fn describe(&self, span: &tracing::Span) {
        let requests = self.requests();
        span.record("requests", requests.len());
        span.record("request_ids", display(RequestIds(&requests)));
    }

    /// [`Self::describe`] for the span in which the batch is executed, once no others join.
    pub fn describe_once(&self) {
        if self.is_described.set(()).is_ok() {
            self.describe(&tracing::Span::current());
        }
    }
}

/// The ids of the first requests of a batch, separated by commas.
struct RequestIds<'a>(&'a Requests);

impl Display for RequestIds<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().filter_map(|(_, request)| request.id.as_ref());
        for (position, id) in ids.take(MAX_LOGGED_IDS).enumerate() {
            let separator = if position == 0 { "" } else { "," };
            write!(formatter, "{separator}{id}")?;
        }
        Ok(())
    }
}
