//! Channel occupancy: webhooks in any order, the provider's list, and authorizations.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use matchcast::store::{AnyConnection, Store, now, occupancy};

use crate::on_both;
use crate::support::database::Database;
use crate::support::rounds;

/// An observation of the channel `a`.
#[derive(Clone, Copy, Debug)]
enum Observation {
    /// A webhook of this time, in milliseconds.
    Occupied(i64),
    Vacated(i64),
    /// The list that was requested so many seconds ago contains the channel, or does not.
    Listed(i64),
    Missing(i64),
    /// A client was authorized for it.
    Authorized,
    /// So many seconds pass: the times in the table become older.
    Pass(i64),
}
use Observation::{Authorized, Listed, Missing, Occupied, Pass, Vacated};

/// Observations in their order, and whether the channel then counts as occupied.
const CASES: &[(&[Observation], bool)] = &[
    (&[], false),
    (&[Occupied(100)], true),
    (&[Occupied(100), Vacated(101)], false),
    (&[Occupied(100), Vacated(99)], true),
    (&[Vacated(100), Occupied(99)], false),
    (&[Vacated(100), Occupied(100)], true),
    (&[Occupied(100), Vacated(100)], true),
    (&[Occupied(100), Vacated(101), Occupied(99)], false),
    (&[Vacated(100)], false),
    // A list is a moment old: later observations are kept.
    (&[Listed(0)], true),
    (&[Missing(0)], false),
    (&[Occupied(100), Missing(10)], true),
    (&[Occupied(100), Pass(20), Missing(10)], false),
    (&[Vacated(100), Listed(10)], false),
    (&[Vacated(100), Pass(20), Listed(10)], true),
    // A list has no time of the provider: the next webhook is compared with the last one.
    (&[Occupied(100), Pass(20), Listed(10), Vacated(99)], true),
    (&[Occupied(100), Pass(20), Listed(10), Vacated(101)], false),
    (&[Listed(0), Vacated(1)], false),
    (&[Authorized], true),
    (&[Authorized, Vacated(100)], true),
    (&[Vacated(100), Authorized], true),
    (&[Authorized, Pass(20), Missing(10)], true),
    (&[Authorized, Pass(50)], true),
    (&[Authorized, Pass(70)], false),
    (&[Authorized, Pass(70), Missing(10)], false),
    (&[Authorized, Occupied(100), Pass(70)], true),
    (&[Authorized, Vacated(100), Pass(50), Authorized, Pass(50)], true),
];

fn changes(channels: &[(&str, bool)]) -> BTreeMap<String, bool> {
    channels.iter().map(|(name, is_occupied)| ((*name).to_owned(), *is_occupied)).collect()
}

fn observe(store: &Store, c: &mut AnyConnection, database: &Database, seen: Observation) {
    let ago = |seconds: i64| now() - TimeDelta::seconds(seconds);
    let names = ["a".to_owned(), "a".to_owned()];
    let write = |c: &mut AnyConnection| match seen {
        Occupied(ms) => occupancy::changed(c, "a", true, ms),
        Vacated(ms) => occupancy::changed(c, "a", false, ms),
        Listed(seconds) => occupancy::replace(c, &names, ago(seconds)),
        Missing(seconds) => occupancy::replace(c, &[], ago(seconds)),
        Authorized => occupancy::mark_pending(c, "a"),
        Pass(_) => Ok(()),
    };
    store.write(c, write).unwrap();
    if let Pass(seconds) = seen {
        let earlier = |column: &str| {
            if database.is_postgres() {
                format!("{column} = {column} - interval '{seconds} seconds'")
            } else {
                let format = "'%Y-%m-%d %H:%M:%f'";
                format!("{column} = strftime({format}, {column}, '-{seconds} seconds')")
            }
        };
        let (seen_at, authorized_at) = (earlier("seen_at"), earlier("authorized_at"));
        database.execute(&format!("UPDATE channel_occupancy SET {seen_at}, {authorized_at}"));
    }
}

