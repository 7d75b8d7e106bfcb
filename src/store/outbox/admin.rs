//! What an operator does with events: looks at them, sends them once more, gives them up.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{Counter, count, shard_of};
use crate::store::schema::{dead_letters, outbox};
use crate::store::{AnyConnection, StoreError};

/// An event that waits, as an operator sees it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct PendingEvent {
    pub id: i64,
    pub channel: String,
    pub name: String,
    pub created_at: NaiveDateTime,
    pub attempts: i32,
    /// `None` until it was tried in vain.
    pub next_attempt_at: Option<NaiveDateTime>,
    pub last_error: Option<String>,
}

/// An event that was set aside.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = dead_letters)]
pub struct DeadLetter {
    pub id: i64,
    pub channel: String,
    pub name: String,
    pub created_at: NaiveDateTime,
    pub attempts: i32,
    pub dead_lettered_at: NaiveDateTime,
    pub error: String,
}

/// The oldest events of both kinds, at most `cap` of each.
pub fn list(
    connection: &mut AnyConnection,
    cap: i64,
) -> Result<(Vec<PendingEvent>, Vec<DeadLetter>), StoreError> {
    let waiting =
        outbox::table.order(outbox::id.asc()).limit(cap).select(PendingEvent::as_select());
    let waiting = waiting.load(connection)?;
    let aside = dead_letters::table.order(dead_letters::id.asc()).limit(cap);
    let aside = aside.select(DeadLetter::as_select()).load(connection)?;
    Ok((waiting, aside))
}

type Row = (i64, String, String, String, NaiveDateTime, Option<String>);

/// Puts an event that was set aside back, where it is sent before what came later on its channel;
/// says whether there was one. Runs in a write transaction.
pub fn retry(connection: &mut AnyConnection, id: i64) -> Result<bool, StoreError> {
    use dead_letters as aside;
    let columns =
        (aside::id, aside::channel, aside::name, aside::data, aside::created_at, aside::socket_id);
    let row: Option<Row> = aside::table.find(id).select(columns).first(connection).optional()?;
    let Some((id, channel, name, data, created_at, socket_id)) = row else { return Ok(false) };
    diesel::delete(aside::table.find(id)).execute(connection)?;
    let values = (
        outbox::id.eq(id),
        outbox::shard.eq(shard_of(&channel)),
        outbox::channel.eq(channel),
        outbox::name.eq(name),
        outbox::data.eq(data),
        outbox::created_at.eq(created_at),
        outbox::socket_id.eq(socket_id),
    );
    diesel::insert_into(outbox::table).values(values).execute(connection)?;
    Ok(true)
}

/// [`retry`] for everything that is set aside; says how many events that was. Runs in a write
/// transaction.
pub fn retry_all(connection: &mut AnyConnection) -> Result<usize, StoreError> {
    let ids: Vec<i64> = dead_letters::table
        .select(dead_letters::id)
        .order(dead_letters::id.asc())
        .load(connection)?;
    for id in &ids {
        retry(connection, *id)?;
    }
    Ok(ids.len())
}

/// Gives an event up, whether it waits or was set aside; says whether there was one. Runs in a
/// write transaction.
///
/// One that waits may be on its way to the provider already, or with the next attempt after a
/// failure; after that, whoever publishes knows.
pub fn drop_event(connection: &mut AnyConnection, id: i64) -> Result<bool, StoreError> {
    let waiting = outbox::table.find(id).select(outbox::name).first::<String>(connection);
    let aside = dead_letters::table.find(id).select(dead_letters::name);
    let name = match waiting.optional()? {
        Some(name) => Some(name),
        None => aside.first(connection).optional()?,
    };
    let Some(name) = name else { return Ok(false) };
    let deleted = diesel::delete(outbox::table.find(id)).execute(connection)?
        + diesel::delete(dead_letters::table.find(id)).execute(connection)?;
    if deleted > 0 {
        count(connection, Counter::Dropped, &name, 1)?;
    }
    Ok(deleted > 0)
}
