//! Events that are committed and not yet delivered, and what became of the others.
//!
//! An event is written in the transaction that made it true ([`NewEvent`]), waits here, and leaves
//! by one of four ways, each of which is counted: delivered, skipped (nobody listened), dropped (an
//! operator said so), or set aside with the provider's answer, from where it can come back.

mod admin;
mod queue;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{dead_letters, event_counters, outbox};
use super::{AnyConnection, StoreError, now};
use crate::events::{EventKind, NewEvent};

pub use admin::{DeadLetter, PendingEvent, drop_event, list, retry, retry_all};
pub use queue::{
    FailedAttempt, assign_shards, heads, missing, move_to_dead_letters, oldest, record_delivered,
    record_failure, record_skipped,
};

/// Events of one channel are in one of so many shards; lanes are made of shards.
pub const SHARDS: i16 = 64;

/// Of events that were written by a version that knew no shards.
const NO_SHARD: i16 = -1;

/// The shard of a channel: FNV-1a, mixed by MurmurHash3's last step, the same for all processes
/// and versions.
pub fn shard_of(channel: &str) -> i16 {
    let hash = channel.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // Channels differ in their last characters, which FNV carries into some of its bits only: taken
    // as they are, thousands of users would share a few shards.
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    i16::try_from((hash ^ (hash >> 33)) % u64::from(SHARDS.unsigned_abs())).unwrap_or_default()
}

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct OutboxEvent {
    pub id: i64,
    pub shard: i16,
    pub channel: String,
    pub name: String,
    pub data: String,
    pub socket_id: Option<String>,
    /// How often it was tried in vain.
    pub attempts: i32,
    pub created_at: NaiveDateTime,
}

impl OutboxEvent {
    /// Whether the provider is asked to terminate connections, instead of publishing an event.
    pub fn terminates_connections(&self) -> bool {
        self.name == EventKind::TerminateConnections.name()
    }
}

/// Writes one event. Runs in the write transaction that makes it true.
///
/// The engine's events go with their plan, see [`super::trading::apply`].
pub fn write(connection: &mut AnyConnection, event: &NewEvent) -> Result<(), StoreError> {
    let values = (
        outbox::channel.eq(&event.channel),
        outbox::name.eq(event.kind.name()),
        outbox::data.eq(&event.data),
        outbox::created_at.eq(now()),
        outbox::shard.eq(shard_of(&event.channel)),
        outbox::socket_id.eq(&event.socket_id),
    );
    diesel::insert_into(outbox::table).values(values).execute(connection)?;
    Ok(())
}

/// Writes an event that no provider would take, and sets it aside at once. Runs in a write
/// transaction.
pub fn write_dead_letter(
    connection: &mut AnyConnection,
    event: &NewEvent,
    error: &str,
) -> Result<(), StoreError> {
    write(connection, event)?;
    // Nobody else sees the row before the commit.
    let written = outbox::table.filter(outbox::channel.eq(&event.channel));
    let written = written.filter(outbox::data.eq(&event.data)).order(outbox::id.desc());
    let written: OutboxEvent = written.select(OutboxEvent::as_select()).first(connection)?;
    move_to_dead_letters(connection, &written, error)
}

/// How many events wait, and how many were set aside.
pub fn counts(connection: &mut AnyConnection) -> Result<(i64, i64), StoreError> {
    let pending = outbox::table.count().get_result(connection)?;
    let dead_letters = dead_letters::table.count().get_result(connection)?;
    Ok((pending, dead_letters))
}

/// All events of one name that were ever written, wherever they are now.
pub fn total(connection: &mut AnyConnection, kind: EventKind) -> Result<i64, StoreError> {
    let name = kind.name();
    let gone = event_counters::delivered + event_counters::skipped + event_counters::dropped;
    let gone = event_counters::table.find(name).select(gone).first::<i64>(connection).optional()?;
    let pending: i64 =
        outbox::table.filter(outbox::name.eq(name)).count().get_result(connection)?;
    let aside = dead_letters::table.filter(dead_letters::name.eq(name));
    let dead_letters: i64 = aside.count().get_result(connection)?;
    Ok(gone.unwrap_or(0) + pending + dead_letters)
}

/// How an event left the outbox for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    Delivered,
    Skipped,
    Dropped,
}

/// Adds to what has left under a name. Runs in a write transaction.
fn count(
    connection: &mut AnyConnection,
    counter: Counter,
    name: &str,
    count: i64,
) -> Result<(), StoreError> {
    use event_counters as gone;
    let by = |other: Counter| if counter == other { count } else { 0 };
    let (delivered, skipped, dropped) =
        (by(Counter::Delivered), by(Counter::Skipped), by(Counter::Dropped));
    let sums = (
        gone::delivered.eq(gone::delivered + delivered),
        gone::skipped.eq(gone::skipped + skipped),
        gone::dropped.eq(gone::dropped + dropped),
    );
    if diesel::update(gone::table.find(name)).set(sums).execute(connection)? == 0 {
        let values = (
            gone::name.eq(name),
            gone::delivered.eq(delivered),
            gone::skipped.eq(skipped),
            gone::dropped.eq(dropped),
        );
        diesel::insert_into(gone::table).values(values).execute(connection)?;
    }
    Ok(())
}
