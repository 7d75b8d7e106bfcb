//! The outbox when two processes believe to publish: one slept through the end of its role.

use diesel::connection::SimpleConnection;
use matchcast::events::EventKind;
use matchcast::store::outbox::{self, OutboxEvent};

use crate::on_both;

const THREE_EVENTS: &str = "INSERT INTO outbox (channel, name, data, created_at) VALUES \
    ('a', 'order.matched', '{}', '2026-01-01 00:00:00'), \
    ('b', 'order.matched', '{}', '2026-01-01 00:00:00'), \
    ('c', 'order.matched', '{}', '2026-01-01 00:00:00')";

on_both! {
    async fn an_event_that_was_delivered_twice_is_counted_once(database: Database) {
        let (store, _) = database.open_store();
        let mut connection = store.connect().expect("a connection");
        connection.batch_execute(THREE_EVENTS).expect("events");
        let events: Vec<OutboxEvent> = outbox::heads(&mut connection, &[-1], 10).expect("events");
        for part in [&events[..2], &events[..], &events[1..]] {
            store.write(&mut connection, |c| outbox::record_delivered(c, part)).expect("a commit");
        }
        assert_eq!(outbox::total(&mut connection, EventKind::OrderMatched).expect("a sum"), 3);
    }

    async fn an_event_that_was_set_aside_twice_is_there_once(database: Database) {
        let (store, _) = database.open_store();
        let mut connection = store.connect().expect("a connection");
        connection.batch_execute(THREE_EVENTS).expect("events");
        let events: Vec<OutboxEvent> = outbox::heads(&mut connection, &[-1], 10).expect("events");
        let deliver = |c: &mut _| outbox::record_delivered(c, &events[..1]);
        store.write(&mut connection, deliver).expect("a commit");
        for event in [&events[0], &events[1], &events[1]] {
            let aside = |c: &mut _| outbox::move_to_dead_letters(c, event, "413 too big");
            store.write(&mut connection, aside).expect("a commit");
        }
        // One delivered, one waiting, one set aside; what was delivered is not set aside as well.
        assert_eq!(outbox::counts(&mut connection).expect("counts"), (1, 1));
        assert_eq!(outbox::total(&mut connection, EventKind::OrderMatched).expect("a sum"), 3);
    }
}
