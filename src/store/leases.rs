//! Roles that one process holds at a time: a row with a holder and an end.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::leases;
use super::{AnyConnection, StoreError, now};

/// Takes or renews a lease; says whether `holder` has it now.
///
/// The database decides, in one conditional update, by the time of the process that asks: clocks of
/// processes that share a database must agree within a fraction of the lease.
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

/// Gives a lease back, if `holder` has it.
pub fn release(connection: &mut AnyConnection, name: &str, holder: &str) -> Result<(), StoreError> {
    let mine = leases::table.find(name).filter(leases::holder.eq(holder));
    diesel::delete(mine).execute(connection)?;
    Ok(())
}
