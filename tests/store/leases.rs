//! Leases: one holder at a time, and none for longer than its length, whatever a clock wrote.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use matchcast::store::schema::leases as rows;
use matchcast::store::{leases, now};

use crate::on_both;
use crate::support::database::Database;

const LENGTH: Duration = Duration::from_secs(60);

fn take(database: &Database, name: &str, holder: &str) -> bool {
    let (store, _) = database.open_store();
    let mut c = store.connect().unwrap();
    store.write(&mut c, |c| leases::take(c, name, holder, LENGTH)).unwrap()
}

fn end(database: &Database) -> NaiveDateTime {
    rows::table.select(rows::expires_at).first(&mut database.connect()).unwrap()
}

/// Changes the end of all leases.
fn set_end(database: &Database, end: NaiveDateTime) {
    diesel::update(rows::table)
        .set(rows::expires_at.eq(end))
        .execute(&mut database.connect())
        .unwrap();
}

on_both! {
    async fn a_lease_has_one_holder_at_a_time(database: Database) {
        assert!(take(&database, "publisher", "one"));
        assert!(!take(&database, "publisher", "two"), "another process holds it");
        assert!(take(&database, "publisher", "one"), "its holder renews it");
        assert!(take(&database, "another", "two"), "each name is a lease of its own");
        let is_held = |name| leases::is_held(&mut database.connect(), name).unwrap();
        assert!(is_held("publisher") && !is_held("unknown"));
        set_end(&database, now() - TimeDelta::seconds(1));
        assert!(!is_held("publisher"));
        assert!(take(&database, "publisher", "two"), "it has expired");
        assert!(!take(&database, "publisher", "one"), "and has a new holder");
        let (store, _) = database.open_store();
        let release = |holder: &str| {
            let mut c = store.connect().unwrap();
            store.write(&mut c, |c| leases::release(c, "publisher", holder)).unwrap();
        };
        release("one");
        assert!(!take(&database, "publisher", "one"), "only its holder releases it");
        release("two");
        assert!(take(&database, "publisher", "one"));
    }

    async fn a_lease_from_a_clock_that_was_ahead_ends_within_its_length(database: Database) {
        let hour = TimeDelta::hours(1);
        for has_length in [true, false] {
            database.open_store();
            database.execute("DELETE FROM leases");
            assert!(take(&database, "publisher", "dead"));
            if !has_length {
                // As an older version wrote it.
                database.execute("UPDATE leases SET length_ms = NULL");
            }
            set_end(&database, now() + hour);
            assert!(!take(&database, "publisher", "two"), "its holder may live");
            let shortened = end(&database);
            assert!(shortened <= now() + LENGTH, "{shortened}");
            assert!(!take(&database, "publisher", "two"));
            assert_eq!(end(&database), shortened, "it is shortened once");
            // Its length passes.
            set_end(&database, shortened - LENGTH);
            assert!(take(&database, "publisher", "two"));
        }
        set_end(&database, now() + hour);
        assert!(take(&database, "publisher", "two"), "a holder that lives renews it");
        assert!(end(&database) <= now() + LENGTH);
    }

    async fn a_longer_lease_of_another_process_is_not_shortened(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        store.write(&mut c, |c| leases::take(c, "publisher", "one", LENGTH * 10)).unwrap();
        let before = end(&database);
        assert!(!take(&database, "publisher", "two"));
        assert_eq!(end(&database), before);
    }

    async fn of_concurrent_processes_one_gets_the_lease(database: Database) {
        let (store, _) = database.open_store();
        let taken = std::thread::scope(|scope| {
            let take = |n: usize| {
                let store = &store;
                move || {
                    let mut c = store.connect().unwrap();
                    let holder = format!("process {n}");
                    let work = |c: &mut _| leases::take(c, "publisher", &holder, LENGTH);
                    store.write(&mut c, work).unwrap()
                }
            };
            let handles: Vec<_> = (0..8).map(|n| scope.spawn(take(n))).collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).collect::<Vec<bool>>()
        });
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    }
}
