//! The record of each attempt in the outbox, and what an operator does with events while the
//! publisher is running: sends dead letters again, or drops events.

use std::time::Duration;

use matchcast::events::EventKind;
use matchcast::store::admin_log::Actor;
use matchcast::store::outbox::{self, DeadLetter, PendingEvent};
use matchcast::store::{AnyConnection, StoreError, now};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, metric};
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::provider::{Action, Provider, ReceivedEvent, ReceivedRequest, ok, respond};
use crate::support::published::wait_until_outbox_empty;
use crate::support::wait_for;

const CHANNELS: [&str; 3] = ["private-user.1", "private-user.2", "private-user.3"];

async fn start(database: &Database, provider: &Provider, more: &[(&str, &str)]) -> TestApp {
    let short_timeouts = [
        ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", "20"),
        ("MATCHCAST__PUBLISHER__BACKOFF_CAP_MS", "40"),
        ("MATCHCAST__PUBLISHER__HOLD_MS", "40"),
    ];
    let variables = provider.variables();
    let given = variables.iter().map(|(name, value)| (*name, value.as_str()));
    let all: Vec<(&str, &str)> = given.chain(short_timeouts).chain(more.iter().copied()).collect();
    TestApp::start_with(database, &all).await
}

fn list(database: &Database) -> (Vec<PendingEvent>, Vec<DeadLetter>) {
    outbox::list(&mut database.connect(), 100).expect("the outbox is read")
}

/// Runs `work` in a write transaction, as the commands of an operator do.
fn act<T>(database: &Database, work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>) -> T {
    let (store, _) = database.open_store();
    store.write(&mut database.connect(), work).expect("a commit")
}

async fn until_tried(database: &Database, times: i32) -> Vec<PendingEvent> {
    wait_for(&format!("{times} failed attempts of each event"), || async {
        let (waiting, _) = list(database);
        waiting.iter().all(|event| event.attempts >= times).then_some(waiting)
    })
    .await
}

async fn until_called(provider: &Provider, more: usize) {
    let wanted = provider.post_count() + more;
    wait_for("more calls", || async { (provider.post_count() >= wanted).then_some(()) }).await;
}

fn received(provider: &Provider) -> Vec<i64> {
    let mut numbers: Vec<i64> = provider.received().iter().map(|event| event.trade_id).collect();
    numbers.sort_unstable();
    numbers
}

