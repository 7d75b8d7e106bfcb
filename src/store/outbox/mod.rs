//! Events that are committed and not yet delivered, and what became of the others.
//!
//! An event is written in the transaction that made it true ([`NewEvent`]), waits here, and leaves
//! by one of four ways, each of which is counted: delivered, skipped (nobody listened), dropped (an
//! operator said so), or set aside with the provider's answer, from where it can come back.

mod admin;
mod queue;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{delivered_events, outbox, set_aside_events};
use super::{AnyConnection, StoreError, now};
use crate::market::UserId;

pub use admin::{SetAside, Waiting, drop_event, list, retry, retry_all};
pub use queue::{Tried, assign_buckets, delivered, gone, heads, oldest, set_aside, skipped, tried};

/// Tells buyer and seller of a trade. Existing pages listen to exactly this name.
pub const ORDER_MATCHED: &str = "order.matched";
/// Tells the owner of an order what has become of it.
pub const ORDER_UPDATED: &str = "order.updated";
/// Tells the owner of an account what is in it.
pub const BALANCE_UPDATED: &str = "balance.updated";
/// Tells everybody of a trade.
pub const TRADE_EXECUTED: &str = "trade.executed";
/// Tells everybody the best prices of a book.
pub const BOOK_UPDATED: &str = "book.updated";

/// Not told to pages: ends the connections that have signed in as a user.
pub const TERMINATE_CONNECTIONS: &str = "terminate_connections";

/// Events of one channel are in one of so many buckets; lanes are made of buckets.
pub const BUCKETS: i16 = 64;

/// Of events that were written by a version that knew no buckets.
const NO_BUCKET: i16 = -1;

/// The channel that a user alone may hear.
pub fn user_channel(user: UserId) -> String {
    format!("private-user.{user}")
}

/// The same for what the provider must not read.
pub fn encrypted_user_channel(user: UserId) -> String {
    format!("private-encrypted-user.{user}")
}

/// The channel of a market, which everybody may hear.
pub fn market_channel(symbol: &str) -> String {
    format!("market.{symbol}")
}

/// The bucket of a channel: FNV-1a, mixed by MurmurHash3's last step, the same for all processes
/// and versions.
pub fn bucket_of(channel: &str) -> i16 {
    let hash = channel.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // Channels differ in their last characters, which FNV carries into some of its bits only: taken
    // as they are, thousands of users would share a few buckets.
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    i16::try_from((hash ^ (hash >> 33)) % u64::from(BUCKETS.unsigned_abs())).unwrap_or_default()
}

/// An event to be written in the transaction that made it true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub channel: String,
    pub name: &'static str,
    /// JSON.
    pub data: String,
    /// The connection that caused the event, where it shall not hear of it.
    pub socket_id: Option<String>,
}

impl NewEvent {
    /// Ends the connections that have signed in as `user`, once the provider is told.
    ///
    /// Its channel is the user's own, so it comes after the events that were written before it.
    pub fn terminate_connections(user: UserId) -> Self {
        Self {
            channel: user_channel(user),
            name: TERMINATE_CONNECTIONS,
            data: user.to_string(),
            socket_id: None,
        }
    }
}

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct Event {
    pub id: i64,
    pub bucket: i16,
    pub channel: String,
    pub name: String,
    pub data: String,
    pub socket_id: Option<String>,
    /// How often it was tried in vain.
    pub attempts: i32,
    pub created_at: NaiveDateTime,
}

/// Writes one event. Runs in the write transaction that makes it true.
///
/// The engine's events go with their plan, see [`super::trading::apply`].
pub fn write(connection: &mut AnyConnection, event: &NewEvent) -> Result<(), StoreError> {
    let values = (
        outbox::channel.eq(&event.channel),
        outbox::name.eq(event.name),
        outbox::data.eq(&event.data),
        outbox::created_at.eq(now()),
        outbox::bucket.eq(bucket_of(&event.channel)),
        outbox::socket_id.eq(&event.socket_id),
    );
    diesel::insert_into(outbox::table).values(values).execute(connection)?;
    Ok(())
}

/// Writes an event that no provider would take, and sets it aside at once. Runs in a write
/// transaction.
pub fn write_aside(
    connection: &mut AnyConnection,
    event: &NewEvent,
    answer: &str,
) -> Result<(), StoreError> {
    write(connection, event)?;
    // Nobody else sees the row before the commit.
    let written = outbox::table.filter(outbox::channel.eq(&event.channel));
    let written = written.filter(outbox::data.eq(&event.data)).order(outbox::id.desc());
    let written: Event = written.select(Event::as_select()).first(connection)?;
    set_aside(connection, &written, answer)
}

/// How many events wait, and how many were set aside.
pub fn counts(connection: &mut AnyConnection) -> Result<(i64, i64), StoreError> {
    let waiting = outbox::table.count().get_result(connection)?;
    let set_aside = set_aside_events::table.count().get_result(connection)?;
    Ok((waiting, set_aside))
}

/// All events of one name that were ever written, wherever they are now.
pub fn total(connection: &mut AnyConnection, name: &str) -> Result<i64, StoreError> {
    let gone = delivered_events::delivered + delivered_events::skipped + delivered_events::dropped;
    let gone =
        delivered_events::table.find(name).select(gone).first::<i64>(connection).optional()?;
    let waiting: i64 =
        outbox::table.filter(outbox::name.eq(name)).count().get_result(connection)?;
    let aside = set_aside_events::table.filter(set_aside_events::name.eq(name));
    let set_aside: i64 = aside.count().get_result(connection)?;
    Ok(gone.unwrap_or(0) + waiting + set_aside)
}

/// How an event left the outbox for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Delivered,
    Skipped,
    Dropped,
}

/// Adds to what has left under a name. Runs in a write transaction.
fn count(
    connection: &mut AnyConnection,
    way: Way,
    name: &str,
    count: i64,
) -> Result<(), StoreError> {
    use delivered_events as gone;
    let by = |other: Way| if way == other { count } else { 0 };
    let (delivered, skipped, dropped) = (by(Way::Delivered), by(Way::Skipped), by(Way::Dropped));
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
