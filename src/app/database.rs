//! Opens the database at startup.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::config::{Config, Environment, ReadReplicas};
use crate::demo::{self, Team};
use crate::store::markets::{self, SharedCatalog};
use crate::store::{self, DatabaseUrl, Replicas, Store, StoreError};

/// Pause between two attempts to reach the database.
const PAUSE: Duration = Duration::from_millis(500);

/// A database that is ready to be used.
pub struct Opened {
    pub store: Store,
    /// Used once [`Replicas::watch`] runs. `None`: there are none.
    pub replicas: Option<Arc<Replicas>>,
    pub catalog: SharedCatalog,
    /// `None`: the demo has no traders.
    pub team: Option<Team>,
}

/// Migrates the schema, creates missing markets, demo users and traders, and reads the catalog.
/// Waits for PostgreSQL if it is unavailable.
///
/// # Errors
/// If the database is unavailable, or production is pointed at a database with demo users.
pub async fn open(config: &Config) -> anyhow::Result<Opened> {
    let give_up_at = Instant::now() + config.database_start_timeout;
    let mut has_waited = false;
    loop {
        match open_now(config).await {
            // Waiting does not make a file appear.
            Err(error)
                if is_unavailable(&error)
                    && matches!(config.database, DatabaseUrl::Postgres { .. })
                    && Instant::now() < give_up_at =>
            {
                if !has_waited {
                    let timeout_s = config.database_start_timeout.as_secs();
                    tracing::warn!(
                        timeout_s,
                        cause = format!("{error:#}"),
                        "waiting for the database, which is unavailable"
                    );
                }
                has_waited = true;
                tokio::time::sleep(PAUSE).await;
            }
            outcome => {
                if has_waited {
                    tracing::info!(available = outcome.is_ok(), "the wait for the database ends");
                }
                return outcome;
            }
        }
    }
}

fn replicas(config: &Config, primary: &Store) -> Option<Arc<Replicas>> {
    let ReadReplicas { url, max_lag } = config.replicas.as_ref()?;
    let pool_size = config.pool_size.get();
    Some(Arc::new(Replicas::new(primary.clone(), url, pool_size, *max_lag)))
}

fn is_unavailable(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Unavailable(_)))
}

async fn open_now(config: &Config) -> anyhow::Result<Opened> {
    let config = config.clone();
    let open = move || -> anyhow::Result<Opened> {
        config.database.check_pooling().context("the database cannot be opened")?;
        let applied =
            store::migrate(&config.database).context("the database cannot be migrated")?;
        if applied > 0 {
            tracing::info!(migrations = applied, "the schema is up to date");
        }
        let store = Store::open_with(
            config.database.clone(),
            config.pool_size.get(),
            config.database_timeouts,
        )
        .context("the database cannot be opened")?;
        let mut connection = store.connect()?;
        store.write(&mut connection, |c| markets::ensure(c, &config.market.listings.markets))?;
        let catalog = SharedCatalog::read(&mut connection, config.market.listings.clone())?;
        let mut team = None;
        if config.demo.enabled {
            demo::seed_users(&store, &mut connection, &catalog.current())?;
            if config.demo.traders {
                team = demo::seed_traders(&store, &mut connection, &catalog.current())?;
            } else {
                demo::retire_traders(&store, &mut connection, &catalog.current())?;
            }
        } else if config.environment == Environment::Production
            && demo::is_present(&mut connection)?
        {
            anyhow::bail!(
                "DATABASE_URL points to a database with demo users, whose passwords are public: \
                 APP_ENV=production needs a database of its own"
            );
        }
        let replicas = replicas(&config, &store);
        Ok(Opened { store, replicas, catalog, team })
    };
    tokio::task::spawn_blocking(open).await?
}