on_both! {
    async fn a_failed_attempt_is_recorded(database: Database) {
        database.open_store();
        let provider = Provider::start().await;
        for (number, (action, words)) in (0..).zip([
            (respond("503 Service Unavailable", "come back later"), "503: come back later"),
            (respond("401 Unauthorized", "no"), "401 no"),
            (respond("400 Bad Request", "Unknown auth_key"), "400 Unknown auth_key"),
            (Action::Reset, "error"),
        ]) {
            provider.always(action);
            database.write_events(1 + 3 * number, CHANNELS);
            let app = start(&database, &provider, &[]).await;
            let waiting = until_tried(&database, 2).await;
            assert_eq!(waiting.len(), 3);
            for event in &waiting {
                let answer = event.last_error.as_deref().unwrap_or_default();
                assert!(answer.contains(words), "{event:?}");
                assert!(event.next_attempt_at.is_some(), "{event:?}");
            }
            provider.accept_all();
            wait_until_outbox_empty(&database).await;
            app.stop();
        }
        assert_eq!(list(&database).1.len(), 0);
    }

    async fn no_attempt_is_made_before_the_recorded_time(database: Database) {
        database.open_store();
        let provider = Provider::start().await;
        provider.always(respond("500 Internal Server Error", "oops"));
        database.write_events(1, [CHANNELS[0]]);
        let slower = [
            ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", "400"),
            ("MATCHCAST__PUBLISHER__BACKOFF_CAP_MS", "400"),
        ];
        let app = start(&database, &provider, &slower).await;
        let event = until_tried(&database, 1).await.remove(0);
        let attempts = usize::try_from(event.attempts).expect("few");
        let next = wait_for("the next attempt", || async {
            provider.posts().get(attempts).map(|call| call.at)
        })
        .await;
        let next = now() - chrono::Duration::from_std(next.elapsed()).expect("short");
        let promised = event.next_attempt_at.expect("a time");
        // The clocks' own precision.
        assert!(next + chrono::Duration::milliseconds(5) >= promised, "{next} before {promised}");
        provider.accept_all();
        wait_until_outbox_empty(&database).await;
        app.stop();
    }

    async fn a_dead_letter_can_be_sent_again(database: Database) {
        database.open_store();
        let provider = Provider::start().await;
        provider.always(respond("413 Payload Too Large", "too big"));
        database.write_events(1, CHANNELS);
        let app = start(&database, &provider, &[]).await;
        wait_until_outbox_empty(&database).await;
        let (_, dead_letters) = list(&database);
        let answers: Vec<(&str, i32)> =
            dead_letters.iter().map(|event| (event.error.as_str(), event.attempts)).collect();
        assert_eq!(answers, [("413 too big", 1); 3]);

        // It is refused again.
        let id = dead_letters[1].id;
        assert!(act(&database, |c| outbox::retry(c, id, &Actor::COMMAND)));
        wait_for("a fourth call", || async { (provider.post_count() == 4).then_some(()) }).await;
        wait_until_outbox_empty(&database).await;
        assert_eq!((list(&database).1.len(), received(&provider)), (3, vec![]));

        provider.accept_all();
        assert!(act(&database, |c| outbox::retry(c, id, &Actor::COMMAND)));
        wait_until_outbox_empty(&database).await;
        assert_eq!((list(&database).1.len(), received(&provider)), (2, vec![2]));
        let again = act(&database, |c| outbox::retry(c, id, &Actor::COMMAND));
        assert!(!again, "it is not there any more");
        assert_eq!(act(&database, |c| outbox::retry_all(c, &Actor::COMMAND)), 2);
        wait_until_outbox_empty(&database).await;
        assert_eq!((list(&database).1.len(), received(&provider)), (0, vec![1, 2, 3]));
        app.stop();
    }

    async fn a_dropped_event_is_not_sent(database: Database) {
        database.open_store();
        let provider = Provider::start().await;
        provider.always(respond("500 Internal Server Error", "oops"));
        // More than a lane reads at once.
        database.write_events(1, [CHANNELS[0]; 30]);
        let app = start(&database, &provider, &[("MATCHCAST__PUBLISHER__PAGE_LEN", "10")]).await;
        until_called(&provider, 2).await;
        let (waiting, _) = list(&database);
        for position in [25, 29] {
            let id = waiting[position].id;
            assert!(act(&database, |c| outbox::drop_event(c, id, &Actor::COMMAND)));
            let again = act(&database, |c| outbox::drop_event(c, id, &Actor::COMMAND));
            assert!(!again, "it is not there any more");
        }
        // Events in flight may still arrive; after a failed attempt or two the event is removed.
        assert!(act(&database, |c| outbox::drop_event(c, waiting[3].id, &Actor::COMMAND)));
        wait_for("a call without it", || async {
            let calls = provider.posts();
            let last = calls.last()?;
            (!last.events.iter().any(|event| event.trade_id == 4)).then_some(())
        })
        .await;
        provider.accept_all();
        wait_until_outbox_empty(&database).await;
        app.stop();
        let expected: Vec<i64> = (1..=30).filter(|number| ![4, 26, 30].contains(number)).collect();
        assert_eq!(received(&provider), expected);
        let total = outbox::total(&mut database.connect(), EventKind::OrderMatched);
        assert_eq!(total.expect("a sum"), 30, "each is counted");
    }

    async fn a_dropped_event_does_not_stop_its_lane(database: Database) {
        database.open_store();
        let provider = Provider::start().await;
        // Nothing else is accepted, so only three of them become dead letters.
        provider.on_request(|call: &ReceivedRequest| {
            let is_bad = call.events.iter().any(|event| event.trade_id <= 5);
            if is_bad { respond("400 Bad Request", "malformed") } else { Action::Respond(ok()) }
        });
        database.write_events(1, [CHANNELS[0]; 5]);
        let app = start(&database, &provider, &[]).await;
        wait_for("three dead letters", || async { (list(&database).1.len() == 3).then_some(()) })
            .await;
        database.write_events(6, [CHANNELS[0]]);
        until_called(&provider, 3).await;
        assert_eq!((list(&database).0.len(), received(&provider)), (3, vec![]));
        for event in &list(&database).0[..2] {
            assert!(act(&database, |c| outbox::drop_event(c, event.id, &Actor::COMMAND)));
        }
        wait_until_outbox_empty(&database).await;
        app.stop();
        assert_eq!(received(&provider), [6]);
    }

    async fn metrics_count_what_happens_to_events(database: Database) {
        database.open_store();
        let provider = Provider::start().await;
        database.write_events(1, [CHANNELS[0], CHANNELS[0], CHANNELS[1], CHANNELS[2]]);
        // A connection that breaks may just have been stale: the call is made once more at once.
        let mut troubles = vec![
            respond("401 Unauthorized", "no"),
            Action::Reset,
            Action::Reset,
            respond("503 Service Unavailable", ""),
        ];
        provider.on_request(move |call: &ReceivedRequest| {
            let is_big = |event: &ReceivedEvent| event.trade_id == 3;
            match troubles.pop() {
                Some(trouble) => trouble,
                None if call.events.iter().any(is_big) => respond("413 Payload Too Large", "big"),
                None => Action::Respond(ok()),
            }
        });
        let mut variables = provider.variables();
        for (name, value) in [
            ("MATCHCAST__HTTP__METRICS", "true"),
            ("MATCHCAST__PUBLISHER__LANES", "1"),
            ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", "20"),
            ("MATCHCAST__PUBLISHER__HOLD_MS", "20"),
        ] {
            variables.push((name, value.to_owned()));
        }
        let process = Process::start(&database, &variables).await;
        wait_until_outbox_empty(&database).await;
        let visitor = Client::new(process.address);
        let expected = [
            // As they were counted at the start.
            ("matchcast_outbox_pending", 4.0),
            ("matchcast_dead_letters", 0.0),
            ("matchcast_events_delivered_total", 3.0),
            ("matchcast_events_dead_lettered_total{status=\"413\"}", 1.0),
            ("matchcast_publisher_requests_total{outcome=\"retry\",status=\"503\"}", 1.0),
            ("matchcast_publisher_requests_total{outcome=\"retry\",status=\"none\"}", 1.0),
            ("matchcast_publisher_requests_total{outcome=\"held\",status=\"401\"}", 1.0),
        ];
        // The outbox is empty by the commit, and the commit is counted afterwards.
        let text = wait_for("the last event to be counted", || async {
            let text = visitor.get("/metrics").await.body;
            let delivered = metric(&text, "matchcast_events_delivered_total");
            (delivered == Some(3.0)).then_some(text)
        })
        .await;
        process.stop().await;
        for (name, value) in expected {
            assert_eq!(metric(&text, name), Some(value), "{name} in {text}");
        }
        let metric = |name: &str| metric(&text, name).unwrap_or_else(|| panic!("{name} in {text}"));
        let age = Duration::from_secs_f64(metric("matchcast_outbox_oldest_seconds"));
        assert!(age > Duration::from_secs(3_600), "they are of another day: {age:?}");
        assert_eq!(metric("matchcast_events_skipped_total"), 0.0);
        assert_eq!(metric("matchcast_events_retried_total"), 12.0, "all four of them, three times");
        let by = |outcome: &str| {
            metric(&format!("matchcast_publisher_requests_total{{outcome={outcome}}}"))
        };
        assert_eq!(by("\"rejected\",status=\"413\""), 2.0, "together, and alone");
        assert_eq!(by("\"delivered\",status=\"200\""), 3.0);
    }

    async fn an_event_that_was_never_sent_has_the_status_none(database: Database) {
        database.open_store();
        let provider = Provider::start().await;
        // There is no key to encrypt it with.
        database.write_events(1, ["private-encrypted-user.1"]);
        let mut variables = provider.variables();
        variables.push(("MATCHCAST__HTTP__METRICS", "true".to_owned()));
        let process = Process::start(&database, &variables).await;
        let visitor = Client::new(process.address);
        let text = wait_for("the dead letter to be counted", || async {
            let text = visitor.get("/metrics").await.body;
            text.contains("matchcast_events_dead_lettered_total{").then_some(text)
        })
        .await;
        process.stop().await;
        for name in [
            "matchcast_events_dead_lettered_total{status=\"none\"}",
            "matchcast_publisher_requests_total{outcome=\"rejected\",status=\"none\"}",
        ] {
            assert_eq!(metric(&text, name), Some(1.0), "{name} in {text}");
        }
        assert_eq!((provider.post_count(), database.dead_letters().len()), (0, 1));
    }
}
