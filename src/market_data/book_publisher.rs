//! Publishes order books as `book.updated`. Guarantees across all processes that share a database:
//!
//! - The first change after a quiet period is published at once, and the last change always:
//!   changes in between are published together as soon as the rate limit allows.
//! - At most `updates_per_second` events per market.
//! - The events of a market are numbered without gaps. Each has the version of the book that it
//!   contains, which is greater than that of the event before. No order ever waits for it.
//!
//! Each batch increments the versions of its markets' books, and the last published version is
//! stored beside them. No state is kept in memory and none is lost with a process: any process
//! finds versions that differ. A commit of this process triggers a check at once; changes left by
//! another process are found within [`CHECK_INTERVAL`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::book;
use crate::events::SizeLimits;
use crate::market::Market;
use crate::outage::Outage;
use crate::store::markets::SharedCatalog;
use crate::store::published_books::{self, OutdatedBook};
use crate::store::{AnyConnection, Store, StoreError, book_depth, now, outbox};

/// How often books are checked without a notification.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The minimum time between two checks: a busy engine commits more often than books are published.
const MIN_CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// The pause after a database error.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

static OUTAGE: Outage = Outage::error(
    "order_books",
    "order books cannot be published; retrying",
    "order books are published again",
);

/// How much of a book is published, and how often.
#[derive(Clone, Copy, Debug)]
pub struct BookPublisherSettings {
    /// The most events per market and second; at least 1.
    pub updates_per_second: u32,
    /// Prices per side.
    pub depth: i64,
    pub size_limits: SizeLimits,
}

impl BookPublisherSettings {
    /// The minimum time between two events of a market.
    fn interval(&self) -> Duration {
        // Rounded up, so that no second has one event too many.
        let micros = 1_000_000_u64.div_ceil(u64::from(self.updates_per_second.max(1)));
        Duration::from_micros(micros)
    }
}

/// The book publisher of one process.
pub struct BookPublisher {
    store: Store,
    catalog: SharedCatalog,
    settings: BookPublisherSettings,
    /// Notified when a book may have changed.
    changes: Arc<Notify>,
    /// Notified of new events.
    events: Arc<Notify>,
}

/// When to check again.
enum NextCheck {
    /// Every book is published.
    WhenNotified,
    /// The rate limit delays a book for this long.
    In(Duration),
    AfterFailure,
}

impl BookPublisher {
    /// Publishes the catalog's markets. `changes` triggers a check; `events` is notified of new
    /// events.
    pub fn new(
        store: Store,
        catalog: SharedCatalog,
        settings: BookPublisherSettings,
        changes: Arc<Notify>,
        events: Arc<Notify>,
    ) -> Self {
        Self { store, catalog, settings, changes, events }
    }

    /// Publishes until `stop` turns true, and then once more everything that changed before.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let checked_at = Instant::now();
            let (at_least, at_most) = match self.check().await {
                NextCheck::WhenNotified => (MIN_CHECK_INTERVAL, CHECK_INTERVAL),
                NextCheck::In(wait) => (MIN_CHECK_INTERVAL, wait.min(CHECK_INTERVAL)),
                NextCheck::AfterFailure => (DATABASE_PAUSE, DATABASE_PAUSE),
            };
            let notified = async {
                self.changes.notified().await;
                tokio::time::sleep_until(checked_at + at_least).await;
            };
            tokio::select! {
                () = tokio::time::sleep(at_most) => {}
                () = notified => {}
                _ = stop.changed() => {}
            }
        }
        // Changes until now are due by then; later ones are left to another process.
        let all_due_at = Instant::now() + self.settings.interval();
        loop {
            let checked_at = Instant::now();
            match self.check().await {
                NextCheck::In(wait) if checked_at <= all_due_at => tokio::time::sleep(wait).await,
                _ => return,
            }
        }
    }

    /// Publishes the books that are due.
    async fn check(&self) -> NextCheck {
        let (catalog, settings) = (self.catalog.clone(), self.settings);
        let check =
            self.store.run(move |store, c| publish_due_books(store, c, &catalog, &settings)).await;
        match check {
            Ok(check) => {
                if check.published > 0 {
                    self.events.notify_one();
                }
                OUTAGE.recovered();
                check.next_due_in.map_or(NextCheck::WhenNotified, NextCheck::In)
            }
            Err(error) => {
                metrics::counter!("matchcast_market_data_failures_total").increment(1);
                OUTAGE.failed(&error);
                NextCheck::AfterFailure
            }
        }
    }
}

/// The result of a check.
#[derive(Debug, Default)]
struct Check {
    published: usize,
    /// The time until the next book is due, if one is left.
    next_due_in: Option<Duration>,
}

/// Publishes each outdated book whose rate limit allows it. Blocks.
fn publish_due_books(
    store: &Store,
    connection: &mut AnyConnection,
    shared: &SharedCatalog,
    settings: &BookPublisherSettings,
) -> Result<Check, StoreError> {
    let interval = settings.interval();
    let mut catalog = shared.current();
    let mut check = Check::default();
    let mut delay = |wait: Duration| {
        check.next_due_in = Some(check.next_due_in.map_or(wait, |next| next.min(wait)));
    };
    for OutdatedBook { market, published_at } in published_books::outdated(connection)? {
        // Created by another process since the catalog was read.
        if !catalog.markets.contains_key(&market) && shared.may_reload() {
            catalog = shared.reload(connection)?;
        }
        let Some(market) = catalog.markets.get(&market) else { continue };
        match published_at.map(|published_at| (published_at + interval - now()).to_std()) {
            // A longer wait comes from a clock that was wrong.
            Some(Ok(wait)) if wait > Duration::ZERO && wait <= interval => {
                delay(wait);
                continue;
            }
            Some(_) => {}
            None => create_row(store, connection, market)?,
        }
        if store.write(connection, |c| publish_book(c, market, settings))? {
            check.published += 1;
        } else {
            // Another process has published it in the meantime, maybe an older version.
            delay(interval);
        }
    }
    Ok(check)
}

/// Publishes the book of one market, unless another process did: reads it, claims the next sequence
/// number and writes the event, in one transaction.
fn publish_book(
    connection: &mut AnyConnection,
    market: &Market,
    settings: &BookPublisherSettings,
) -> Result<bool, StoreError> {
    let depth = book_depth::read(connection, market.id, settings.depth)?;
    let (version, interval) = (depth.version, settings.interval());
    let turn = published_books::claim_update(connection, market.id, version, now(), interval)?;
    let Some(sequence) = turn else { return Ok(false) };
    let Some(event) = book::event(market, sequence, depth, settings.size_limits) else {
        return Err(StoreError::Other(format!(
            "even an empty book of {} exceeds the size limit of its channel",
            market.symbol
        )));
    };
    outbox::write(connection, &event)?;
    Ok(true)
}

fn create_row(
    store: &Store,
    connection: &mut AnyConnection,
    market: &Market,
) -> Result<(), StoreError> {
    match store.write(connection, |c| published_books::create(c, market.id)) {
        // Another process was faster.
        Err(StoreError::Duplicate(_)) => Ok(()),
        created => created,
    }
}
