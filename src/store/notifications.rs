//! Notifications between processes that share a PostgreSQL database.
//!
//! One process publishes events. The others notify it of their transactions, so that it need not
//! wait for its next look at the outbox: the server delivers a notification to all who listen once
//! the transaction has committed. Nothing depends on it. A notification that is lost costs the time
//! until that look, and so does a database without notifications.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;

use super::pooling::Pooling;
use super::{AnyConnection, DatabaseUrl, Store, StoreError};

/// To what [`AnyConnection::begin_write_locking`] sends.
const LISTEN: &str = "LISTEN matchcast_outbox";

/// What decides whether the transactions of this process notify others.
#[derive(Debug, Default)]
pub(super) struct Notifying {
    /// Then the database has notifications.
    listens: AtomicBool,
    publishes: AtomicBool,
}

impl Notifying {
    pub fn is_wanted(&self) -> bool {
        self.listens.load(Ordering::Relaxed) && !self.publishes.load(Ordering::Relaxed)
    }
}

/// A connection that hears of the transactions of other processes.
pub struct Listener {
    store: Store,
    connection: AnyConnection,
}

impl Store {
    /// Whether this process publishes the events that its transactions write.
    pub fn set_publishes(&self, publishes: bool) {
        self.inner.notifying.publishes.store(publishes, Ordering::Relaxed);
    }

    pub fn publishes(&self) -> bool {
        self.inner.notifying.publishes.load(Ordering::Relaxed)
    }

    /// Opens a connection that listens. From then on, transactions of this process notify others
    /// while it does not publish. `None`: SQLite, and a pooler in transaction mode, whose clients
    /// have no session that could listen.
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
    /// Whether notifications have arrived since the last call. Does not wait for the server.
    pub fn has_heard(&mut self) -> Result<bool, StoreError> {
        let AnyConnection::Postgres(connection) = &mut self.connection else { return Ok(false) };
        let mut has_heard = false;
        for notification in connection.notifications_iter() {
            notification.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            has_heard = true;
        }
        Ok(has_heard)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.store.inner.notifying.listens.store(false, Ordering::Relaxed);
    }
}
