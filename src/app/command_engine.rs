//! An engine for one command, beside running servers.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;

use super::engine_settings;
use crate::config::Config;
use crate::engine::{self, EngineError, EngineHandle, EngineSettings, Notifiers};
use crate::store::markets::{Catalog, SharedCatalog};
use crate::store::webhook_endpoints::{SharedSubscriptions, subscriptions};
use crate::store::{Store, is_migrated};

/// One for the command itself.
const CONNECTIONS: u32 = 1;

/// An engine that executes what a command asks for, as a server would. Running servers publish the
/// events.
pub struct CommandEngine {
    handle: EngineHandle,
    thread: JoinHandle<()>,
    catalog: SharedCatalog,
}

impl CommandEngine {
    /// # Errors
    /// If the database cannot be opened, or was not migrated to this version.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        let (url, timeouts) = (config.database.clone(), config.database_timeouts);
        let store = Store::open_with(url, CONNECTIONS, timeouts);
        let store = store.context("the database cannot be opened")?;
        let mut connection = store.connect()?;
        anyhow::ensure!(is_migrated(&mut connection)?, "the database has another version");
        let catalog = SharedCatalog::read(&mut connection, config.market.listings.clone())?;
        let shared = SharedSubscriptions::default();
        if config.webhooks.enabled {
            shared.replace(subscriptions(&mut connection)?);
        }
        // One request needs one lane.
        let settings = EngineSettings { lanes: 1, ..engine_settings(config) };
        let (handle, thread) =
            engine::start(store, catalog.clone(), shared, Notifiers::default(), settings)?;
        Ok(Self { handle, thread, catalog })
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.current()
    }

    /// Lets the engine execute a request, and ends it.
    pub fn run<T>(
        self,
        request: impl AsyncFnOnce(EngineHandle) -> Result<T, EngineError>,
    ) -> anyhow::Result<Result<T, EngineError>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let executed = runtime.block_on(async {
            let executed = request(self.handle.clone()).await;
            self.handle.stop().await;
            executed
        });
        if self.thread.join().is_err() {
            anyhow::bail!("the engine has ended with a panic");
        }
        Ok(executed)
    }
}
