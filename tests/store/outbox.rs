//! The outbox.

use std::collections::BTreeMap;

use matchcast::events::EventKind;
use matchcast::store::outbox::{self, FailedAttempt, OutboxEvent};
use matchcast::store::{AnyConnection, now};

use crate::on_both;

/// Writes an event to each of these channels, in this order.
fn write(database: &Database, channels: &[&str]) {
    for channel in channels {
        database.execute(&format!(
            "INSERT INTO outbox (channel, name, data, created_at) VALUES \
             ('{channel}', 'order.matched', '{{\"n\":1}}', '2026-01-01 00:00:00')"
        ));
    }
}

fn channels(events: &[OutboxEvent]) -> Vec<&str> {
    events.iter().map(|event| event.channel.as_str()).collect()
}

fn head(c: &mut AnyConnection, len: i64) -> Vec<OutboxEvent> {
    let all: Vec<i16> = (-1..outbox::SHARDS).collect();
    outbox::heads(c, &all, len).unwrap()
}

use crate::support::database::Database;

/// A lane serves some shards: channels that share few of them would wait for each other.
#[test]
fn channels_are_spread_over_all_shards() {
    for name in ["private-user.", "private-encrypted-user."] {
        let mut counts = [0_u32; 64];
        for number in 1..=640 {
            let shard = outbox::shard_of(&format!("{name}{number}"));
            counts[usize::try_from(shard).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (1..=30).contains(count)), "{name} {counts:?}");
    }
    // The shards of rows that other versions have written stay valid.
    let known = [("private-user.1", 21), ("private-user.2", 14), ("market.BTC", 34), ("", 38)];
    for (channel, shard) in known {
        assert_eq!(outbox::shard_of(channel), shard, "{channel}");
    }
}

on_both! {
    async fn the_head_of_the_outbox_is_its_oldest_events(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        assert!(head(&mut c, 10).is_empty());
        write(&database, &["a", "b", "a", "c"]);
        assert_eq!(channels(&head(&mut c, 3)), ["a", "b", "a"]);
        let all = head(&mut c, 100);
        assert_eq!(channels(&all), ["a", "b", "a", "c"]);
        assert!(all.is_sorted_by_key(|event| event.id));
        assert_eq!((all[0].name.as_str(), all[0].data.as_str()), ("order.matched", r#"{"n":1}"#));
        assert_eq!(outbox::counts(&mut c).unwrap(), (4, 0));
    }

    async fn events_that_leave_the_outbox_are_counted(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        write(&database, &["a", "b", "c", "d"]);
        let all = head(&mut c, 100);
        store.write(&mut c, |c| outbox::record_delivered(c, &all[..2])).unwrap();
        assert_eq!(channels(&head(&mut c, 100)), ["c", "d"]);
        // An event that two processes delivered is counted once.
        store.write(&mut c, |c| outbox::record_delivered(c, &all[1..3])).unwrap();
        assert_eq!(outbox::total(&mut c, EventKind::OrderMatched).unwrap(), 4);
        let move_to = outbox::move_to_dead_letters;
        store.write(&mut c, |c| move_to(c, &all[3], "413: too large")).unwrap();
        store.write(&mut c, |c| outbox::move_to_dead_letters(c, &all[3], "once more")).unwrap();
        store.write(&mut c, |c| outbox::move_to_dead_letters(c, &all[0], "too late")).unwrap();
        assert_eq!(outbox::counts(&mut c).unwrap(), (0, 1));
        assert_eq!(outbox::total(&mut c, EventKind::OrderMatched).unwrap(), 4);
        assert_eq!(outbox::total(&mut c, EventKind::BookUpdated).unwrap(), 0);
        assert_eq!(outbox::total_matched(&mut c).unwrap(), 4);
        assert_eq!(database.dead_letters(), [("d".to_owned(), "413: too large".to_owned())]);
    }

    async fn a_failed_attempt_counts_once_however_often_it_is_recorded(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        write(&database, &["a", "b"]);
        let [a, b] = head(&mut c, 2).try_into().unwrap();
        let attempt = |number, ids: &[&OutboxEvent], error: &str| FailedAttempt {
            ids: BTreeMap::from([(number, ids.iter().map(|event| event.id).collect())]),
            next_attempt_at: now(),
            error: error.to_owned(),
        };
        let attempts = [attempt(1, &[&a, &b], "500"), attempt(2, &[&a], "503")];
        // As after a commit with an unknown outcome.
        for _ in 0..2 {
            let record = |c: &mut _| {
                attempts.iter().try_for_each(|attempt| outbox::record_failure(c, attempt))
            };
            store.write(&mut c, record).unwrap();
            let counts: Vec<i32> = head(&mut c, 2).iter().map(|event| event.attempts).collect();
            assert_eq!(counts, [2, 1]);
        }
        let (pending, _) = outbox::list(&mut c, 10).unwrap();
        let errors: Vec<_> = pending.iter().map(|event| event.last_error.as_deref()).collect();
        assert_eq!(errors, [Some("503"), Some("500")]);
    }

    async fn more_than_a_thousand_events_are_delivered_at_once(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        let row = "('a', 'order.matched', '{}', '2026-01-01 00:00:00')";
        let rows = vec![row; 1203].join(",");
        database.execute(&format!(
            "INSERT INTO outbox (channel, name, data, created_at) VALUES {rows}"
        ));
        let all = head(&mut c, 2000);
        assert_eq!(all.len(), 1203);
        store.write(&mut c, |c| outbox::record_delivered(c, &all)).unwrap();
        assert_eq!(outbox::counts(&mut c).unwrap(), (0, 0));
        assert_eq!(outbox::total(&mut c, EventKind::OrderMatched).unwrap(), 1203);
    }
}
