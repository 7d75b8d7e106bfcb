//! Connection poolers between this program and PostgreSQL.
//!
//! Settings and prepared statements belong to a session of the server. A pooler in transaction or
//! statement mode gives each transaction another session, so that one client's statements would
//! meet another's.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;

use super::connection::establish;
use super::{DatabaseUrl, StoreError};

/// Another client of the pooler may take the session that would have been shared.
const ATTEMPTS: usize = 3;
/// For connecting.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether two connections can have the same session of the server, or one connection several.
/// Never on SQLite.
pub fn shares_sessions(url: &DatabaseUrl) -> Result<bool, StoreError> {
    let DatabaseUrl::Postgres { url, .. } = url else { return Ok(false) };
    let (mut first, mut second) = (establish(url, TIMEOUT)?, establish(url, TIMEOUT)?);
    let own = session(&mut first)?;
    for _ in 0..ATTEMPTS {
        // The transaction occupies its session: the one that `first` had, if sessions are shared,
        // because poolers prefer the session that was used last. Others use them in turn.
        if let Err(error) = second.batch_execute("BEGIN") {
            // Refused by a pooler in statement mode, unless the server is gone.
            return session(&mut first).map(|_| true).map_err(|_| error.into());
        }
        let of_second = session(&mut second)?;
        let is_shared = of_second == own || session(&mut first)? != own;
        second.batch_execute("ROLLBACK")?;
        if is_shared {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The server's process.
fn session(connection: &mut PgConnection) -> Result<i32, StoreError> {
    // Unlike a prepared statement, this one does not outlive its execution.
    let query = diesel::select(diesel::dsl::sql::<Integer>("pg_backend_pid()"));
    Ok(query.get_result(connection)?)
}
