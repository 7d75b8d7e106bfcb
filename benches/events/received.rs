//! The events that subscribers or the provider received, and the checks on them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::watch;

use crate::database::Database;

/// A measurement fails when nothing has happened for this long.
const STALL_TIMEOUT: Duration = Duration::from_secs(20);

/// No user has this id.
const MARKET: i64 = 0;

/// The part of `order.matched` and `trade.executed` that the benchmarks need.
#[derive(Deserialize)]
struct OfTrade {
    trade_id: i64,
}

/// An `order.matched` on the channel of a user, or a `trade.executed` on that of a market.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedEvent {
    /// [`MARKET`] on the channel of a market.
    pub user: i64,
    pub trade: i64,
    pub at: Instant,
}

impl ReceivedEvent {
    /// # Panics
    /// If it is another event, or on another channel.
    pub fn parse(channel: &str, data: &str, at: Instant) -> Self {
        let user = match channel.strip_prefix("private-user.") {
            Some(user) => user.parse().ok(),
            None => channel.starts_with("market.").then_some(MARKET),
        };
        let user = user.unwrap_or_else(|| panic!("an event on {channel}"));
        let OfTrade { trade_id: trade } = serde_json::from_str(data).expect("an event of a trade");
        Self { user, trade, at }
    }
}

/// Collects received events from several tasks. Clones share the same log.
#[derive(Clone)]
pub struct EventLog {
    events: Arc<Mutex<Vec<ReceivedEvent>>>,
    len: watch::Sender<usize>,
}

impl EventLog {
    pub fn new() -> Self {
        Self { events: Arc::default(), len: watch::Sender::new(0) }
    }

    pub fn add(&self, received: &[ReceivedEvent]) {
        let mut events = self.lock();
        events.extend(received);
        self.len.send_replace(events.len());
    }

    /// Waits until the log has at least `count` events.
    ///
    /// # Panics
    /// If no event is added for [`STALL_TIMEOUT`].
    pub async fn wait_for(&self, count: usize) {
        let mut len = self.len.subscribe();
        while *len.borrow_and_update() < count {
            let changed = tokio::time::timeout(STALL_TIMEOUT, len.changed()).await;
            let current = *len.borrow();
            changed
                .unwrap_or_else(|_| panic!("{current} of {count} events"))
                .expect("the log holds the sender");
        }
    }

    /// Empties the log and returns its events.
    pub fn take(&self) -> Vec<ReceivedEvent> {
        let mut events = self.lock();
        self.len.send_replace(0);
        std::mem::take(&mut *events)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ReceivedEvent>> {
        self.events.lock().expect("no panic while the lock is held")
    }
}

/// The number of events that arrived after a later event of the same channel.
pub fn out_of_order(received: &[ReceivedEvent]) -> usize {
    let mut last_trades = HashMap::new();
    let is_late = |event: &&ReceivedEvent| {
        let last = last_trades.entry(event.user).or_insert(event.trade);
        let is_late = event.trade < *last;
        *last = event.trade.max(*last);
        is_late
    };
    received.iter().filter(is_late).count()
}

/// Checks that buyer and seller of each trade in the database received it exactly once and in
/// order, that the outbox becomes empty, and that the audit finds no errors.
///
/// # Panics
/// If one of these checks fails.
pub async fn check(database: &Database, received: &[ReceivedEvent]) {
    let distinct: HashSet<(i64, i64)> =
        received.iter().map(|event| (event.user, event.trade)).collect();
    let trades = database.trades();
    let expected = trades.iter().flat_map(|(id, buyer, seller)| [(*buyer, *id), (*seller, *id)]);
    assert!(distinct == expected.collect(), "buyer and seller of each trade receive it");
    assert_eq!(distinct.len(), received.len(), "no event is received twice");
    assert_eq!(out_of_order(received), 0, "each channel receives its trades in order");
    wait_until_delivered(database).await;
    database.audit();
}

/// Waits until the outbox is empty.
pub async fn wait_until_delivered(database: &Database) {
    let started = Instant::now();
    while database.pending_count() > 0 {
        assert!(started.elapsed() < STALL_TIMEOUT, "delivered events stay in the outbox");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