fn occupied(c: &mut AnyConnection, channels: &[&str]) -> Vec<String> {
    let channels: BTreeSet<&str> = channels.iter().copied().collect();
    occupancy::occupied_among(c, &channels).unwrap().into_iter().collect()
}

on_both! {
    async fn in_doubt_a_channel_is_occupied(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        for (observations, expected) in CASES {
            database.execute("DELETE FROM channel_occupancy");
            for seen in *observations {
                observe(&store, &mut c, &database, *seen);
            }
            assert_eq!(!occupied(&mut c, &["a", "b"]).is_empty(), *expected, "{observations:?}");
        }
    }

    async fn a_webhook_is_recorded_once_and_as_a_whole(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        let mut record = |digest: &str, channels: &[(&str, bool)], ms: i64| {
            let changes = changes(channels);
            store.write(&mut c, |c| occupancy::record_webhook(c, digest, &changes, ms)).unwrap()
        };
        assert!(record("first", &[("a", true), ("b", false), ("c", true)], 100));
        assert!(!record("first", &[("d", true)], 200), "its digest is known");
        assert!(record("second", &[("a", false)], 200));
        assert_eq!(occupied(&mut database.connect(), &["a", "b", "c", "d"]), ["c"]);
    }

    async fn a_list_of_many_channels_is_recorded(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        let names: Vec<String> = (0..1203).map(|number| format!("channel-{number:04}")).collect();
        store.write(&mut c, |c| occupancy::replace(c, &names, now())).unwrap();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(occupied(&mut c, &all), names);
        let later = now() + TimeDelta::seconds(1);
        store.write(&mut c, |c| occupancy::replace(c, &names[..2], later)).unwrap();
        assert_eq!(occupied(&mut c, &all), names[..2]);
    }

    /// Each source on a connection of its own, all at the same time.
    async fn concurrent_observations_do_not_undo_newer_ones(database: Database) {
        let (store, _) = database.open_store();
        for round in 0..rounds(20) {
            let channel = format!("channel-{round}");
            let asked_at = now() - TimeDelta::seconds(60);
            let old = [channel.clone(), "other".to_owned()];
            let work: [&(dyn Fn(&mut AnyConnection) + Sync); 6] = [
                &|c| occupancy::changed(c, &channel, true, 200).unwrap(),
                &|c| occupancy::changed(c, &channel, false, 100).unwrap(),
                &|c| occupancy::changed(c, &channel, false, 199).unwrap(),
                &|c| occupancy::mark_pending(c, &channel).unwrap(),
                &|c| occupancy::replace(c, &old[1..], asked_at).unwrap(),
                &|c| occupancy::replace(c, &old, asked_at).unwrap(),
            ];
            let start = std::sync::Barrier::new(work.len());
            std::thread::scope(|scope| {
                for work in work {
                    let (store, start) = (&store, &start);
                    scope.spawn(move || {
                        let mut c = store.connect().unwrap();
                        start.wait();
                        store.write(&mut c, |c| { work(c); Ok(()) }).unwrap();
                    });
                }
            });
            // Without the authorization: the webhooks alone decide.
            database.execute("UPDATE channel_occupancy SET authorized_at = NULL");
            assert_eq!(occupied(&mut database.connect(), &[&channel]).len(), 1);
        }
    }

    async fn of_concurrent_deliveries_of_a_webhook_one_is_new(database: Database) {
        let (store, _) = database.open_store();
        for round in 0..rounds(10) {
            let (digest, changes) = (format!("digest {round}"), changes(&[("a", true)]));
            let start = std::sync::Barrier::new(4);
            let new = std::thread::scope(|scope| {
                let record = || {
                    let mut c = store.connect().unwrap();
                    start.wait();
                    let work = |c: &mut _| occupancy::record_webhook(c, &digest, &changes, 100);
                    store.write(&mut c, work).unwrap()
                };
                let handles: Vec<_> = (0..4).map(|_| scope.spawn(record)).collect();
                handles.into_iter().map(|handle| handle.join().unwrap()).collect::<Vec<bool>>()
            });
            assert_eq!(new.iter().filter(|is_new| **is_new).count(), 1, "{new:?}");
        }
    }
}
