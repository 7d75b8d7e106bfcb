//! Which channels have subscribers, as far as it is known.
//!
//! Three sources, none of which is complete: the provider's webhooks (they come late, twice, in
//! any order, or not at all), its list of channels (a moment ago), and our own authorisations
//! (somebody is about to subscribe). In doubt a channel is taken for occupied: a message too many
//! costs little, an event that somebody could have heard is lost.
//!
//! Webhooks are compared with each other by the provider's clock, everything else by ours. Each
//! write is one statement that looks at the row as it then is: the sources write at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::schema::channel_occupancy as occupancy;
use super::schema::webhooks;
use super::{AnyConnection, StoreError, now};

/// How long after its authorisation a subscription may take to be told by a webhook.
pub const PENDING_FOR: TimeDelta = TimeDelta::minutes(1);
/// How long a webhook is remembered; providers repeat one for five minutes.
const WEBHOOKS_KEPT: TimeDelta = TimeDelta::minutes(15);
/// Most names in one statement.
const NAMES_PER_STATEMENT: usize = 500;

/// Takes in a webhook: which channels have their first subscriber (`true`) or lost their last one
/// since the provider's `changed_ms`. Says whether it is new, told by the digest of its body: else
/// nothing changes. Runs in a write transaction.
pub fn take_in(
    connection: &mut AnyConnection,
    digest: &str,
    changes: &BTreeMap<String, bool>,
    changed_ms: i64,
) -> Result<bool, StoreError> {
    if !is_new_webhook(connection, digest)? {
        return Ok(false);
    }
    // In the order of their names, so that two webhooks wait for each other in one order.
    for (channel, is_occupied) in changes {
        changed(connection, channel, *is_occupied, changed_ms)?;
    }
    Ok(true)
}

/// Notes a webhook by the digest of its body; says whether it is new. Of two deliveries at once the
/// second waits for the first.
fn is_new_webhook(connection: &mut AnyConnection, digest: &str) -> Result<bool, StoreError> {
    let old = webhooks::table.filter(webhooks::received_at.lt(now() - WEBHOOKS_KEPT));
    diesel::delete(old).execute(connection)?;
    let values = (webhooks::digest.eq(digest), webhooks::received_at.eq(now()));
    let row = diesel::insert_into(webhooks::table).values(values).on_conflict_do_nothing();
    let inserted = match connection {
        AnyConnection::Postgres(c) => row.execute(c)?,
        AnyConnection::Sqlite(c) => row.execute(c)?,
    };
    Ok(inserted > 0)
}

/// A webhook says that a channel has its first subscriber, or lost its last one. What is older than
/// the last one heard of the channel changes nothing. Runs in a write transaction.
pub fn changed(
    connection: &mut AnyConnection,
    channel: &str,
    is_occupied: bool,
    changed_ms: i64,
) -> Result<(), StoreError> {
    make_row(connection, channel, now())?;
    // At the same millisecond, occupied wins.
    let newer_than = if is_occupied { changed_ms.saturating_add(1) } else { changed_ms };
    let older = occupancy::table.find(channel).filter(occupancy::changed_ms.lt(newer_than));
    let values = (
        occupancy::occupied.eq(is_occupied),
        occupancy::changed_ms.eq(changed_ms),
        occupancy::seen_at.eq(now()),
    );
    diesel::update(older).set(values).execute(connection)?;
    Ok(())
}

/// Somebody was just authorised for a channel: for a minute it counts as occupied, so that what
/// happens before the webhook is not skipped. Runs in a write transaction.
pub fn expect(connection: &mut AnyConnection, channel: &str) -> Result<(), StoreError> {
    make_row(connection, channel, now())?;
    let row = diesel::update(occupancy::table.find(channel));
    row.set(occupancy::authorized_at.eq(now())).execute(connection)?;
    Ok(())
}

/// The provider's list of occupied channels, for which it was asked at `asked_at`. What was heard
/// of a channel since then stays. Runs in a write transaction.
pub fn replace(
    connection: &mut AnyConnection,
    occupied: &[String],
    asked_at: NaiveDateTime,
) -> Result<(), StoreError> {
    let before = occupancy::table.filter(occupancy::seen_at.lt(asked_at));
    let known: Vec<String> = before.select(occupancy::channel).load(connection)?;
    let listed: BTreeSet<&str> = occupied.iter().map(String::as_str).collect();
    let gone: Vec<String> =
        known.into_iter().filter(|name| !listed.contains(name.as_str())).collect();
    for names in gone.chunks(NAMES_PER_STATEMENT) {
        let these = before.filter(occupancy::channel.eq_any(names.to_vec()));
        let expired = occupancy::authorized_at.is_null();
        let expired = expired.or(occupancy::authorized_at.lt(now() - PENDING_FOR));
        diesel::delete(these.filter(expired.assume_not_null())).execute(connection)?;
    }
    for channel in listed {
        make_row(connection, channel, DateTime::UNIX_EPOCH.naive_utc())?;
        let row = before.filter(occupancy::channel.eq(channel));
        let values = (occupancy::occupied.eq(true), occupancy::seen_at.eq(now()));
        diesel::update(row).set(values).execute(connection)?;
    }
    Ok(())
}

/// Which of these channels somebody listens to, or is about to.
pub fn occupied_among(
    connection: &mut AnyConnection,
    channels: &BTreeSet<&str>,
) -> Result<BTreeSet<String>, StoreError> {
    let channels: Vec<String> = channels.iter().map(|name| (*name).to_owned()).collect();
    let mut occupied = BTreeSet::new();
    for names in channels.chunks(NAMES_PER_STATEMENT) {
        let these = occupancy::table.filter(occupancy::channel.eq_any(names.to_vec()));
        let columns = (occupancy::channel, occupancy::occupied, occupancy::authorized_at);
        let rows: Vec<(String, bool, Option<NaiveDateTime>)> =
            these.select(columns).load(connection)?;
        let is_expected = |at: Option<NaiveDateTime>| at.is_some_and(|at| at + PENDING_FOR > now());
        occupied.extend(
            rows.into_iter()
                .filter(|(_, is_occupied, authorized_at)| {
                    *is_occupied || is_expected(*authorized_at)
                })
                .map(|(name, ..)| name),
        );
    }
    Ok(occupied)
}

/// A row for a channel of which nothing is known, if there is none.
fn make_row(
    connection: &mut AnyConnection,
    channel: &str,
    seen_at: NaiveDateTime,
) -> Result<(), StoreError> {
    let values = (
        occupancy::channel.eq(channel),
        occupancy::occupied.eq(false),
        occupancy::changed_ms.eq(0),
        occupancy::seen_at.eq(seen_at),
    );
    let row = diesel::insert_into(occupancy::table).values(values).on_conflict_do_nothing();
    match connection {
        AnyConnection::Postgres(c) => row.execute(c)?,
        AnyConnection::Sqlite(c) => row.execute(c)?,
    };
    Ok(())
}
