//! Hears of the events that other processes write.
//!
//! A notification waits in a buffer of this machine until somebody looks. To look costs one system
//! call and nothing of the server, so this looks often while something is heard.

use std::future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::outage::Outage;
use crate::store::{Listener, Store, StoreError};

/// Between two looks while this process publishes and others write.
const BUSY_INTERVAL: Duration = Duration::from_millis(2);
const QUIET_INTERVAL: Duration = Duration::from_millis(25);
/// Others write, if something was heard in this time.
const BUSY_PERIOD: Duration = Duration::from_secs(5);
/// Before a connection that was lost is opened again.
const PAUSE: Duration = Duration::from_secs(1);

static LISTENING: Outage = Outage::warning(
    "notifications",
    "this process does not hear of the events of others, and looks for them from time to time",
    "this process hears of the events of others again",
);

/// Notifies `written` of events that other processes have written. Never completes.
pub async fn listen(store: Store, written: Arc<Notify>) {
    loop {
        match store.listen().await {
            Ok(Some(listener)) => {
                LISTENING.recovered();
                // What was written while nobody listened.
                written.notify_one();
                LISTENING.failed(&hear(&store, listener, &written).await);
            }
            Ok(None) => future::pending().await,
            Err(StoreError::Other(cause)) => {
                tracing::info!(
                    cause,
                    "the database has no notifications: events of other \
                    processes are found from time to time"
                );
                future::pending().await
            }
            Err(error) => LISTENING.failed(&error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Until the connection is lost.
async fn hear(store: &Store, mut listener: Listener, written: &Notify) -> StoreError {
    let mut heard_at: Option<Instant> = None;
    loop {
        match listener.has_heard() {
            Ok(true) => {
                heard_at = Some(Instant::now());
                written.notify_one();
            }
            Ok(false) => {}
            Err(error) => return error,
        }
        let is_busy = heard_at.is_some_and(|at| at.elapsed() < BUSY_PERIOD) && store.publishes();
        tokio::time::sleep(if is_busy { BUSY_INTERVAL } else { QUIET_INTERVAL }).await;
    }
}
