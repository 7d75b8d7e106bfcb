//! Which process publishes the events of which shards.
//!
//! Each process that publishes is a row with an end, which it renews, and has about the same number
//! of shards. A shard has one holder: another process takes it after its holder has given it up, or
//! once its holder has not renewed its row in time. All changes are made under the lock of one row,
//! the lease [`leases::PUBLISHER`], which these processes hold together: a version that shares
//! nothing out holds that lease alone, so either it publishes or they do.
//!
//! The times are those of [`leases`]: of one clock, which may be wrong and be corrected.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::clock::database_time;
use super::outbox::{SHARDS, ShardSet};
use super::schema::{publisher_shards, publishers};
use super::{AnyConnection, StoreError, leases};

/// The holder of the lease that the publishers hold together.
const TOGETHER: &str = "publishers";

/// The shards of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// They belong to it until it gives them up or its row expires.
    pub held: ShardSet,
    /// Those among them that are to be given up, because others have fewer.
    pub surplus: ShardSet,
    /// Whether it has fewer shards than it should: others have not given theirs up yet.
    pub is_short: bool,
}

/// Makes `holder` a publisher for `length` from now, gives up these shards, and takes those of its
/// share that nobody has. `None`: a process of an older version publishes everything. Runs in a
/// write transaction.
pub fn renew(
    connection: &mut AnyConnection,
    holder: &str,
    length: Duration,
    given_up: ShardSet,
) -> Result<Option<Share>, StoreError> {
    if !lock(connection, length)? {
        return Ok(None);
    }
    for shard in given_up.iter() {
        let held = publisher_shards::table.find(shard).filter(publisher_shards::holder.eq(holder));
        diesel::delete(held).execute(connection)?;
    }
    let length = TimeDelta::from_std(length)
        .map_err(|error| StoreError::Other(format!("the lease is too long: {error}")))?;
    let living = renew_row(connection, holder, length)?;
    let rows: Vec<(i16, String)> = publisher_shards::table
        .select((publisher_shards::shard, publisher_shards::holder))
        .load(connection)?;
    let holders: BTreeMap<i16, String> = rows.into_iter().collect();
    let (share, taken) = share_out(&living, &holders, holder);
    for shard in taken.iter() {
        let holder = publisher_shards::holder.eq(holder);
        if holders.contains_key(&shard) {
            let of_the_dead = diesel::update(publisher_shards::table.find(shard));
            of_the_dead.set(holder).execute(connection)?;
        } else {
            let row = (publisher_shards::shard.eq(shard), holder);
            diesel::insert_into(publisher_shards::table).values(row).execute(connection)?;
        }
    }
    Ok(Some(share))
}

/// Locks the rows of all publishers. False if a process of an older version publishes.
fn lock(connection: &mut AnyConnection, length: Duration) -> Result<bool, StoreError> {
    leases::take(connection, leases::PUBLISHER, TOGETHER, length)
}

/// Renews the row of `holder`, deletes those that have expired, and shortens those that end too
/// late. Returns the holders whose rows are left.
fn renew_row(
    connection: &mut AnyConnection,
    holder: &str,
    length: TimeDelta,
) -> Result<BTreeSet<String>, StoreError> {
    let now = database_time(connection)?;
    let columns = (publishers::holder, publishers::expires_at, publishers::length_ms);
    let rows = publishers::table.select(columns).load(connection)?;
    let rows: Vec<(String, NaiveDateTime, i64)> = rows;
    let mut living = BTreeSet::from([holder.to_owned()]);
    let is_known = rows.iter().any(|(known, ..)| known == holder);
    for (other, expires_at, length_ms) in rows.into_iter().filter(|(known, ..)| known != holder) {
        let row = publishers::table.find(&other);
        let latest = now + TimeDelta::try_milliseconds(length_ms).unwrap_or(length);
        if expires_at < now {
            diesel::delete(row).execute(connection)?;
            continue;
        }
        if expires_at > latest {
            diesel::update(row).set(publishers::expires_at.eq(latest)).execute(connection)?;
        }
        living.insert(other);
    }
    let length_ms = publishers::length_ms.eq(length.num_milliseconds());
    let values = (publishers::expires_at.eq(now + length), length_ms);
    if is_known {
        diesel::update(publishers::table.find(holder)).set(values).execute(connection)?;
    } else {
        let row = (publishers::holder.eq(holder), values);
        diesel::insert_into(publishers::table).values(row).execute(connection)?;
    }
    Ok(living)
}

