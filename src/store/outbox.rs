//! Events that are committed and not yet delivered, and the lease of whoever delivers them.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{delivered_events, leases, outbox, set_aside_events};
use super::{AnyConnection, StoreError, now};
use crate::market::UserId;

/// Tells buyer and seller of a trade. Existing pages listen to exactly this name.
pub const ORDER_MATCHED: &str = "order.matched";

/// The channel that a user alone may hear.
pub fn user_channel(user: UserId) -> String {
    format!("private-user.{user}")
}

/// An event to be written in the transaction that made it true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub channel: String,
    pub name: &'static str,
    /// JSON.
    pub data: String,
}

/// An event that waits.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct Event {
    pub id: i64,
    pub channel: String,
    pub name: String,
    pub data: String,
    pub created_at: NaiveDateTime,
}

/// The oldest events, in the order in which they were written.
pub fn head(connection: &mut AnyConnection, len: i64) -> Result<Vec<Event>, StoreError> {
    let query = outbox::table.order(outbox::id.asc()).limit(len).select(Event::as_select());
    Ok(query.load(connection)?)
}

/// Deletes what was delivered, and counts it. Runs in a write transaction.
///
/// What is not there any more has been delivered, and counted, by a process that took over
/// meanwhile.
pub fn delivered(connection: &mut AnyConnection, events: &[Event]) -> Result<(), StoreError> {
    let mut ids = BTreeMap::<&str, Vec<i64>>::new();
    for event in events {
        ids.entry(&event.name).or_default().push(event.id);
    }
    for (name, ids) in ids {
        let mut deleted = 0;
        for chunk in ids.chunks(500) {
            let these = outbox::table.filter(outbox::id.eq_any(chunk.to_vec()));
            deleted += diesel::delete(these).execute(connection)?;
        }
        count_delivered(connection, name, i64::try_from(deleted).unwrap_or(i64::MAX))?;
    }
    Ok(())
}

fn count_delivered(
    connection: &mut AnyConnection,
    name: &str,
    count: i64,
) -> Result<(), StoreError> {
    let row = delivered_events::table.find(name);
    let sum = delivered_events::delivered + count;
    let known = diesel::update(row).set(delivered_events::delivered.eq(sum)).execute(connection)?;
    if known == 0 {
        let values = (delivered_events::name.eq(name), delivered_events::delivered.eq(count));
        diesel::insert_into(delivered_events::table).values(values).execute(connection)?;
    }
    Ok(())
}

/// Moves an event that can never pass out of the way, with the provider's answer.
///
/// What is not there any more has left the outbox by a process that took over meanwhile.
pub fn set_aside(
    connection: &mut AnyConnection,
    event: &Event,
    answer: &str,
) -> Result<(), StoreError> {
    if diesel::delete(outbox::table.find(event.id)).execute(connection)? == 0 {
        return Ok(());
    }
    let values = (
        set_aside_events::id.eq(event.id),
        set_aside_events::channel.eq(&event.channel),
        set_aside_events::name.eq(&event.name),
        set_aside_events::data.eq(&event.data),
        set_aside_events::created_at.eq(event.created_at),
        set_aside_events::set_aside_at.eq(now()),
        set_aside_events::answer.eq(answer),
    );
    diesel::insert_into(set_aside_events::table).values(values).execute(connection)?;
    Ok(())
}

/// Takes or renews a lease; says whether `holder` has it now.
///
/// The database decides, in one conditional update, by the time of the process that asks: clocks of
/// processes that share a database must agree within a fraction of the lease.
pub fn take_lease(
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
pub fn release_lease(
    connection: &mut AnyConnection,
    name: &str,
    holder: &str,
) -> Result<(), StoreError> {
    let mine = leases::table.find(name).filter(leases::holder.eq(holder));
    diesel::delete(mine).execute(connection)?;
    Ok(())
}

/// How many events wait, and how many were set aside.
pub fn counts(connection: &mut AnyConnection) -> Result<(i64, i64), StoreError> {
    let waiting = outbox::table.count().get_result(connection)?;
    let set_aside = set_aside_events::table.count().get_result(connection)?;
    Ok((waiting, set_aside))
}

/// All events of one name that were ever written: delivered, waiting, set aside.
pub fn total(connection: &mut AnyConnection, name: &str) -> Result<i64, StoreError> {
    let delivered = delivered_events::table
        .find(name)
        .select(delivered_events::delivered)
        .first::<i64>(connection)
        .optional()?;
    let waiting: i64 =
        outbox::table.filter(outbox::name.eq(name)).count().get_result(connection)?;
    let aside = set_aside_events::table.filter(set_aside_events::name.eq(name));
    let set_aside: i64 = aside.count().get_result(connection)?;
    Ok(delivered.unwrap_or(0) + waiting + set_aside)
}
