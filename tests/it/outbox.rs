//! The outbox while two processes publish, because one was suspended until its lease had expired.

use diesel::connection::SimpleConnection;
use matchcast::events::EventKind;
use matchcast::store::outbox::{self, OutboxEvent};

use crate::on_both;

const THREE_EVENTS: &str = "INSERT INTO outbox (channel, name, data, created_at) VALUES \
    ('a', 'order.matched', '{}', '2026-01-01 00:00:00'), \
    ('b', 'order.matched', '{}', '2026-01-01 00:00:00'), \
    ('c', 'order.matched', '{}', '2026-01-01 00:00:00')";

on_both! {
    async fn an_event_that_is_delivered_twice_is_counted_once(database: Database) {
        let (store, _) = database.open_store();
        let mut connection = store.connect().expect("a connection");
        connection.batch_execute(THREE_EVENTS).expect("events");
        let events: Vec<OutboxEvent> = outbox::heads(&mut connection, &[-1], 10).expect("events");
        for part in [&events[..2], &events[..], &events[1..]] {
            store.write(&mut connection, |c| outbox::record_delivered(c, part)).expect("a commit");
        }
        assert_eq!(outbox::total(&mut connection, EventKind::OrderMatched).expect("a sum"), 3);
    }

    async fn an_event_that_fails_twice_is_one_dead_letter(database: Database) {
        let (store, _) = database.open_store();
        let mut connection = store.connect().expect("a connection");
        connection.batch_execute(THREE_EVENTS).expect("events");
        let events: Vec<OutboxEvent> = outbox::heads(&mut connection, &[-1], 10).expect("events");
        let deliver = |c: &mut _| outbox::record_delivered(c, &events[..1]);
        store.write(&mut connection, deliver).expect("a commit");
        for event in [&events[0], &events[1], &events[1]] {
            let fail = |c: &mut _| outbox::move_to_dead_letters(c, event, "413 too big");
            store.write(&mut connection, fail).expect("a commit");
        }
        // One pending and one dead letter: a delivered event does not become a dead letter.
        assert_eq!(outbox::counts(&mut connection).expect("counts"), (1, 1));
        assert_eq!(outbox::total(&mut connection, EventKind::OrderMatched).expect("a sum"), 3);
    }
}
