//! The diagnosis of 400 and 404, which mean a wrong configuration or one malformed event. It takes
//! a few requests: a malformed event becomes a dead letter and does not delay other lanes; while
//! the provider refuses everything, every event is kept.

use std::time::{Duration, Instant};

use matchcast::store::outbox::shard_of;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::provider::{Action, Provider, ReceivedEvent, ReceivedRequest, ok, respond};
use crate::support::published::{
    assert_order_per_channel, assert_well_behaved, wait_until_outbox_empty,
};
use crate::support::wait_for;

const LANES: usize = 16;
const HOLD: Duration = Duration::from_millis(100);

async fn start(database: &Database, provider: &Provider) -> TestApp {
    let variables = provider.variables();
    let given = variables.iter().map(|(name, value)| (*name, value.as_str()));
    let all: Vec<(&str, &str)> = given.chain([("MATCHCAST__PUBLISHER__HOLD_MS", "100")]).collect();
    TestApp::start_with(database, &all).await
}

/// Answers requests for the list of channels with `listing`, and refuses requests with events for
/// which `bad` is true.
fn refuse(
    provider: &Provider,
    listing: Action,
    refusal: (&'static str, &'static str),
    bad: impl Fn(&ReceivedEvent) -> bool + Send + 'static,
) {
    provider.on_request(move |call: &ReceivedRequest| match call.method.as_str() {
        "GET" => listing.clone(),
        _ if call.events.iter().any(&bad) => respond(refusal.0, refusal.1),
        _ => Action::Respond(ok()),
    });
}

fn lists_channels() -> Action {
    Action::Respond(ok())
}

fn lists_nothing() -> Action {
    respond("404 Not Found", "<h1>404</h1>")
}

const BAD: &str = "private-user.1";
const MALFORMED: (&str, &str) = ("400 Bad Request", "malformed");

fn lane(channel: &str) -> usize {
    usize::try_from(shard_of(channel)).expect("not negative") % LANES
}

fn lane_of(call: &ReceivedRequest) -> usize {
    lane(call.channels().into_iter().next().expect("it has events"))
}

/// A channel that shares no lane with [`BAD`].
fn other() -> &'static str {
    let other = "private-user.2";
    assert_ne!(lane(other), lane(BAD));
    other
}

async fn until_dead_letters(database: &Database, count: usize) {
    wait_for(&format!("{count} dead letters"), || async {
        (database.dead_letters().len() >= count).then_some(())
    })
    .await;
}

