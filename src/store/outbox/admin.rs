//! The operator's commands: list events, return dead letters to the outbox, drop events.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde_json::json;

use super::counters::{Counter, count};
use super::event::{NewEventRow, shard_of};
use crate::store::admin_log::{self, Act, Actor, AdminAction};
use crate::store::schema::{dead_letters, outbox};
use crate::store::{AnyConnection, StoreError, now};

/// A pending event, as an operator sees it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct PendingEvent {
    pub id: i64,
    pub channel: String,
    pub name: String,
    pub created_at: NaiveDateTime,
    pub attempts: i32,
    /// `None` until an attempt has failed.
    pub next_attempt_at: Option<NaiveDateTime>,
    pub last_error: Option<String>,
}

/// A dead letter, as an operator sees it.
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
    let pending = outbox::table
        .order(outbox::id.asc())
        .limit(cap)
        .select(PendingEvent::as_select())
        .load(connection)?;
    let dead_letters = dead_letters::table
        .order(dead_letters::id.asc())
        .limit(cap)
        .select(DeadLetter::as_select())
        .load(connection)?;
    Ok((pending, dead_letters))
}

/// The columns of a dead letter that return to the outbox.
#[derive(Queryable, Selectable)]
#[diesel(table_name = dead_letters)]
struct Returned {
    id: i64,
    channel: String,
    name: String,
    data: String,
    created_at: NaiveDateTime,
    socket_id: Option<String>,
}

/// Returns a dead letter to the outbox, where it precedes the later events of its channel, and logs
/// that; returns whether it existed. Runs in a write transaction.
pub fn retry(connection: &mut AnyConnection, id: i64, actor: &Actor) -> Result<bool, StoreError> {
    let act = return_to_outbox(connection, id, actor)?;
    let is_found = act.is_some();
    admin_log::append(connection, act.into_iter().collect(), now())?;
    Ok(is_found)
}

/// [`retry`] for all dead letters; returns their number. Runs in a write transaction.
pub fn retry_all(connection: &mut AnyConnection, actor: &Actor) -> Result<usize, StoreError> {
    let ids: Vec<i64> = dead_letters::table
        .select(dead_letters::id)
        .order(dead_letters::id.asc())
        .load(connection)?;
    let mut acts = Vec::new();
    for id in ids {
        acts.extend(return_to_outbox(connection, id, actor)?);
    }
    let count = acts.len();
    admin_log::append(connection, acts, now())?;
    Ok(count)
}

fn return_to_outbox(
    connection: &mut AnyConnection,
    id: i64,
    actor: &Actor,
) -> Result<Option<Act>, StoreError> {
    let letter = dead_letters::table.find(id);
    let columns = (Returned::as_select(), DeadLetter::as_select());
    let found = letter.select(columns).first(connection).optional()?;
    let Some((returned, dead_letter)): Option<(Returned, DeadLetter)> = found else {
        return Ok(None);
    };
    // Another transaction may have returned or dropped it since.
    if diesel::delete(letter).execute(connection)? == 0 {
        return Ok(None);
    }
    let row = NewEventRow {
        channel: &returned.channel,
        name: &returned.name,
        data: &returned.data,
        shard: shard_of(&returned.channel),
        socket_id: returned.socket_id.as_deref(),
    };
    let created_at = outbox::created_at.eq(returned.created_at);
    let values = (outbox::id.eq(returned.id), created_at, row);
    diesel::insert_into(outbox::table).values(values).execute(connection)?;
    let DeadLetter { channel, name, attempts, error, .. } = dead_letter;
    let before = json!({
        "id": id, "name": name, "channel": channel, "attempts": attempts, "error": error,
    });
    Ok(Some(Act {
        actor: actor.clone(),
        action: AdminAction::DeadLetterRetried,
        before: Some(before),
        after: None,
    }))
}

/// Drops an event, pending or dead letter, and logs that; returns whether it existed. Runs in a
/// write transaction.
///
/// A pending event may already be on its way to the provider, or be part of the next attempt after
/// a failure. The publisher notices after that attempt that the event was dropped.
pub fn drop_event(
    connection: &mut AnyConnection,
    id: i64,
    actor: &Actor,
) -> Result<bool, StoreError> {
    let pending = outbox::table.find(id).select((outbox::name, outbox::channel));
    let pending: Option<(String, String)> = pending.first(connection).optional()?;
    let letter = dead_letters::table.find(id).select((dead_letters::name, dead_letters::channel));
    let event = match pending {
        Some(event) => Some(event),
        None => letter.first(connection).optional()?,
    };
    let Some((name, channel)) = event else { return Ok(false) };
    let deleted = diesel::delete(outbox::table.find(id)).execute(connection)?
        + diesel::delete(dead_letters::table.find(id)).execute(connection)?;
    if deleted > 0 {
        count(connection, Counter::Dropped, &name, 1)?;
        let before = Some(json!({ "id": id, "name": name, "channel": channel }));
        let (actor, action) = (actor.clone(), AdminAction::EventDropped);
        let act = Act { actor, action, before, after: None };
        admin_log::append(connection, vec![act], now())?;
    }
    Ok(deleted > 0)
}