/// The share of `holder`, and the shards in it that it takes now.
fn share_out(
    living: &BTreeSet<String>,
    holders: &BTreeMap<i16, String>,
    holder: &str,
) -> (Share, ShardSet) {
    let count = living.len().max(1);
    let shards = usize::from(SHARDS.unsigned_abs());
    // The first ones have one more.
    let rank = living.iter().take_while(|other| *other != holder).count();
    let target = shards / count + usize::from(rank < shards % count);
    let holder_of = |shard: i16| holders.get(&shard).filter(|other| living.contains(*other));
    let of_this = |shard: &i16| holder_of(*shard).is_some_and(|other| other == holder);
    let mine: Vec<i16> = (0..SHARDS).filter(of_this).collect();
    let free = (0..SHARDS).filter(|shard| holder_of(*shard).is_none());
    let taken: ShardSet = free.take(target.saturating_sub(mine.len())).collect();
    // Those that are next to each other belong to different lanes, so that each lane keeps some.
    let surplus = mine.iter().copied().skip(target).collect();
    let held = mine.into_iter().collect::<ShardSet>().union(taken);
    let is_short = usize::try_from(held.len()).is_ok_and(|len| len < target);
    (Share { held, surplus, is_short }, taken)
}

/// Ends what `holder` has, so that others take it without waiting for its end. Runs in a write
/// transaction.
pub fn leave(
    connection: &mut AnyConnection,
    holder: &str,
    length: Duration,
) -> Result<(), StoreError> {
    if !lock(connection, length)? {
        return Ok(());
    }
    let held = publisher_shards::table.filter(publisher_shards::holder.eq(holder));
    diesel::delete(held).execute(connection)?;
    diesel::delete(publishers::table.find(holder)).execute(connection)?;
    let others: i64 = publishers::table.count().get_result(connection)?;
    if others == 0 {
        leases::release(connection, leases::PUBLISHER, TOGETHER)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rounds until nothing changes any more, each process in turn; what is to be given up is
    /// given up at once.
    fn settle(living: &BTreeSet<String>, holders: &mut BTreeMap<i16, String>) -> usize {
        for round in 0.. {
            let mut has_changed = false;
            for holder in living {
                let (share, taken) = share_out(living, holders, holder);
                assert_eq!(share.surplus.difference(share.held), ShardSet::EMPTY);
                has_changed |= !taken.is_empty() || !share.surplus.is_empty() || share.is_short;
                holders.extend(taken.iter().map(|shard| (shard, holder.clone())));
                share.surplus.iter().for_each(|shard| drop(holders.remove(&shard)));
            }
            if !has_changed {
                return round;
            }
        }
        unreachable!("it settles");
    }

    fn counts(holders: &BTreeMap<i16, String>) -> Vec<usize> {
        let mut counts = BTreeMap::<&str, usize>::new();
        holders.values().for_each(|holder| *counts.entry(holder).or_default() += 1);
        counts.into_values().collect()
    }

    #[test]
    fn the_living_share_all_shards_evenly_and_few_of_them_move() {
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut holders = BTreeMap::new();
        settle(&named(&["a"]), &mut holders);
        assert_eq!(counts(&holders), [64]);
        for (living, expected) in [
            (&["a", "b"][..], &[32, 32][..]),
            (&["a", "b", "c"], &[22, 21, 21]),
            (&["b", "c"], &[32, 32]),
            (&["b", "c", "d", "e", "f"], &[13, 13, 13, 13, 12]),
            (&["d"], &[64]),
        ] {
            let before = holders.clone();
            let rounds = settle(&named(living), &mut holders);
            assert!(rounds <= 2, "{rounds} rounds for {living:?}");
            assert_eq!(counts(&holders), expected, "{living:?}");
            let moved = |(shard, holder): &(&i16, &String)| before.get(*shard) != Some(*holder);
            let moved = holders.iter().filter(moved).count();
            // What the dead had, and what the new ones have.
            let dead = before.values().filter(|holder| !living.contains(&holder.as_str())).count();
            let old: BTreeSet<&String> = before.values().collect();
            let new = holders.values().filter(|holder| !old.contains(holder)).count();
            assert!(moved <= dead.max(new) + living.len(), "{moved} moved for {living:?}");
        }
    }

    #[test]
    fn more_publishers_than_shards_have_one_or_none() {
        let living: BTreeSet<String> = (0..70).map(|number| format!("{number:02}")).collect();
        let mut holders = BTreeMap::new();
        settle(&living, &mut holders);
        assert_eq!(counts(&holders), [1; 64]);
        let (share, _) = share_out(&living, &holders, "69");
        assert_eq!(share, Share::default());
    }
}
