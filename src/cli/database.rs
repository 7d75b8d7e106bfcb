//! The existing database that a command works on, and the users in it.

use std::path::Path;

use anyhow::Context;

use crate::config::Config;
use crate::market::UserId;
use crate::store::users::{self, User};
use crate::store::{AnyConnection, DatabaseUrl, Store, StoreError};

/// An existing database and one connection to it.
pub struct Database {
    store: Store,
    connection: AnyConnection,
}

impl Database {
    /// # Errors
    /// If the database does not exist (a missing SQLite file is not created) or cannot be opened.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        if let DatabaseUrl::Sqlite(path) = &config.database
            && !Path::new(path).exists()
        {
            anyhow::bail!("there is no database at {path}");
        }
        let store =
            Store::open(config.database.clone(), 1).context("the database cannot be opened")?;
        let connection = store.connect()?;
        Ok(Self { store, connection })
    }

    /// The first server of `DATABASE_READ_URL` that can be reached. It cannot be written to.
    ///
    /// # Errors
    /// If there are none, or none can be reached.
    pub fn open_replica(config: &Config) -> anyhow::Result<Self> {
        let replicas = config.replicas.as_ref();
        let replicas = replicas.context("DATABASE_READ_URL names no read replicas")?;
        let store = Store::open(replicas.url.clone(), 1).context("the replica cannot be opened")?;
        let connection = store.connect()?;
        Ok(Self { store, connection })
    }

    pub fn read<T>(
        &mut self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> anyhow::Result<T> {
        work(&mut self.connection).context("the database cannot be read")
    }

    /// Runs `work` in one write transaction.
    pub fn write<T>(
        &mut self,
        work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> anyhow::Result<T> {
        let written = self.store.write(&mut self.connection, work);
        written.context("the database was not changed")
    }
}

/// The user with this e-mail address or id.
pub fn find_user(connection: &mut AnyConnection, user: &str) -> Result<Option<User>, StoreError> {
    match user.parse() {
        Ok(id) => users::by_id(connection, UserId(id)),
        Err(_) => users::by_email(connection, &user.to_lowercase()),
    }
}
