//! What the publisher does: reads the heads of buckets, and writes down what became of events.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamp};
use diesel::sqlite::Sqlite;

use super::{Event, NO_BUCKET, Way, bucket_of, count};
use crate::store::schema::{outbox, set_aside_events};
use crate::store::statement::statement;
use crate::store::{AnyConnection, StoreError, now};

/// Most ids in one statement.
const IDS_PER_STATEMENT: usize = 500;
/// Events of an older version that get their bucket at once.
const BUCKETS_AT_ONCE: i64 = 1_000;

macro_rules! event_columns {
    () => {
        "o.id, o.bucket, o.channel, o.name, o.data, o.socket_id, o.attempts, o.created_at"
    };
}

type EventSql = (BigInt, SmallInt, Text, Text, Text, Nullable<Text>, Integer, Timestamp);

statement! {
    Heads<Pg> { buckets: Vec<i16> => Array<SmallInt>, len: i64 => BigInt } -> EventSql:
    "SELECT " (event_columns!()) " FROM unnest(" [buckets] ") AS b (bucket), LATERAL (SELECT * \
     FROM outbox WHERE outbox.bucket = b.bucket ORDER BY outbox.id LIMIT " [len] ") AS o"
}

statement! {
    Head<Sqlite> { bucket: i16 => SmallInt, len: i64 => BigInt } -> EventSql:
    "SELECT " (event_columns!()) " FROM outbox AS o WHERE o.bucket = " [bucket]
    " ORDER BY o.id LIMIT " [len]
}

/// The oldest `len` events of each of these buckets, oldest first.
pub fn heads(
    connection: &mut AnyConnection,
    buckets: &[i16],
    len: i64,
) -> Result<Vec<Event>, StoreError> {
    let mut events: Vec<Event> = match connection {
        AnyConnection::Postgres(c) => Heads { buckets: buckets.to_vec(), len }.load(c)?,
        AnyConnection::Sqlite(c) => {
            let mut events = Vec::new();
            for bucket in buckets {
                events.extend(Head { bucket: *bucket, len }.load::<Event>(c)?);
            }
            events
        }
    };
    events.sort_unstable_by_key(|event| event.id);
    Ok(events)
}

/// Gives buckets to events that a version without buckets has written, and says how many there
/// were. Runs in a write transaction.
pub fn assign_buckets(connection: &mut AnyConnection) -> Result<usize, StoreError> {
    let without = outbox::table.filter(outbox::bucket.eq(NO_BUCKET)).order(outbox::id.asc());
    let without = without.select((outbox::id, outbox::channel)).limit(BUCKETS_AT_ONCE);
    let rows: Vec<(i64, String)> = without.load(connection)?;
    for (id, channel) in &rows {
        let bucket = outbox::bucket.eq(bucket_of(channel));
        diesel::update(outbox::table.find(id)).set(bucket).execute(connection)?;
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
pub fn delivered(connection: &mut AnyConnection, events: &[Event]) -> Result<(), StoreError> {
    leave(connection, events, Way::Delivered)
}

/// Deletes what nobody could have heard, and counts it. Runs in a write transaction.
pub fn skipped(connection: &mut AnyConnection, events: &[Event]) -> Result<(), StoreError> {
    leave(connection, events, Way::Skipped)
}

fn leave(connection: &mut AnyConnection, events: &[Event], way: Way) -> Result<(), StoreError> {
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
        count(connection, way, name, i64::try_from(deleted).unwrap_or(i64::MAX))?;
    }
    Ok(())
}

/// Events that were tried in vain, together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub ids: Vec<i64>,
    /// Not before then are they tried again.
    pub next_try_at: NaiveDateTime,
    /// What happened, without anything secret.
    pub answer: String,
}

/// Remembers an attempt in vain. Runs in a write transaction.
pub fn tried(connection: &mut AnyConnection, tried: &Tried) -> Result<(), StoreError> {
    for chunk in tried.ids.chunks(IDS_PER_STATEMENT) {
        let these = outbox::table.filter(outbox::id.eq_any(chunk.to_vec()));
        let values = (
            outbox::attempts.eq(outbox::attempts + 1),
            outbox::next_try_at.eq(tried.next_try_at),
            outbox::last_answer.eq(&tried.answer),
        );
        diesel::update(these).set(values).execute(connection)?;
    }
    Ok(())
}

/// Those of these events that do not wait any more.
pub fn gone(connection: &mut AnyConnection, ids: &[i64]) -> Result<BTreeSet<i64>, StoreError> {
    let mut gone: BTreeSet<i64> = ids.iter().copied().collect();
    for chunk in ids.chunks(IDS_PER_STATEMENT) {
        let these = outbox::table.filter(outbox::id.eq_any(chunk.to_vec()));
        for id in these.select(outbox::id).load::<i64>(connection)? {
            gone.remove(&id);
        }
    }
    Ok(gone)
}

/// Moves an event that can never pass out of the way, with the provider's answer. Runs in a write
/// transaction.
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
        set_aside_events::socket_id.eq(&event.socket_id),
        set_aside_events::attempts.eq(event.attempts + 1),
    );
    diesel::insert_into(set_aside_events::table).values(values).execute(connection)?;
    Ok(())
}
