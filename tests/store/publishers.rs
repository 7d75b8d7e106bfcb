//! Shards have one holder at a time, whatever a clock wrote, and no holder while a process of a
//! version without shards publishes.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use matchcast::store::outbox::ShardSet;
use matchcast::store::publishers::{self, Share};
use matchcast::store::schema::publishers as rows;
use matchcast::store::{leases, now};

use crate::on_both;
use crate::support::database::Database;

const LENGTH: Duration = Duration::from_secs(60);

fn renew(database: &Database, holder: &str, given_up: ShardSet) -> Option<Share> {
    let (store, _) = database.open_store();
    let mut c = store.connect().unwrap();
    store.write(&mut c, |c| publishers::renew(c, holder, LENGTH, given_up)).unwrap()
}

fn held(database: &Database, holder: &str) -> ShardSet {
    renew(database, holder, ShardSet::EMPTY).expect("it may publish").held
}

/// Changes the end of a process.
fn set_end(database: &Database, holder: &str, seconds: i64) {
    diesel::update(rows::table.find(holder))
        .set(rows::expires_at.eq(now() + TimeDelta::seconds(seconds)))
        .execute(&mut database.connect())
        .unwrap();
}

on_both! {
    async fn what_the_dead_held_is_taken_once(database: Database) {
        assert_eq!(held(&database, "one"), ShardSet::ALL);
        assert!(held(&database, "two").is_empty(), "the first has not given any up");
        set_end(&database, "one", -1);
        assert_eq!(held(&database, "two"), ShardSet::ALL);
        // The first one was late, and not dead.
        let late = renew(&database, "one", ShardSet::EMPTY).unwrap();
        assert!(late.held.is_empty() && late.is_short, "{late:?}");
        // What it believes to hold, it cannot give up.
        renew(&database, "one", ShardSet::ALL).unwrap();
        let second = renew(&database, "two", ShardSet::EMPTY).unwrap();
        assert_eq!((second.held, second.surplus.len()), (ShardSet::ALL, 32));
        // One that is late and that nobody has noticed keeps what it has.
        set_end(&database, "two", -1);
        assert_eq!(held(&database, "two"), ShardSet::ALL);
    }

    async fn shards_that_are_given_up_are_taken_and_the_rest_is_kept(database: Database) {
        for holder in ["one", "two", "three"] {
            held(&database, holder);
        }
        let surplus = renew(&database, "one", ShardSet::EMPTY).unwrap().surplus;
        // In the order of their names, the first has one more.
        assert_eq!(surplus.len(), 64 - 22);
        let part: ShardSet = surplus.iter().take(30).collect();
        let rest = renew(&database, "one", part).unwrap();
        assert_eq!(rest.held, ShardSet::ALL.difference(part));
        assert_eq!(rest.surplus, surplus.difference(part));
        let three = held(&database, "three");
        let two = renew(&database, "two", ShardSet::EMPTY).unwrap();
        assert_eq!((three.len(), two.held.len(), two.is_short), (21, 9, true));
        assert_eq!(three.union(two.held), part);
        assert!(renew(&database, "one", rest.surplus).unwrap().surplus.is_empty());
        let two = renew(&database, "two", ShardSet::EMPTY).unwrap();
        assert_eq!((two.held.len(), two.is_short), (21, false));
        let all = held(&database, "one").union(two.held).union(held(&database, "three"));
        assert_eq!(all, ShardSet::ALL);
    }

    async fn a_process_from_a_clock_that_was_ahead_ends_within_its_length(database: Database) {
        held(&database, "one");
        set_end(&database, "one", 3600);
        assert!(held(&database, "two").is_empty());
        let end: chrono::NaiveDateTime = rows::table
            .find("one")
            .select(rows::expires_at)
            .first(&mut database.connect())
            .unwrap();
        assert!(end <= now() + TimeDelta::seconds(61), "{end}");
    }

    async fn either_an_older_version_publishes_or_those_that_share(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        let take = |c: &mut _| leases::take(c, leases::PUBLISHER, "old", LENGTH);
        assert!(store.write(&mut c, take).unwrap());
        assert_eq!(renew(&database, "one", ShardSet::EMPTY), None);
        store.write(&mut c, |c| publishers::leave(c, "one", LENGTH)).unwrap();
        assert!(store.write(&mut c, take).unwrap(), "it still has its lease");
        store.write(&mut c, |c| leases::release(c, leases::PUBLISHER, "old")).unwrap();
        assert_eq!(held(&database, "one"), ShardSet::ALL);
        held(&database, "two");
        assert!(!store.write(&mut c, take).unwrap(), "the others publish");
        for (holder, may_take) in [("one", false), ("two", true)] {
            store.write(&mut c, |c| publishers::leave(c, holder, LENGTH)).unwrap();
            assert_eq!(store.write(&mut c, take).unwrap(), may_take, "after {holder} has left");
        }
    }
}
