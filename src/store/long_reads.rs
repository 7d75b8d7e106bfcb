//! Reads of many rows: pages of exports, and reports. They take longer than those of users, so few
//! of them run at the same time.

use std::sync::Arc;
use std::time::Duration;

use super::permits::acquire;
use super::{AnyConnection, Call, Store, StoreError};
use crate::deadline::Deadline;

/// Reports that run at the same time.
pub(super) const MAX_REPORTS: usize = 2;
/// How long a report may take, and a page of an export may wait: much longer than a request of a
/// user.
const REPORT_TIMEOUT: Duration = Duration::from_secs(60);
/// Pages of exports that are read at the same time.
pub(super) const MAX_BULK_READS: usize = 2;

impl Store {
    /// [`Store::read`] for pages of exports: few at the same time, and the others wait longer than
    /// requests of users do.
    pub async fn read_bulk<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let deadline = Deadline::within(REPORT_TIMEOUT);
        let _permit = acquire(&self.inner.bulk_permits, deadline).await?;
        self.read(work).await
    }

    /// [`Store::read_snapshot`] for work that reads many rows. It takes no connection from the
    /// pool, and its limit is a minute, also within a request.
    pub async fn report<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let timeout = self.inner.timeouts.request;
        let permit = acquire(&self.inner.report_permits, Deadline::within(timeout)).await?;
        let inner = Arc::clone(&self.inner);
        let on_thread = move |_: &Arc<Call>| {
            let mut connection = AnyConnection::open_with(&inner.url, timeout, REPORT_TIMEOUT)?;
            connection.begin_report(REPORT_TIMEOUT)?;
            let outcome = work(&mut connection);
            connection.rollback()?;
            outcome.map_err(|error| connection.explain(error))
        };
        self.inner.given_up.run(Deadline::after(REPORT_TIMEOUT), permit, on_thread).await
    }
}
