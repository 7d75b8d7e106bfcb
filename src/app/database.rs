//! Opens the database at startup.

use std::sync::Arc;

use anyhow::Context;

use super::demo;
use crate::config::{Config, Environment};
use crate::store::markets::{self, Catalog};
use crate::store::{self, Store};

/// Migrates the schema, creates missing markets and demo users, and reads the catalog.
///
/// # Errors
/// If the database is unavailable, or production is pointed at a database with demo users.
pub async fn open(config: &Config) -> anyhow::Result<(Store, Arc<Catalog>)> {
    let config = config.clone();
    let open = move || -> anyhow::Result<(Store, Arc<Catalog>)> {
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
        store.write(&mut connection, |c| markets::ensure(c, &config.markets))?;
        let catalog =
            markets::read(&mut connection, config.commission.buyer, config.commission.seller)?;
        if config.demo.enabled {
            demo::seed(&store, &mut connection, &catalog)?;
        } else if config.environment == Environment::Production
            && demo::is_present(&mut connection)?
        {
            anyhow::bail!(
                "DATABASE_URL points to a database with demo users, whose passwords are public: \
                 APP_ENV=production needs a database of its own"
            );
        }
        Ok((store, Arc::new(catalog)))
    };
    tokio::task::spawn_blocking(open).await?
}
