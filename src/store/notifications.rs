//! Notifications between processes that share a PostgreSQL database.
//!
//! A process that does not publish all events that it writes notifies the others of its
//! transactions, so that they need not wait for their next look at the outbox: the server delivers
//! a notification to all who listen once the transaction has committed. Nothing depends on it. A
//! notification that is lost costs the time until that look, and so does a database without
//! notifications.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use diesel::connection::SimpleConnection;
use rand::Rng;

use super::outbox::ShardSet;
use super::pooling::Pooling;
use super::{AnyConnection, DatabaseUrl, Store, StoreError};

/// To what [`AnyConnection::begin_write_locking`] sends.
const LISTEN: &str = "LISTEN matchcast_outbox";

/// What decides whether the transactions of this process notify others.
#[derive(Debug)]
pub(super) struct Notifying {
    /// Then the database has notifications.
    listens: AtomicBool,
    /// [`ShardSet::bits`] of what this process publishes.
    published: AtomicU64,
    /// With its notifications, so that it does not hear of itself.
    sender: String,
}

impl Default for Notifying {
    fn default() -> Self {
        let sender = format!("{:016x}", rand::rng().random::<u64>());
        let published = AtomicU64::new(ShardSet::EMPTY.bits());
        Self { listens: AtomicBool::new(false), published, sender }
    }
}

impl Notifying {
    /// The sender of the notifications of this process; `None`: they are not wanted.
    pub fn sender(&self) -> Option<&str> {
        let is_wanted = self.listens.load(Ordering::Relaxed) && self.published() != ShardSet::ALL;
        is_wanted.then_some(&*self.sender)
    }

    fn published(&self) -> ShardSet {
        ShardSet::from_bits(self.published.load(Ordering::Relaxed))
    }
}

/// A connection that hears of the transactions of other processes.
pub struct Listener {
    store: Store,
    connection: AnyConnection,
}

impl Store {
    /// Notes the shards whose events this process publishes.
    pub fn set_published(&self, shards: ShardSet) {
        self.inner.notifying.published.store(shards.bits(), Ordering::Relaxed);
    }

    /// Whether this process publishes any events.
    pub fn publishes(&self) -> bool {
        !self.inner.notifying.published().is_empty()
    }

    /// Opens a connection that listens. From then on, transactions of this process notify others
    /// while it does not publish everything. `None`: SQLite, and a pooler in transaction mode,
    /// whose clients have no session that could listen.
    ///
    /// # Errors
    /// [`StoreError::Other`] if the database has no notifications.
    pub async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        let DatabaseUrl::Postgres { hosts, pooling, .. } = &self.inner.url else {
            return Ok(None);
        };
        // Known since the pool was opened.
        if pooling.get(hosts)? == Pooling::Transaction {
            return Ok(None);
        }
        let opened = self.run_on(None, |_, connection| Ok(connection.batch_execute(LISTEN)?));
        let (connection, ()) = opened.await?;
        self.inner.notifying.listens.store(true, Ordering::Relaxed);
        Ok(Some(Listener { store: self.clone(), connection }))
    }
}

impl Listener {
    /// Whether notifications of other processes have arrived since the last call. Does not wait for
    /// the server.
    pub fn has_heard(&mut self) -> Result<bool, StoreError> {
        let AnyConnection::Postgres(connection) = &mut self.connection else { return Ok(false) };
        let mut has_heard = false;
        for notification in connection.notifications_iter() {
            let notification =
                notification.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            has_heard |= notification.payload != self.store.inner.notifying.sender;
        }
        Ok(has_heard)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.store.inner.notifying.listens.store(false, Ordering::Relaxed);
    }
}
