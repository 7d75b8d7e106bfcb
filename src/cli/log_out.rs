//! `matchcast log-out`: revokes everything that a user has signed in with.

use std::io::Write;
use std::process::ExitCode;

use super::counted;
use super::database::Database;
use crate::config::Config;
use crate::market::UserId;
use crate::store::users::{self, User};
use crate::store::{AnyConnection, StoreError, sign_ins};

/// Revokes every token and session of the user with this e-mail address or id. A running server
/// then has the provider terminate the user's connections.
pub fn log_out(config: &Config, user: &str, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let revoked = Database::open(config)?.write(|connection| {
        let Some(user) = find(connection, user)? else { return Ok(None) };
        let revoked = sign_ins::revoke_all(connection, user.user_id())?;
        Ok(Some((user.id, revoked)))
    })?;
    let Some((id, revoked)) = revoked else {
        writeln!(out, "there is no user {user}")?;
        return Ok(ExitCode::FAILURE);
    };
    let tokens = counted(revoked.tokens.len(), "token");
    let sessions = counted(revoked.sessions.len(), "session");
    writeln!(out, "user {id}: {tokens} and {sessions} revoked, connections will be terminated")?;
    Ok(ExitCode::SUCCESS)
}

fn find(connection: &mut AnyConnection, user: &str) -> Result<Option<User>, StoreError> {
    match user.parse() {
        Ok(id) => users::by_id(connection, UserId(id)),
        Err(_) => users::by_email(connection, &user.to_lowercase()),
    }
}
