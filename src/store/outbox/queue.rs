//! The publisher's side of the outbox: reads the heads of shards and records the outcomes.
//!
//! On PostgreSQL a list of ids is one array. SQLite, where a round trip costs nothing, runs one
//! prepared statement per id: a list of varying length would be a new statement each time. Its
//! statements have no LIMIT, see [`crate::store::statement`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamp};

use super::counters::{Counter, count};
use super::event::{NO_SHARD, OutboxEvent, shard_of};
use crate::store::schema::outbox;
use crate::store::statement::{prepared, statement, update};
use crate::store::{AnyConnection, StoreError};

/// The number of events of an older version that get their shard at once.
const SHARDS_AT_ONCE: i64 = 1_000;

// The query builder has neither `unnest` nor LATERAL.
statement! {
    Heads { shards: Vec<i16> => Array<SmallInt>, len: i64 => BigInt }
    -> (BigInt, SmallInt, Text, Text, Text, Nullable<Text>, Integer, Timestamp):
    "SELECT o.id, o.shard, o.channel, o.name, o.data, o.socket_id, o.attempts, o.created_at \
     FROM unnest(" [shards] ") AS s (shard), LATERAL (SELECT * FROM outbox \
     WHERE outbox.shard = s.shard ORDER BY outbox.id LIMIT " [len] ") AS o"
}

/// The oldest `len` events of each of these shards, oldest first.
pub fn heads(
    connection: &mut AnyConnection,
    shards: &[i16],
    len: i64,
) -> Result<Vec<OutboxEvent>, StoreError> {
    let mut events: Vec<OutboxEvent> = match connection {
        AnyConnection::Postgres(c) => Heads { shards: shards.to_vec(), len }.load(c)?,
        AnyConnection::Sqlite(c) => {
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let mut events = Vec::new();
            for shard in shards {
                let of_shard = outbox::table.filter(outbox::shard.eq(shard));
                let of_shard = of_shard.order(outbox::id.asc()).select(OutboxEvent::as_select());
                for event in of_shard.load_iter::<_, DefaultLoadingMode>(c)?.take(len) {
                    events.push(event?);
                }
            }
            events
        }
    };
    events.sort_unstable_by_key(|event| event.id);
    Ok(events)
}

/// Assigns shards to events that a version without shards has written; returns their number. Runs
/// in a write transaction.
pub fn assign_shards(connection: &mut AnyConnection) -> Result<usize, StoreError> {
    let without = outbox::table.filter(outbox::shard.eq(NO_SHARD)).order(outbox::id.asc());
    let without = without.select((outbox::id, outbox::channel)).limit(SHARDS_AT_ONCE);
    let rows: Vec<(i64, String)> = without.load(connection)?;
    for (id, channel) in &rows {
        let shard = outbox::shard.eq(shard_of(channel));
        diesel::update(outbox::table.find(id)).set(shard).execute(connection)?;
    }
    Ok(rows.len())
}

/// The time at which the oldest pending event was written.
pub fn oldest(connection: &mut AnyConnection) -> Result<Option<NaiveDateTime>, StoreError> {
    let first = outbox::table.order(outbox::id.asc()).select(outbox::created_at);
    Ok(first.first(connection).optional()?)
}

/// Deletes delivered events and counts them. Runs in a write transaction.
///
/// Events that are not pending any more are not counted: another process has become the publisher
/// and counted them.
pub fn record_delivered(
    connection: &mut AnyConnection,
    events: &[OutboxEvent],
) -> Result<(), StoreError> {
    remove(connection, events, Counter::Delivered)
}

/// Deletes events of unoccupied channels and counts them. Runs in a write transaction.
pub fn record_skipped(
    connection: &mut AnyConnection,
    events: &[OutboxEvent],
) -> Result<(), StoreError> {
    remove(connection, events, Counter::Skipped)
}

fn remove(
    connection: &mut AnyConnection,
    events: &[OutboxEvent],
    counter: Counter,
) -> Result<(), StoreError> {
    let mut ids = BTreeMap::<&str, Vec<i64>>::new();
    for event in events {
        ids.entry(&event.name).or_default().push(event.id);
    }
    for (name, ids) in ids {
        let deleted = delete(connection, &ids)?;
        count(connection, counter, name, i64::try_from(deleted).unwrap_or(i64::MAX))?;
    }
    Ok(())
}

fn delete(connection: &mut AnyConnection, ids: &[i64]) -> Result<usize, StoreError> {
    match connection {
        AnyConnection::Postgres(c) => {
            let these = diesel::delete(outbox::table.filter(outbox::id.eq_any(ids)));
            Ok(prepared!(these).execute(c)?)
        }
        AnyConnection::Sqlite(c) => {
            let mut deleted = 0;
            for id in ids {
                deleted += diesel::delete(outbox::table.find(id)).execute(c)?;
            }
            Ok(deleted)
        }
    }
}

/// A failed attempt to send some events together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The ids of the events, by the number of this attempt: 1 for the first one of an event.
    pub ids: BTreeMap<i32, Vec<i64>>,
    /// The earliest time of the next attempt.
    pub next_attempt_at: NaiveDateTime,
    /// The reason, without secrets.
    pub error: String,
}

impl FailedAttempt {
    /// The number of events.
    pub fn event_count(&self) -> usize {
        self.ids.values().map(Vec::len).sum()
    }
}

/// Records a failed attempt. Runs in a write transaction.
///
/// An attempt that is recorded already does not count again: it is recorded once more if the
/// outcome of its commit was unknown.
pub fn record_failure(
    connection: &mut AnyConnection,
    attempt: &FailedAttempt,
) -> Result<(), StoreError> {
    for (number, ids) in &attempt.ids {
        let is_later = outbox::attempts.lt(number);
        let values = (
            outbox::attempts.eq(number),
            outbox::next_attempt_at.eq(attempt.next_attempt_at),
            outbox::last_error.eq(&attempt.error),
        );
        match connection {
            AnyConnection::Postgres(c) => {
                update!(outbox::table, outbox::id.eq_any(ids).and(is_later), values).execute(c)?;
            }
            AnyConnection::Sqlite(c) => {
                for id in ids {
                    update!(outbox::table, outbox::id.eq(id).and(is_later), values).execute(c)?;
                }
            }
        }
    }
    Ok(())
}

/// Those of these events that are not pending any more.
pub fn missing(connection: &mut AnyConnection, ids: &[i64]) -> Result<BTreeSet<i64>, StoreError> {
    let mut missing: BTreeSet<i64> = ids.iter().copied().collect();
    match connection {
        AnyConnection::Postgres(c) => {
            let these = outbox::table.filter(outbox::id.eq_any(ids)).select(outbox::id);
            for id in prepared!(these).load::<i64>(c)? {
                missing.remove(&id);
            }
        }
        AnyConnection::Sqlite(c) => {
            for id in ids {
                let this = outbox::table.find(id).select(outbox::id);
                if this.get_result::<i64>(c).optional()?.is_some() {
                    missing.remove(id);
                }
            }
        }
    }
    Ok(missing)
}
