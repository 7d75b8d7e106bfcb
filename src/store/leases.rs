//! Leases: roles that one process holds at a time.
//!
//! All times are of one clock: the server's on PostgreSQL, the machine's on SQLite. The clocks of
//! the processes need not agree. That one clock may be wrong and be corrected, and an older version
//! wrote the time of its own clock: so a lease that ends later than its own length from now is
//! shortened to that length. If its holder lives, it renews the lease before; if not, the lease
//! ends as soon as any other.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};
use diesel::sqlite::SqliteConnection;
use rand::Rng;

use super::clock::SERVER_TIME;
use super::schema::leases;
use super::statement::statement;
use super::{AnyConnection, StoreError, now};

/// The lease of the processes that publish events, which they hold together, see
/// [`super::publishers`].
pub const PUBLISHER: &str = "publisher";
/// The lease of the process that delivers webhooks.
pub const WEBHOOKS: &str = "webhooks";
/// The lease of the process in which the demo's traders trade.
pub const DEMO_TRADERS: &str = "demo_traders";

/// A name for this process as a holder of leases, that no other process has.
pub fn new_holder() -> String {
    format!("{}-{:016x}", std::process::id(), rand::rng().random::<u64>())
}

/// Takes or renews a lease for `length` from now; returns whether `holder` has it now. Runs in a
/// write transaction.
pub fn take(
    connection: &mut AnyConnection,
    name: &str,
    holder: &str,
    length: Duration,
) -> Result<bool, StoreError> {
    let length = TimeDelta::from_std(length)
        .map_err(|error| StoreError::Other(format!("the lease is too long: {error}")))?;
    match connection {
        AnyConnection::Postgres(c) => take_on_postgres(c, name, holder, length),
        AnyConnection::Sqlite(c) => take_on_sqlite(c, name, holder, length),
    }
}

/// Whether any process has this lease now.
pub fn is_held(connection: &mut AnyConnection, name: &str) -> Result<bool, StoreError> {
    let expires_at = leases::table.find(name).select(leases::expires_at);
    let held = match connection {
        AnyConnection::Postgres(c) => {
            let held = expires_at.filter(leases::expires_at.gt(sql::<Timestamp>(SERVER_TIME)));
            held.first::<NaiveDateTime>(c).optional()?
        }
        AnyConnection::Sqlite(c) => {
            expires_at.filter(leases::expires_at.gt(now())).first(c).optional()?
        }
    };
    Ok(held.is_some())
}

/// Ends a lease if `holder` has it.
pub fn release(connection: &mut AnyConnection, name: &str, holder: &str) -> Result<(), StoreError> {
    let held = leases::table.find(name).filter(leases::holder.eq(holder));
    diesel::delete(held).execute(connection)?;
    Ok(())
}

// The query builder has no `clock_timestamp`, to which an interval could be added.
statement! {
    /// Takes a lease that is free, has expired, or is the holder's already.
    Take { name: String => Text, holder: String => Text, length_ms: i64 => BigInt } -> ():
    "INSERT INTO leases (name, holder, expires_at, length_ms) VALUES (" [name] ", " [holder] ", \
     (clock_timestamp() AT TIME ZONE 'utc') + " [length_ms] " * interval '1 millisecond', "
    [length_ms] ") ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, \
     expires_at = excluded.expires_at, length_ms = excluded.length_ms \
     WHERE leases.holder = excluded.holder \
     OR leases.expires_at < (clock_timestamp() AT TIME ZONE 'utc')"
}
statement! {
    /// Shortens a lease that ends too late. `length_ms` is for a lease that has no length.
    Shorten { name: String => Text, length_ms: i64 => BigInt } -> ():
    "UPDATE leases SET expires_at = (clock_timestamp() AT TIME ZONE 'utc') \
     + coalesce(length_ms, " [length_ms] ") * interval '1 millisecond' WHERE name = " [name]
    " AND expires_at > (clock_timestamp() AT TIME ZONE 'utc') \
     + coalesce(length_ms, " [length_ms] ") * interval '1 millisecond'"
}

fn take_on_postgres(
    connection: &mut PgConnection,
    name: &str,
    holder: &str,
    length: TimeDelta,
) -> Result<bool, StoreError> {
    let (name, holder, length_ms) = (name.to_owned(), holder.to_owned(), length.num_milliseconds());
    let take = Take { name: name.clone(), holder, length_ms };
    if take.execute(connection)? > 0 {
        return Ok(true);
    }
    Shorten { name, length_ms }.execute(connection)?;
    Ok(false)
}

/// A write transaction has the only lock of the database, so nothing changes between statements.
fn take_on_sqlite(
    connection: &mut SqliteConnection,
    name: &str,
    holder: &str,
    length: TimeDelta,
) -> Result<bool, StoreError> {
    let now = now();
    let columns = (leases::holder, leases::expires_at, leases::length_ms);
    let found = leases::table.find(name).select(columns).first(connection).optional()?;
    let known: Option<(String, NaiveDateTime, Option<i64>)> = found;
    if let Some((other, expires_at, known_ms)) = known.filter(|(other, ..)| other != holder)
        && now <= expires_at
    {
        let length = known_ms.and_then(TimeDelta::try_milliseconds).unwrap_or(length);
        if expires_at > now + length {
            let this = leases::table.find(name).filter(leases::holder.eq(other));
            let shortened = leases::expires_at.eq(now + length);
            diesel::update(this).set(shortened).execute(connection)?;
        }
        return Ok(false);
    }
    let values = (
        leases::name.eq(name),
        leases::holder.eq(holder),
        leases::expires_at.eq(now + length),
        leases::length_ms.eq(length.num_milliseconds()),
    );
    diesel::replace_into(leases::table).values(values).execute(connection)?;
    Ok(true)
}
