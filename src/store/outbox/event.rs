//! Events as rows of the outbox.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::events::{EventKind, NewEvent};
use crate::store::schema::outbox;
use crate::store::{AnyConnection, StoreError, now};

/// The number of shards. The events of a channel are in one shard; a lane serves some shards.
pub const SHARDS: i16 = 64;

/// The shard of events that a version without shards has written.
pub(super) const NO_SHARD: i16 = -1;

/// The shard of a channel: FNV-1a, mixed by MurmurHash3's last step, the same in all processes and
/// versions.
pub fn shard_of(channel: &str) -> i16 {
    let hash = channel.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // Channels differ in their last characters, which affect only some bits of an FNV hash. Without
    // the mixing, thousands of users would share a few shards.
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    i16::try_from((hash ^ (hash >> 33)) % u64::from(SHARDS.unsigned_abs())).unwrap_or_default()
}

/// An event that is pending.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct OutboxEvent {
    pub id: i64,
    pub shard: i16,
    pub channel: String,
    pub name: String,
    pub data: String,
    pub socket_id: Option<String>,
    /// The number of failed attempts.
    pub attempts: i32,
    pub created_at: NaiveDateTime,
}

impl OutboxEvent {
    /// Whether the provider is asked to terminate connections, instead of publishing an event.
    pub fn terminates_connections(&self) -> bool {
        self.name == EventKind::TerminateConnections.name()
    }
}

/// An event to be written, without the time.
#[derive(Clone, Copy, Debug, Insertable)]
#[diesel(table_name = outbox)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewEventRow<'a> {
    pub channel: &'a str,
    pub name: &'a str,
    pub data: &'a str,
    pub shard: i16,
    pub socket_id: Option<&'a str>,
}

impl<'a> NewEventRow<'a> {
    pub fn new(event: &'a NewEvent) -> Self {
        Self {
            channel: &event.channel,
            name: event.name(),
            data: &event.data,
            shard: shard_of(&event.channel),
            socket_id: event.socket_id.as_deref(),
        }
    }
}

/// Writes one event. Runs in the write transaction that causes it.
///
/// The events of the engine are not written here, but together with their plan.
pub fn write(connection: &mut AnyConnection, event: &NewEvent) -> Result<(), StoreError> {
    let values = (NewEventRow::new(event), outbox::created_at.eq(now()));
    diesel::insert_into(outbox::table).values(values).execute(connection)?;
    Ok(())
}
