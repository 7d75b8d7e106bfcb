//! Connection poolers between this program and PostgreSQL.
//!
//! Settings and prepared statements belong to a session of the server. A pooler in transaction mode
//! gives each transaction another session. So it must keep prepared statements for its clients, and
//! set up the sessions: a client's `SET` outside a transaction would change the session of another
//! client. Both are checked before anything else uses the database.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::StoreError;
use super::hosts::Hosts;
use super::libpq::establish;

/// Another client of the pooler may take the session that would have been shared.
const ATTEMPTS: usize = 3;
/// For connecting.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What each session has set, and its value in `pg_settings`.
///
/// Every query follows an index from a few rows. The plans that are disabled read whole tables, or
/// (bitmap scans) all rows of a range to sort them, although the index has their order: a planner
/// without statistics chooses them while a table is small, and keeps them for the prepared
/// statement while it grows. The plan that is left is the same for all parameters; without
/// `plan_cache_mode`, a limit that is a parameter, or an array, makes the planner plan each
/// execution.
const SESSION_SETTINGS: [(&str, &str); 10] = [
    ("timezone", "UTC"),
    ("client_min_messages", "warning"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
    ("idle_in_transaction_session_timeout", "30000"),
    ("plan_cache_mode", "force_generic_plan"),
];
/// On CockroachDB only. A batch inserts orders and updates others in one statement, which is
/// forbidden there by default, because it must not change a row twice. It never does: the orders
/// that it inserts are new.
const COCKROACH_SETTING: (&str, &str) = ("enable_multiple_modifications_of_table", "on");
/// Of sessions that the pooler sets up. Otherwise each connection has its own.
pub(super) const POOLED_LOCK_TIMEOUT: Duration = Duration::from_secs(5);
const POOLED_STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// [`SESSION_SETTINGS`] and the time-outs.
fn settings(
    lock_timeout: Duration,
    statement_timeout: Duration,
) -> impl Iterator<Item = (&'static str, String)> {
    let timeouts = [("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout)]
        .map(|(name, timeout)| (name, timeout.as_millis().to_string()));
    SESSION_SETTINGS.map(|(name, value)| (name, value.to_owned())).into_iter().chain(timeouts)
}

/// Those that the pooler must have set.
fn pooled_settings() -> impl Iterator<Item = (&'static str, String)> {
    settings(POOLED_LOCK_TIMEOUT, POOLED_STATEMENT_TIMEOUT)
}

/// Which sessions of the server a connection uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// One of its own, which it sets up.
    Session,
    /// One for each transaction. The pooler has set them up.
    Transaction,
}

/// [`detect`], once for all clones.
#[derive(Clone, Debug, Default)]
pub struct KnownPooling(Arc<OnceLock<Pooling>>);

impl KnownPooling {
    /// # Errors
    /// As of [`detect`].
    pub fn get(&self, hosts: &Hosts) -> Result<Pooling, StoreError> {
        match self.0.get() {
            Some(known) => Ok(*known),
            None => detect(hosts).map(|found| *self.0.get_or_init(|| found)),
        }
    }
}

diesel::define_sql_function! {
    /// The server's process.
    fn pg_backend_pid() -> Integer;
}

/// Finds out which sessions connections to these hosts use.
///
/// # Errors
/// [`StoreError::Unsupported`] with what has to be changed.
fn detect(hosts: &Hosts) -> Result<Pooling, StoreError> {
    let open = || hosts.connect(|url| establish(url, TIMEOUT)).map(|(connection, _)| connection);
    let (mut first, mut second) = (open()?, open()?);
    if !shares_sessions(&mut first, &mut second)? {
        return Ok(Pooling::Session);
    }
    let wrong = wrong_settings(&mut first)?;
    if wrong.is_empty() { Ok(Pooling::Transaction) } else { Err(not_set_up(&wrong)) }
}

/// Whether connections use sessions of each other. Then one statement, prepared once per
/// connection, was executed in a session in which it was not prepared, or in one in which another
/// connection had prepared its own under the same name.
fn shares_sessions(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<bool, StoreError> {
    let own = session(first)?;
    for _ in 0..ATTEMPTS {
        // The transaction occupies its session: the one that `first` had, if sessions are shared,
        // because poolers prefer the session that was used last. Others use them in turn.
        if let Err(error) = second.batch_execute("BEGIN") {
            // Refused by a pooler in statement mode, unless the server is gone.
            return Err(session(first).map_or_else(|_| error.into(), |_| has_no_transactions()));
        }
        let is_shared = session(second)? == own || session(first)? != own;
        second.batch_execute("ROLLBACK")?;
        if is_shared {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The server's process, read with a prepared statement.
fn session(connection: &mut PgConnection) -> Result<i32, StoreError> {
    match diesel::select(pg_backend_pid()).get_result(connection).map_err(StoreError::from) {
        Err(StoreError::Other(_)) => Err(StoreError::Unsupported(
            "DATABASE_URL leads to a connection pooler in transaction mode that does not keep \
             prepared statements for its clients: use PgBouncer 1.21 or newer with \
             max_prepared_statements above 0, or pool_mode = session"
                .to_owned(),
        )),
        outcome => outcome,
    }
}

fn has_no_transactions() -> StoreError {
    StoreError::Unsupported(
        "DATABASE_URL leads to a connection pooler in statement mode, which has no transactions: \
         use its transaction or session mode (PgBouncer: pool_mode)"
            .to_owned(),
    )
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    setting: String,
}

/// The names of the settings that a session of the pooler has not, or with another value.
fn wrong_settings(connection: &mut PgConnection) -> Result<Vec<&'static str>, StoreError> {
    let rows: Vec<Setting> =
        diesel::sql_query("SELECT lower(name) AS name, setting FROM pg_settings")
            .load(connection)?;
    let is_set = |(name, value): &(&str, String)| {
        rows.iter().any(|row| row.name == *name && row.setting.eq_ignore_ascii_case(value))
    };
    Ok(pooled_settings().filter(|setting| !is_set(setting)).map(|(name, _)| name).collect())
}

fn not_set_up(wrong: &[&str]) -> StoreError {
    let statements: Vec<String> =
        pooled_settings().map(|(name, value)| format!("SET {name} = {value}")).collect();
    StoreError::Unsupported(format!(
        "DATABASE_URL leads to a connection pooler in transaction mode whose sessions are not set \
         up ({}): add connect_query='{}' to the database in pgbouncer.ini and reconnect, or use \
         pool_mode = session",
        wrong.join(", "),
        statements.join("; "),
    ))
}

/// Sets up a session that belongs to its connection. Relatives of PostgreSQL lack some of the
/// settings, and what these would prevent.
pub(super) fn set_up(
    connection: &mut PgConnection,
    lock_timeout: Duration,
    statement_timeout: Duration,
) -> QueryResult<()> {
    let (name, value) = COCKROACH_SETTING;
    let values: Vec<String> = settings(lock_timeout, statement_timeout)
        .chain([(name, value.to_owned())])
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .collect();
    connection.batch_execute(&format!(
        "SELECT set_config(known.name, wanted.value, false) FROM pg_settings known \
         JOIN (VALUES {}) wanted (name, value) ON wanted.name = lower(known.name)",
        values.join(", ")
    ))
}
