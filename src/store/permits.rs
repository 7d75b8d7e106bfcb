//! Permits to use a connection, and how long calls wait for them.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StoreError;
use crate::deadline::Deadline;

pub async fn acquire(
    permits: &Arc<Semaphore>,
    deadline: Deadline,
) -> Result<OwnedSemaphorePermit, StoreError> {
    let started = Instant::now();
    let permit = Arc::clone(permits).acquire_owned();
    let acquired = tokio::time::timeout_at(deadline.instant().into(), permit).await;
    metrics::histogram!("matchcast_store_wait_seconds").record(started.elapsed());
    match acquired {
        Ok(Ok(permit)) => Ok(permit),
        _ => {
            metrics::counter!("matchcast_store_wait_failed_total").increment(1);
            Err(StoreError::Unavailable("all connections are in use".to_owned()))
        }
    }
}
