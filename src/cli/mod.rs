//! What an operator does from the command line, beside a system that runs: looks after events, and
//! ends what somebody has signed in with.
//!
//! Each of these writes what it found or did to `out`, and gives the exit code 1 where there was
//! nothing by that name.

pub mod events;
mod table;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::config::Config;
use crate::market::UserId;
use crate::store::users::{self, User};
use crate::store::{AnyConnection, DatabaseUrl, Store, StoreError, sign_ins};

/// A database that is there, and a connection to it.
struct Desk {
    store: Store,
    connection: AnyConnection,
}

impl Desk {
    fn open(config: &Config) -> anyhow::Result<Self> {
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

    fn read<T>(
        &mut self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> anyhow::Result<T> {
        work(&mut self.connection).context("the database cannot be read")
    }

    fn write<T>(
        &mut self,
        work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> anyhow::Result<T> {
        let written = self.store.write(&mut self.connection, work);
        written.context("the database was not changed")
    }
}

/// Revokes every token and session of the user with this e-mail address or id, and ends the user's
/// connections to the provider, as soon as a process publishes.
pub fn log_out(config: &Config, who: &str, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut desk = Desk::open(config)?;
    let revoked = desk.write(|connection| {
        let Some(user) = find(connection, who)? else { return Ok(None) };
        let revoked = sign_ins::revoke_all(connection, user.user_id())?;
        Ok(Some((user.id, revoked)))
    })?;
    let Some((id, revoked)) = revoked else {
        writeln!(out, "there is no user {who}")?;
        return Ok(ExitCode::FAILURE);
    };
    let tokens = counted(revoked.tokens.len(), "token");
    let sessions = counted(revoked.sessions.len(), "session");
    writeln!(out, "user {id}: {tokens} and {sessions} revoked, connections will be ended")?;
    Ok(ExitCode::SUCCESS)
}

fn find(connection: &mut AnyConnection, who: &str) -> Result<Option<User>, StoreError> {
    match who.parse() {
        Ok(id) => users::by_id(connection, UserId(id)),
        Err(_) => users::by_email(connection, &who.to_lowercase()),
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
