//! `matchcast log-out`: revokes everything that a user has signed in with.

use std::io::Write;
use std::process::ExitCode;

use super::counted;
use super::database::{Database, find_user};
use crate::config::Config;
use crate::store::sign_ins;

/// The provider knows only connections that have signed in.
const CONNECTIONS: &str = "\
    Connections that have signed in as this user are terminated by a running server.\n\
    Connections that only subscribe still receive events until the page closes or reconnects.";

/// Revokes every token and session of the user with this e-mail address or id. A running server
/// then has the provider terminate the connections that have signed in as the user.
pub fn log_out(config: &Config, user: &str, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let channels = &config.delivery.user_channels.pattern;
    let revoked = Database::open(config)?.write(|connection| {
        let Some(user) = find_user(connection, user)? else { return Ok(None) };
        let revoked = sign_ins::revoke_all(connection, user.user_id(), channels)?;
        Ok(Some((user.id, revoked)))
    })?;
    let Some((id, revoked)) = revoked else {
        writeln!(out, "there is no user {user}")?;
        return Ok(ExitCode::FAILURE);
    };
    let tokens = counted(revoked.tokens.len(), "token");
    let sessions = counted(revoked.sessions.len(), "session");
    writeln!(out, "user {id}: {tokens} and {sessions} revoked")?;
    writeln!(out, "{CONNECTIONS}")?;
    Ok(ExitCode::SUCCESS)
}
