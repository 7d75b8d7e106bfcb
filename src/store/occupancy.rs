//! Which channels are occupied, that is, have subscribers, as far as is known.
//!
//! There are three sources, and none is complete: the provider's webhooks (they arrive late, twice,
//! in any order, or not at all), its list of channels (which is a moment old), and authorizations
//! (a client is about to subscribe). In doubt a channel counts as occupied: a superfluous message
//! costs little, but an event that is skipped by mistake is lost.
//!
//! Webhooks are compared with each other by the provider's clock, everything else by the clock of
//! matchcast. The sources write concurrently, so each write is one statement that checks the row as
//! it is at that moment.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::schema::channel_occupancy as occupancy;
use super::schema::provider_webhooks;
use super::statement::{on_connection, prepared};
use super::{AnyConnection, StoreError, now};

/// How long a channel counts as occupied after a client was authorized for it: until then the
/// webhook of the subscription should arrive.
pub const PENDING_FOR: TimeDelta = TimeDelta::minutes(1);
/// Most names in one statement.
const NAMES_PER_STATEMENT: usize = 500;

/// Records a webhook: which channels got their first subscriber (`true`) or lost their last one
/// (`false`) at the provider's time `changed_ms`. Returns whether it is new, by the digest of its
/// body; a repeated webhook changes nothing. Runs in a write transaction.
pub fn record_webhook(
    connection: &mut AnyConnection,
    digest: &str,
    changes: &BTreeMap<String, bool>,
    changed_ms: i64,
) -> Result<bool, StoreError> {
    if !is_new_webhook(connection, digest)? {
        return Ok(false);
    }
    // In the order of the names, so that two webhooks cannot deadlock.
    for (channel, is_occupied) in changes {
        changed(connection, channel, *is_occupied, changed_ms)?;
    }
    Ok(true)
}

/// Records the digest of a webhook; returns whether it is new. Of two concurrent deliveries the
/// second waits for the first.
fn is_new_webhook(connection: &mut AnyConnection, digest: &str) -> Result<bool, StoreError> {
    let values = (provider_webhooks::digest.eq(digest), provider_webhooks::received_at.eq(now()));
    let row = diesel::insert_into(provider_webhooks::table).values(values).on_conflict_do_nothing();
    let inserted = on_connection!(connection, |c| row.execute(c)?);
    Ok(inserted > 0)
}

/// Records that a channel got its first subscriber, or lost its last one. A change that is older
/// than the last recorded one is ignored. Runs in a write transaction.
pub fn changed(
    connection: &mut AnyConnection,
    channel: &str,
    is_occupied: bool,
    changed_ms: i64,
) -> Result<(), StoreError> {
    create_row(connection, channel, now())?;
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

/// Marks a channel for which a client was just authorized: it counts as occupied for
/// [`PENDING_FOR`], so that events before the webhook are not skipped. Runs in a write transaction.
pub fn mark_pending(connection: &mut AnyConnection, channel: &str) -> Result<(), StoreError> {
    create_row(connection, channel, now())?;
    let row = diesel::update(occupancy::table.find(channel));
    row.set(occupancy::authorized_at.eq(now())).execute(connection)?;
    Ok(())
}

/// Replaces everything that was known before `asked_at` by the list of occupied channels that the
/// provider was asked for at that time. Runs in a write transaction.
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
        create_row(connection, channel, DateTime::UNIX_EPOCH.naive_utc())?;
        let row = before.filter(occupancy::channel.eq(channel));
        let values = (occupancy::occupied.eq(true), occupancy::seen_at.eq(now()));
        diesel::update(row).set(values).execute(connection)?;
    }
    Ok(())
}

/// The observations of one channel.
#[derive(Queryable, Selectable)]
#[diesel(table_name = occupancy)]
struct Known {
    channel: String,
    occupied: bool,
    authorized_at: Option<NaiveDateTime>,
}

impl Known {
    fn is_occupied(&self, now: NaiveDateTime) -> bool {
        self.occupied || self.authorized_at.is_some_and(|at| at + PENDING_FOR > now)
    }
}

/// Those of these channels that have subscribers, or are about to.
///
/// The channels are one array on PostgreSQL. SQLite runs one prepared statement per channel: a list
/// of varying length would be a new statement each time.
pub fn occupied_among(
    connection: &mut AnyConnection,
    channels: &BTreeSet<&str>,
) -> Result<BTreeSet<String>, StoreError> {
    let known: Vec<Known> = match connection {
        AnyConnection::Postgres(c) => {
            let these = occupancy::table.filter(occupancy::channel.eq_any(channels));
            prepared!(these.select(Known::as_select())).load(c)?
        }
        AnyConnection::Sqlite(c) => {
            let mut known = Vec::new();
            for channel in channels {
                let this = occupancy::table.find(channel).select(Known::as_select());
                known.extend(this.load(c)?);
            }
            known
        }
    };
    let now = now();
    let occupied = known.into_iter().filter(|known| known.is_occupied(now));
    Ok(occupied.map(|known| known.channel).collect())
}

/// Creates the row of a channel if it does not exist.
fn create_row(
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
    on_connection!(connection, |c| row.execute(c)?);
    Ok(())
}
