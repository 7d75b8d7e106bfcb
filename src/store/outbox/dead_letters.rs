//! Dead letters: events that the provider will never accept.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::event::{OutboxEvent, write};
use crate::events::NewEvent;
use crate::store::schema::{dead_letters, outbox};
use crate::store::{AnyConnection, StoreError, now};

#[derive(Insertable)]
#[diesel(table_name = dead_letters)]
#[diesel(treat_none_as_default_value = false)]
struct NewDeadLetter<'a> {
    id: i64,
    channel: &'a str,
    name: &'a str,
    data: &'a str,
    created_at: NaiveDateTime,
    dead_lettered_at: NaiveDateTime,
    error: &'a str,
    socket_id: Option<&'a str>,
    attempts: i32,
}

/// Moves a pending event to the dead letters, with the provider's error. Runs in a write
/// transaction.
///
/// Does nothing if the event is not pending any more: another process has become the publisher and
/// accounted for it.
pub fn move_to_dead_letters(
    connection: &mut AnyConnection,
    event: &OutboxEvent,
    error: &str,
) -> Result<(), StoreError> {
    if diesel::delete(outbox::table.find(event.id)).execute(connection)? == 0 {
        return Ok(());
    }
    let row = NewDeadLetter {
        id: event.id,
        channel: &event.channel,
        name: &event.name,
        data: &event.data,
        created_at: event.created_at,
        dead_lettered_at: now(),
        error,
        socket_id: event.socket_id.as_deref(),
        attempts: event.attempts + 1,
    };
    diesel::insert_into(dead_letters::table).values(row).execute(connection)?;
    Ok(())
}

/// Writes an event that no provider would accept as a dead letter. Runs in a write transaction.
pub fn write_dead_letter(
    connection: &mut AnyConnection,
    event: &NewEvent,
    error: &str,
) -> Result<(), StoreError> {
    write(connection, event)?;
    // No other transaction sees the row before the commit.
    let written: OutboxEvent = outbox::table
        .filter(outbox::channel.eq(&event.channel))
        .filter(outbox::data.eq(&event.data))
        .order(outbox::id.desc())
        .select(OutboxEvent::as_select())
        .first(connection)?;
    move_to_dead_letters(connection, &written, error)
}
