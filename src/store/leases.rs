//! Leases: roles that one process holds at a time.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::leases;
use super::{AnyConnection, StoreError, now};

/// The lease of the process that publishes events.
pub const PUBLISHER: &str = "publisher";

/// Takes or renews a lease; returns whether `holder` has it now.
///
/// The database decides, in one conditional update, by the clock of the process that asks: the
/// clocks of processes that share a database must agree within a fraction of the lease.
pub fn take(
    connection: &mut AnyConnection,
    name: &str,
    holder: &str,
    until: NaiveDateTime,
) -> Result<bool, StoreError> {
    let free =
        leases::table.find(name).filter(leases::holder.eq(holder).or(leases::expires_at.lt(now())));
    let values = (leases::holder.eq(holder), leases::expires_at.eq(until));
    if diesel::update(free).set(values).execute(connection)? > 0 {
        return Ok(true);
    }
    let known = leases::table.find(name).select(leases::name).first::<String>(connection);
    if known.optional()?.is_some() {
        return Ok(false);
    }
    let values = (leases::name.eq(name), leases::holder.eq(holder), leases::expires_at.eq(until));
    match diesel::insert_into(leases::table).values(values).execute(connection) {
        Ok(_) => Ok(true),
        // Another process was faster.
        Err(error) => match StoreError::from(error) {
            StoreError::Duplicate(_) => Ok(false),
            error => Err(error),
        },
    }
}

/// Whether any process has this lease now.
pub fn is_held(connection: &mut AnyConnection, name: &str) -> Result<bool, StoreError> {
    let held = leases::table.find(name).filter(leases::expires_at.gt(now()));
    Ok(held.select(leases::name).first::<String>(connection).optional()?.is_some())
}

/// Ends a lease if `holder` has it.
pub fn release(connection: &mut AnyConnection, name: &str, holder: &str) -> Result<(), StoreError> {
    let held = leases::table.find(name).filter(leases::holder.eq(holder));
    diesel::delete(held).execute(connection)?;
    Ok(())
}
