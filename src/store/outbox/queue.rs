//! What the publisher does: reads the heads of shards, and writes down what became of events.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamp};
use diesel::sqlite::Sqlite;

use super::{Counter, NO_SHARD, OutboxEvent, count, shard_of};
use crate::store::schema::{dead_letters, outbox};
use crate::store::statement::statement;
use crate::store::{AnyConnection, StoreError, now};

/// Most ids in one statement.
const IDS_PER_STATEMENT: usize = 500;
/// Events of an older version that get their shard at once.
const SHARDS_AT_ONCE: i64 = 1_000;

macro_rules! event_columns {
    () => {
        "o.id, o.shard, o.channel, o.name, o.data, o.socket_id, o.attempts, o.created_at"
    };
}

type EventSql = (BigInt, SmallInt, Text, Text, Text, Nullable<Text>, Integer, Timestamp);

statement! {
    Heads<Pg> { shards: Vec<i16> => Array<SmallInt>, len: i64 => BigInt } -> EventSql:
    "SELECT " (event_columns!()) " FROM unnest(" [shards] ") AS b (shard), LATERAL (SELECT * \
     FROM outbox WHERE outbox.shard = b.shard ORDER BY outbox.id LIMIT " [len] ") AS o"
}

statement! {
    Head<Sqlite> { shard: i16 => SmallInt, len: i64 => BigInt } -> EventSql:
    "SELECT " (event_columns!()) " FROM outbox AS o WHERE o.shard = " [shard]
    " ORDER BY o.id LIMIT " [len]
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
            let mut events = Vec::new();
            for shard in shards {
                events.extend(Head { shard: *shard, len }.load::<OutboxEvent>(c)?);
            }
            events
        }
    };
    events.sort_unstable_by_key(|event| event.id);
    Ok(events)
}

/// Gives shards to events that a version without shards has written, and says how many there
/// were. Runs in a write transaction.
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

/// When the oldest event that waits was written.
pub fn oldest(connection: &mut AnyConnection) -> Result<Option<NaiveDateTime>, StoreError> {
    let first = outbox::table.order(outbox::id.asc()).select(outbox::created_at);
    Ok(first.first(connection).optional()?)
}

/// Deletes what was delivered, and counts it. Runs in a write transaction.
///
/// What is not there any more has left by a process that took over meanwhile, which counted it.
pub fn record_delivered(
    connection: &mut AnyConnection,
    events: &[OutboxEvent],
) -> Result<(), StoreError> {
    remove(connection, events, Counter::Delivered)
}

/// Deletes what nobody could have heard, and counts it. Runs in a write transaction.
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
        let mut deleted = 0;
        for chunk in ids.chunks(IDS_PER_STATEMENT) {
            let these = outbox::table.filter(outbox::id.eq_any(chunk.to_vec()));
            deleted += diesel::delete(these).execute(connection)?;
        }
        count(connection, counter, name, i64::try_from(deleted).unwrap_or(i64::MAX))?;
    }
    Ok(())
}

/// Events that were tried in vain, together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    pub ids: Vec<i64>,
    /// Not before then are they tried again.
    pub next_attempt_at: NaiveDateTime,
    /// What happened, without anything secret.
    pub error: String,
}

/// Remembers an attempt in vain. Runs in a write transaction.
pub fn record_failure(
    connection: &mut AnyConnection,
    attempt: &FailedAttempt,
) -> Result<(), StoreError> {
    for chunk in attempt.ids.chunks(IDS_PER_STATEMENT) {
        let these = outbox::table.filter(outbox::id.eq_any(chunk.to_vec()));
        let values = (
            outbox::attempts.eq(outbox::attempts + 1),
            outbox::next_attempt_at.eq(attempt.next_attempt_at),
            outbox::last_error.eq(&attempt.error),
        );
        diesel::update(these).set(values).execute(connection)?;
    }
    Ok(())
}

/// Those of these events that do not wait any more.
pub fn missing(connection: &mut AnyConnection, ids: &[i64]) -> Result<BTreeSet<i64>, StoreError> {
    let mut missing: BTreeSet<i64> = ids.iter().copied().collect();
    for chunk in ids.chunks(IDS_PER_STATEMENT) {
        let these = outbox::table.filter(outbox::id.eq_any(chunk.to_vec()));
        for id in these.select(outbox::id).load::<i64>(connection)? {
            missing.remove(&id);
        }
    }
    Ok(missing)
}

/// Moves an event that can never pass out of the way, with the provider's answer. Runs in a write
/// transaction.
///
/// What is not there any more has left the outbox by a process that took over meanwhile.
pub fn move_to_dead_letters(
    connection: &mut AnyConnection,
    event: &OutboxEvent,
    error: &str,
) -> Result<(), StoreError> {
    if diesel::delete(outbox::table.find(event.id)).execute(connection)? == 0 {
        return Ok(());
    }
    let values = (
        dead_letters::id.eq(event.id),
        dead_letters::channel.eq(&event.channel),
        dead_letters::name.eq(&event.name),
        dead_letters::data.eq(&event.data),
        dead_letters::created_at.eq(event.created_at),
        dead_letters::dead_lettered_at.eq(now()),
        dead_letters::error.eq(error),
        dead_letters::socket_id.eq(&event.socket_id),
        dead_letters::attempts.eq(event.attempts + 1),
    );
    diesel::insert_into(dead_letters::table).values(values).execute(connection)?;
    Ok(())
}
