//! The publisher's own connection: requests that fill the pool do not keep events waiting.

use crate::store::{AnyConnection, Store, StoreError};

/// Opened when it is first needed, and again after each failure.
pub struct Connection {
    store: Store,
    kept: Option<AnyConnection>,
}

impl Connection {
    pub fn new(store: Store) -> Self {
        Self { store, kept: None }
    }

    pub async fn read<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |_, connection| work(connection)).await
    }

    /// One write transaction.
    pub async fn write<T: Send + 'static>(
        &mut self,
        work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |store, connection| store.write(connection, work)).await
    }

    /// Runs `work` on a thread that may block; the connection is not kept across an await.
    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Store, &mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, kept) = (self.store.clone(), self.kept.take());
        let task = tokio::task::spawn_blocking(move || {
            let mut connection = kept.map_or_else(|| store.connect(), Ok)?;
            let value = work(&store, &mut connection)?;
            Ok((connection, value))
        });
        let done = task.await.unwrap_or_else(|error| Err(StoreError::Other(error.to_string())));
        let (connection, value) = done?;
        self.kept = Some(connection);
        Ok(value)
    }
}