on_both! {
    async fn a_bad_event_that_is_the_only_one_becomes_a_dead_letter(database: Database) {
        database.open_store();
        let provider = Provider::start().await;
        let refusals = [MALFORMED, ("404 Not Found", "no such channel")];
        for (number, refusal) in (1..).zip(refusals) {
            refuse(&provider, lists_channels(), refusal, |_| true);
            let (calls, gets) = (provider.post_count(), provider.get_count());
            database.write_events(number, [BAD]);
            let app = start(&database, &provider).await;
            until_dead_letters(&database, number).await;
            app.stop();
            let code = refusal.0.split(' ').next().unwrap_or_default();
            let answer = format!("{code} {}", refusal.1);
            assert_eq!(database.dead_letters()[number - 1], (BAD.to_owned(), answer));
            // Refused, the question, refused again.
            assert_eq!(provider.post_count() - calls, 2);
            assert_eq!(provider.get_count() - gets, 1);
        }
        assert_eq!(database.pending_count(), 0);
    }

    async fn a_bad_event_does_not_delay_other_lanes(database: Database) {
        const CHANNELS: usize = 64;
        database.open_store();
        let channels: Vec<String> =
            (1..=CHANNELS).map(|number| format!("private-user.{number}")).collect();
        let in_order = channels.iter().map(String::as_str).chain([BAD]);
        database.write_events(1, in_order);
        let neighbours = channels.iter().filter(|channel| lane(channel) == lane(BAD)).count();
        let provider = Provider::start().await;
        // The diagnosis takes until this list arrives.
        let slow_listing = Action::RespondWhenReleased(ok());
        refuse(&provider, slow_listing, MALFORMED, |event| event.event_id == "e-1");
        let app = start(&database, &provider).await;
        let others = CHANNELS - neighbours;
        assert!((2..10).contains(&neighbours), "one call of its lane is enough for {neighbours}");
        wait_for("the other lanes' events", || async {
            (provider.received_count() == others).then_some(())
        })
        .await;
        assert_eq!(database.dead_letters(), []);
        provider.release();
        wait_until_outbox_empty(&database).await;
        app.stop();
        assert_eq!(database.dead_letters(), [(BAD.to_owned(), "400 malformed".to_owned())]);
        assert_eq!(provider.received_count(), CHANNELS);
        // Its lane: all together, each alone, and the bad one once more.
        let requests = provider.posts().iter().filter(|call| lane_of(call) == lane(BAD)).count();
        assert!(requests <= 1 + neighbours + 1 + 1, "{requests} for {neighbours} channels");
        assert_well_behaved(&provider);
        assert_order_per_channel(&provider);
    }

    async fn a_fourth_dead_letter_in_a_row_waits_until_an_event_is_accepted(database: Database) {
        database.open_store();
        database.write_events(1, [BAD; 6]);
        let provider = Provider::start().await;
        refuse(&provider, lists_channels(), MALFORMED, |event| event.channel == BAD);
        let app = start(&database, &provider).await;
        until_dead_letters(&database, 3).await;
        let (calls, started) = (provider.post_count(), Instant::now());
        wait_for("further attempts", || async {
            (provider.post_count() >= calls + 4).then_some(())
        })
        .await;
        assert!(started.elapsed() >= HOLD * 2, "it is tried rarely");
        assert_eq!((database.dead_letters().len(), database.pending_count()), (3, 3));

        database.write_events(7, [other()]);
        wait_until_outbox_empty(&database).await;
        app.stop();
        assert_eq!(database.dead_letters().len(), 6, "each was refused for its own sake");
        assert_eq!(provider.received_count(), 1);
    }

    async fn refusals_in_all_lanes_do_not_all_cause_dead_letters(database: Database) {
        database.open_store();
        let channel = |number| format!("private-user.{number}");
        let channels: Vec<String> = (1..=40).map(channel).collect();
        database.write_events(1, channels.iter().map(String::as_str));
        let provider = Provider::start().await;
        refuse(&provider, lists_channels(), MALFORMED, |_| true);
        let app = start(&database, &provider).await;
        until_dead_letters(&database, 3).await;
        let calls = provider.post_count();
        wait_for("further attempts", || async {
            (provider.post_count() >= calls + 4).then_some(())
        })
        .await;
        assert_eq!((database.dead_letters().len(), database.pending_count()), (3, 37));
        provider.accept_all();
        wait_until_outbox_empty(&database).await;
        app.stop();
        assert_eq!((database.dead_letters().len(), provider.received_count()), (3, 37));
        assert_well_behaved(&provider);
    }

    async fn a_provider_that_does_not_list_its_channels_gets_its_events(database: Database) {
        database.open_store();
        database.write_events(1, [BAD, other(), BAD]);
        let provider = Provider::start().await;
        refuse(&provider, lists_nothing(), MALFORMED, |event| event.event_id == "e-1");
        let app = start(&database, &provider).await;
        // Other events are written now and then, one at a time.
        let mut number = 3;
        while database.dead_letters().is_empty() {
            number += 1;
            assert!(number < 20, "other events are accepted, and it is no dead letter yet");
            database.write_events(number, [other()]);
            let id = format!("e-{number}");
            wait_for("the next event", || async {
                provider.received().iter().any(|event| event.event_id == id).then_some(())
            })
            .await;
        }
        wait_until_outbox_empty(&database).await;
        app.stop();
        assert_eq!(database.dead_letters(), [(BAD.to_owned(), "400 malformed".to_owned())]);
        assert_eq!(provider.received_count(), number - 1);
        assert_order_per_channel(&provider);
    }

    async fn every_event_is_kept_while_the_provider_refuses_everything(database: Database) {
        const EVENTS: usize = 200;
        database.open_store();
        let channels: Vec<String> =
            (1..=EVENTS).map(|number| format!("private-user.{number}")).collect();
        database.write_events(1, channels.iter().map(String::as_str));
        let provider = Provider::start().await;
        provider.always(respond("400 Bad Request", "Unknown auth_key"));
        let mut variables = provider.variables();
        variables.push(("MATCHCAST__PUBLISHER__HOLD_MS", HOLD.as_millis().to_string()));
        let started = Instant::now();
        let process = Process::start(&database, &variables).await;
        wait_for("some holds", || async { (provider.get_count() >= 5).then_some(()) }).await;
        let (calls, lasted) = (provider.post_count(), started.elapsed());
        let holds = usize::try_from(lasted.as_millis() / HOLD.as_millis()).expect("few");
        assert!(calls <= LANES + holds + 1, "{calls} calls in {lasted:?}");
        assert_eq!(database.dead_letters(), []);

        provider.accept_all();
        wait_until_outbox_empty(&database).await;
        assert_eq!((provider.received_count(), database.dead_letters()), (EVENTS, vec![]));
        let log = process.stop().await;
        let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
        assert_eq!(lines("the provider refuses"), 1, "once, however often it does: {log}");
        let line = log.lines().find(|line| line.contains("the provider refuses"));
        for words in ["400", "Unknown auth_key", "PUSHER_APP_KEY"] {
            assert!(line.is_some_and(|line| line.contains(words)), "{words} in {line:?}");
        }
        assert_eq!(lines("accepts events again"), 1, "{log}");
        assert_order_per_channel(&provider);
    }
}
