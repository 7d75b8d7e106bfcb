//! What everybody may hear of a book, coalesced: `book.updated` on the channel of its market.
//!
//! It guarantees, over all processes that share a database:
//!
//! - the first change after a quiet time is told at once, and the last one always: what changed
//!   while nothing may be told is told together when the time has come;
//! - no more than so many events of a market in a second;
//! - the events of a market are numbered without a hole, each tells the book at least as it stood
//!   when it was numbered, and no order ever waits for it.
//!
//! Each batch counts its markets' versions up, and the version that was told last is kept beside
//! them. So nothing is remembered in here, and nothing is lost with a process: versions that differ
//! are found by the next look of any process. A commit of this process causes a look at once, what
//! another one has left is found within [`SLOW_LOOK`].

mod book;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::events::SizeLimits;
use crate::market::{Market, Side};
use crate::store::markets::Catalog;
use crate::store::published_books::{self, OutdatedBook};
use crate::store::{AnyConnection, Store, StoreError, now, outbox};
use book::BookDepth;

/// How often to look when nobody has said that there is something to tell.
const SLOW_LOOK: Duration = Duration::from_secs(1);
/// The least time between two looks: a busy engine commits more often than there is to tell.
const LEAST_PAUSE: Duration = Duration::from_millis(10);
/// Waiting after the database could not be used.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// How much of a book is told, and how often.
#[derive(Clone, Copy, Debug)]
pub struct BookPublisherSettings {
    /// Most events of one market in a second; at least 1.
    pub updates_per_second: u32,
    /// Prices on each side.
    pub depth: i64,
    pub size_limits: SizeLimits,
}

impl BookPublisherSettings {
    /// The least time between two events of a market.
    fn interval(&self) -> Duration {
        // Rounded up, or there would be one too many in a second.
        let micros = 1_000_000_u64.div_ceil(u64::from(self.updates_per_second.max(1)));
        Duration::from_micros(micros)
    }
}

/// The feed of one process.
pub struct BookPublisher {
    store: Store,
    teller: Teller,
    /// NewEvents when a book may have changed.
    changes: Arc<Notify>,
    /// To be told that events wait.
    publisher: Arc<Notify>,
    /// The database did not serve, which is logged once and not at every look.
    has_failed: bool,
}

/// When to look again, at the latest.
enum Next {
    /// Nothing is left to tell.
    Idle,
    /// Something is, but it is too early.
    Due(Duration),
    Failed,
}

impl BookPublisher {
    /// A feed of the catalog's markets. `changes` notifiers it, and it notifiers `publisher`.
    pub fn new(
        store: Store,
        catalog: Arc<Catalog>,
        settings: BookPublisherSettings,
        changes: Arc<Notify>,
        publisher: Arc<Notify>,
    ) -> Self {
        let teller = Teller { catalog, settings };
        Self { store, teller, changes, publisher, has_failed: false }
    }

    /// Tells until `stop` turns true, and then what is left, once it is time for it.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let looked_at = Instant::now();
            let (at_least, at_most) = match self.look().await {
                Next::Idle => (LEAST_PAUSE, SLOW_LOOK),
                Next::Due(wait) => (LEAST_PAUSE, wait.min(SLOW_LOOK)),
                Next::Failed => (DATABASE_PAUSE, DATABASE_PAUSE),
            };
            let woken = async {
                self.changes.notified().await;
                tokio::time::sleep_until(looked_at + at_least).await;
            };
            tokio::select! {
                () = tokio::time::sleep(at_most) => {}
                () = woken => {}
                _ = stop.changed() => {}
            }
        }
        // Whatever there is to tell by now is due by then; what comes later is another's to tell.
        let all_due_at = Instant::now() + self.teller.settings.interval();
        loop {
            let looked_at = Instant::now();
            match self.look().await {
                Next::Due(wait) if looked_at <= all_due_at => tokio::time::sleep(wait).await,
                _ => return,
            }
        }
    }

    /// Tells what it is time for.
    async fn look(&mut self) -> Next {
        let teller = self.teller.clone();
        match self.store.run(move |store, connection| teller.tell(store, connection)).await {
            Ok(look) => {
                if look.told > 0 {
                    self.publisher.notify_one();
                }
                if std::mem::take(&mut self.has_failed) {
                    tracing::info!("books are told again");
                }
                look.due.map_or(Next::Idle, Next::Due)
            }
            Err(error) => {
                metrics::counter!("matchcast_feed_failures_total").increment(1);
                if !std::mem::replace(&mut self.has_failed, true) {
                    tracing::error!(%error, "books cannot be told; it is tried again");
                }
                Next::Failed
            }
        }
    }
}

/// What a look has led to.
#[derive(Debug, Default)]
struct Look {
    told: usize,
    /// How long until something that is left may be told.
    due: Option<Duration>,
}

/// What happens on a thread that may block.
#[derive(Clone)]
struct Teller {
    catalog: Arc<Catalog>,
    settings: BookPublisherSettings,
}

impl Teller {
    fn tell(&self, store: &Store, connection: &mut AnyConnection) -> Result<Look, StoreError> {
        let interval = self.settings.interval();
        let mut look = Look::default();
        let mut later = |wait: Duration| look.due = Some(look.due.map_or(wait, |d| d.min(wait)));
        for OutdatedBook { market, published_at } in published_books::outdated(connection)? {
            // A market that came up after this process started is another's to tell.
            let Some(market) = self.catalog.markets.get(&market) else { continue };
            match published_at.map(|published_at| (published_at + interval - now()).to_std()) {
                // What is further away was written by a clock that was wrong.
                Some(Ok(wait)) if wait > Duration::ZERO && wait <= interval => {
                    later(wait);
                    continue;
                }
                Some(_) => {}
                None => begin(store, connection, market)?,
            }
            if store.write(connection, |c| self.tell_market(c, market))? {
                look.told += 1;
            } else {
                // Another process has told it meanwhile, perhaps not as it stands now.
                later(interval);
            }
        }
        Ok(look)
    }

    /// One transaction: what is noted as told is told. Says whether there was something.
    fn tell_market(
        &self,
        connection: &mut AnyConnection,
        market: &Market,
    ) -> Result<bool, StoreError> {
        let BookPublisherSettings { depth, size_limits, .. } = self.settings;
        let turn =
            published_books::claim_update(connection, market.id, now(), self.settings.interval())?;
        let Some(sequence) = turn else { return Ok(false) };
        let book = BookDepth {
            bids: published_books::levels(connection, market.id, Side::Buy, depth)?,
            asks: published_books::levels(connection, market.id, Side::Sell, depth)?,
        };
        let Some(event) = book::event(market, sequence, book, size_limits) else {
            return Err(StoreError::Other(format!(
                "not even an empty book of {} is small enough for its channel",
                market.symbol
            )));
        };
        outbox::write(connection, &event)?;
        Ok(true)
    }
}

fn begin(store: &Store, connection: &mut AnyConnection, market: &Market) -> Result<(), StoreError> {
    match store.write(connection, |c| published_books::create(c, market.id)) {
        // Another process was faster.
        Err(StoreError::Duplicate(_)) => Ok(()),
        begun => begun,
    }
}
