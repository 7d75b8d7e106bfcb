//! What was heard of trades: by whom, when, and whether that is what was to be heard.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::watch;

use crate::database::Database;

/// How long nothing may happen before a measurement has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// `order.matched`, as far as it is looked at.
#[derive(Deserialize)]
pub struct Matched {
    pub trade_id: i64,
}

/// One event, heard on the channel of a user.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub user: i64,
    pub trade: i64,
    pub at: Instant,
}

impl Heard {
    /// # Panics
    /// When it is no `order.matched` on the channel of a user.
    pub fn read(channel: &str, data: &str, at: Instant) -> Self {
        let user = channel.strip_prefix("private-user.").and_then(|user| user.parse().ok());
        let user = user.unwrap_or_else(|| panic!("an event on {channel}"));
        let Matched { trade_id: trade } = serde_json::from_str(data).expect("an order.matched");
        Self { user, trade, at }
    }
}

/// What was heard since it was taken last, by many at once. Clones share it.
#[derive(Clone)]
pub struct Log {
    heard: Arc<Mutex<Vec<Heard>>>,
    count: watch::Sender<usize>,
}

impl Log {
    pub fn new() -> Self {
        Self { heard: Arc::default(), count: watch::Sender::new(0) }
    }

    pub fn add(&self, heard: &[Heard]) {
        let mut all = self.lock();
        all.extend(heard);
        self.count.send_replace(all.len());
    }

    /// Waits until so many events were heard, as long as there is any progress.
    pub async fn wait_for(&self, count: usize) {
        let mut current = self.count.subscribe();
        while *current.borrow_and_update() < count {
            let changed = tokio::time::timeout(PATIENCE, current.changed()).await;
            let have = *current.borrow();
            changed.unwrap_or_else(|_| panic!("{have} of {count} events")).expect("it is ours");
        }
    }

    pub fn take(&self) -> Vec<Heard> {
        let mut all = self.lock();
        self.count.send_replace(0);
        std::mem::take(&mut *all)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().expect("nobody panics in here")
    }
}

/// Events that came after a later one of their channel.
pub fn out_of_order(heard: &[Heard]) -> usize {
    let mut last = HashMap::new();
    let is_late = |event: &&Heard| {
        let last = last.entry(event.user).or_insert(event.trade);
        let is_late = event.trade < *last;
        *last = event.trade.max(*last);
        is_late
    };
    heard.iter().filter(is_late).count()
}

/// Each trade of the database was heard by its buyer and by its seller, once and in order, the
/// outbox is empty, and the books are right.
///
/// # Panics
/// When that is not so.
pub async fn check(database: &Database, heard: &[Heard]) {
    let told: HashSet<(i64, i64)> = heard.iter().map(|event| (event.user, event.trade)).collect();
    let trades = database.trades();
    let due = trades.iter().flat_map(|(id, buyer, seller)| [(*buyer, *id), (*seller, *id)]);
    assert!(told == due.collect(), "not exactly buyer and seller have heard of each trade");
    assert_eq!(told.len(), heard.len(), "nothing is heard twice");
    assert_eq!(out_of_order(heard), 0, "each channel hears its trades in order");
    let started = Instant::now();
    while database.pending_count() > 0 {
        assert!(started.elapsed() < PATIENCE, "delivered events stay in the outbox");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    database.audit();
}
