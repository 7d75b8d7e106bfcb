//! The publisher's own database connection, so that it never waits for the pool.

use crate::store::{AnyConnection, Store, StoreError};

/// A connection that is opened on first use, and again after each failure.
pub struct Connection {
    store: Store,
    open: Option<AnyConnection>,
}

impl Connection {
    pub fn new(store: Store) -> Self {
        Self { store, open: None }
    }

    /// Runs `work` outside a transaction.
    pub async fn read<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |_, connection| work(connection)).await
    }

    /// Runs `work` in one write transaction, again after a conflict.
    pub async fn write<T: Send + 'static>(
        &mut self,
        work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |store, connection| store.write(connection, work)).await
    }

    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (connection, value) = self.store.run_on(self.open.take(), work).await?;
        self.open = Some(connection);
        Ok(value)
    }
}
