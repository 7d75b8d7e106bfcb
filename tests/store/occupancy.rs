//! Who listens: webhooks in any order, the provider's list, and authorisations.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use matchcast::store::{AnyConnection, Store, now, occupancy};

use crate::on_both;
use crate::support::database::Database;
use crate::support::rounds;

/// What somebody tells of the channel `a`.
#[derive(Clone, Copy, Debug)]
enum NewEvents {
    /// A webhook of this time, in milliseconds.
    Occupied(i64),
    Vacated(i64),
    /// The list that the provider was asked for so many seconds ago has the channel, or has not.
    Listed(i64),
    Missing(i64),
    Authorised,
    /// So many seconds pass, as far as the table knows.
    Pass(i64),
}
use NewEvents::{Authorised, Listed, Missing, Occupied, Pass, Vacated};

/// What is told one after the other, and whether the channel is then taken for occupied.
const STORIES: &[(&[NewEvents], bool)] = &[
    (&[], false),
    (&[Occupied(100)], true),
    (&[Occupied(100), Vacated(101)], false),
    (&[Occupied(100), Vacated(99)], true),
    (&[Vacated(100), Occupied(99)], false),
    (&[Vacated(100), Occupied(100)], true),
    (&[Occupied(100), Vacated(100)], true),
    (&[Occupied(100), Vacated(101), Occupied(99)], false),
    (&[Vacated(100)], false),
    // A list is a moment old: what was heard since then holds.
    (&[Listed(0)], true),
    (&[Missing(0)], false),
    (&[Occupied(100), Missing(10)], true),
    (&[Occupied(100), Pass(20), Missing(10)], false),
    (&[Vacated(100), Listed(10)], false),
    (&[Vacated(100), Pass(20), Listed(10)], true),
    // The list says nothing of the provider's time: the next webhook is compared with the last.
    (&[Occupied(100), Pass(20), Listed(10), Vacated(99)], true),
    (&[Occupied(100), Pass(20), Listed(10), Vacated(101)], false),
    (&[Listed(0), Vacated(1)], false),
    (&[Authorised], true),
    (&[Authorised, Vacated(100)], true),
    (&[Vacated(100), Authorised], true),
    (&[Authorised, Pass(20), Missing(10)], true),
    (&[Authorised, Pass(50)], true),
    (&[Authorised, Pass(70)], false),
    (&[Authorised, Pass(70), Missing(10)], false),
    (&[Authorised, Occupied(100), Pass(70)], true),
    (&[Authorised, Vacated(100), Pass(50), Authorised, Pass(50)], true),
];

fn changes(channels: &[(&str, bool)]) -> BTreeMap<String, bool> {
    channels.iter().map(|(name, is_occupied)| ((*name).to_owned(), *is_occupied)).collect()
}

fn tell(store: &Store, c: &mut AnyConnection, database: &Database, told: NewEvents) {
    let ago = |seconds: i64| now() - TimeDelta::seconds(seconds);
    let names = ["a".to_owned(), "a".to_owned()];
    let write = |c: &mut AnyConnection| match told {
        Occupied(ms) => occupancy::changed(c, "a", true, ms),
        Vacated(ms) => occupancy::changed(c, "a", false, ms),
        Listed(seconds) => occupancy::replace(c, &names, ago(seconds)),
        Missing(seconds) => occupancy::replace(c, &[], ago(seconds)),
        Authorised => occupancy::expect(c, "a"),
        Pass(_) => Ok(()),
    };
    store.write(c, write).unwrap();
    if let Pass(seconds) = told {
        let earlier = |column: &str| {
            if database.is_postgres() {
                format!("{column} = {column} - interval '{seconds} seconds'")
            } else {
                let format = "'%Y-%m-%d %H:%M:%f'";
                format!("{column} = strftime({format}, {column}, '-{seconds} seconds')")
            }
        };
        let (seen, expected) = (earlier("seen_at"), earlier("authorized_at"));
        database.execute(&format!("UPDATE channel_occupancy SET {seen}, {expected}"));
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
        for (story, expected) in STORIES {
            database.execute("DELETE FROM channel_occupancy");
            for told in *story {
                tell(&store, &mut c, &database, *told);
            }
            assert_eq!(!occupied(&mut c, &["a", "b"]).is_empty(), *expected, "{story:?}");
        }
    }

    async fn a_webhook_is_taken_in_once_and_as_a_whole(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        let mut take_in = |digest: &str, channels: &[(&str, bool)], ms: i64| {
            let changes = changes(channels);
            store.write(&mut c, |c| occupancy::take_in(c, digest, &changes, ms)).unwrap()
        };
        assert!(take_in("first", &[("a", true), ("b", false), ("c", true)], 100));
        assert!(!take_in("first", &[("d", true)], 200), "its digest is known");
        assert!(take_in("second", &[("a", false)], 200));
        assert_eq!(occupied(&mut database.connect(), &["a", "b", "c", "d"]), ["c"]);
        database.execute("UPDATE webhooks SET received_at = '2001-01-01 00:00:00'");
        assert!(take_in("third", &[], 300));
        assert!(take_in("first", &[("d", true)], 300), "it was forgotten");
        assert_eq!(occupied(&mut database.connect(), &["a", "b", "c", "d"]), ["c", "d"]);
    }

    async fn a_list_of_many_channels_is_taken(database: Database) {
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
    async fn what_comes_at_once_does_not_undo_what_is_newer(database: Database) {
        let (store, _) = database.open_store();
        for round in 0..rounds(20) {
            let channel = format!("channel-{round}");
            let asked_at = now() - TimeDelta::seconds(60);
            let old = [channel.clone(), "other".to_owned()];
            let work: [&(dyn Fn(&mut AnyConnection) + Sync); 6] = [
                &|c| occupancy::changed(c, &channel, true, 200).unwrap(),
                &|c| occupancy::changed(c, &channel, false, 100).unwrap(),
                &|c| occupancy::changed(c, &channel, false, 199).unwrap(),
                &|c| occupancy::expect(c, &channel).unwrap(),
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
            // Without what was expected: the webhooks alone say so.
            database.execute("UPDATE channel_occupancy SET authorized_at = NULL");
            assert_eq!(occupied(&mut database.connect(), &[&channel]).len(), 1);
        }
    }

    async fn a_webhook_that_comes_twice_at_once_is_new_once(database: Database) {
        let (store, _) = database.open_store();
        for round in 0..rounds(10) {
            let (digest, changes) = (format!("digest {round}"), changes(&[("a", true)]));
            let start = std::sync::Barrier::new(4);
            let new = std::thread::scope(|scope| {
                let take_in = || {
                    let mut c = store.connect().unwrap();
                    start.wait();
                    let work = |c: &mut _| occupancy::take_in(c, &digest, &changes, 100);
                    store.write(&mut c, work).unwrap()
                };
                let handles: Vec<_> = (0..4).map(|_| scope.spawn(take_in)).collect();
                handles.into_iter().map(|handle| handle.join().unwrap()).collect::<Vec<bool>>()
            });
            assert_eq!(new.iter().filter(|is_new| **is_new).count(), 1, "{new:?}");
        }
    }
}
