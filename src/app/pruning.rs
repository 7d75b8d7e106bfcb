//! Deletes expired tokens, sessions, webhook digests and idempotency keys, as long as the process
//! runs.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::outage::Outage;
use crate::store::pruning::{Expiring, prune};
use crate::store::{Store, StoreError};

/// How often rows are pruned.
pub const INTERVAL: Duration = Duration::from_secs(300);
/// The most rows that one transaction deletes.
const BATCH: i64 = 500;

static OUTAGE: Outage =
    Outage::warning("pruning", "expired rows cannot be deleted", "expired rows are deleted again");

/// Prunes now and then once per `interval`. Never completes.
pub async fn run(store: Store, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match prune_all(&store).await {
            Ok(()) => OUTAGE.recovered(),
            Err(error) => OUTAGE.failed(&error),
        }
    }
}

async fn prune_all(store: &Store) -> Result<(), StoreError> {
    for expiring in Expiring::ALL {
        let table = expiring.table();
        let mut pruned = 0;
        loop {
            let batch = store.transact(move |c| prune(c, expiring, BATCH)).await?;
            metrics::counter!("matchcast_pruned_total", "table" => table)
                .increment(u64::try_from(batch).unwrap_or(u64::MAX));
            pruned += batch;
            if i64::try_from(batch).is_ok_and(|batch| batch < BATCH) {
                break;
            }
        }
        if pruned > 0 {
            tracing::debug!(table, pruned, "expired rows were deleted");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::store::fixtures::temporary;
    use crate::store::sessions::{Session, create_session};
    use crate::store::{ClientInfo, now};

    #[tokio::test]
    async fn rows_are_pruned_again_and_again() {
        let (_folder, store) = temporary(1);
        let pruning = tokio::spawn(run(store.clone(), Duration::from_millis(10)));
        let expires_at = now() - TimeDelta::hours(2);
        let create = || {
            let session = Session { user: None, state: String::new(), expires_at };
            let client = ClientInfo::default();
            store.transact(move |c| create_session(c, "the same id", &session, &client))
        };
        for _ in 0..3 {
            let created = async {
                while create().await.is_err() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            let timeout = Duration::from_secs(20);
            tokio::time::timeout(timeout, created).await.expect("the last one was pruned");
        }
        pruning.abort();
    }
}
