//! Lanes: events of different channels are sent in parallel, those of one channel one request after
//! the other, whatever happens to the requests.
//!
//! The speed cannot be measured on a machine that others use as well. It follows from numbers that
//! can be counted: requests at the same moment, events in each, and requests one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use matchcast::store::outbox::shard_of;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::fault_injection::{FaultInjection, Seed};
use crate::support::provider::{Action, Provider, ok};
use crate::support::published::{
    assert_order_per_channel, assert_well_behaved, assert_well_behaved_up_to, count_duplicates,
    wait_until_outbox_empty,
};
use crate::support::{rounds, wait_for};

/// As in config/default.toml.
const DEFAULT_LANES: usize = 16;
const PAGE_LEN: usize = 100;
const BATCH_LEN: usize = 10;

async fn start(database: &Database, provider: &Provider, more: &[(&str, &str)]) -> TestApp {
    let variables = provider.variables();
    let given = variables.iter().map(|(name, value)| (*name, value.as_str()));
    let all: Vec<(&str, &str)> = given.chain(more.iter().copied()).collect();
    TestApp::start_with(database, &all).await
}

/// So many channels as users would have.
fn channels(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("private-user.{number}")).collect()
}

/// Each channel `times` times, in turn.
fn in_turn(channels: &[String], times: usize) -> impl Iterator<Item = &str> {
    (0..times).flat_map(|_| channels.iter().map(String::as_str))
}

/// How many events each of `lanes` lanes gets, of those that have any.
fn shares(channels: &[String], times: usize, lanes: usize) -> Vec<usize> {
    let mut shares = BTreeMap::<usize, usize>::new();
    for channel in channels {
        let shard = usize::try_from(shard_of(channel)).expect("not negative");
        *shares.entry(shard % lanes).or_default() += times;
    }
    shares.into_values().collect()
}

/// The calls that one lane needs for its events, where each is as full as it can be.
fn calls_for(events: usize) -> usize {
    let pages = events / PAGE_LEN;
    pages * PAGE_LEN / BATCH_LEN + (events % PAGE_LEN).div_ceil(BATCH_LEN)
}

on_both! {
    async fn every_lane_has_a_request_in_flight_at_the_same_time(database: Database) {
        const EACH: usize = 3;
        let channels = channels(320);
        database.open_store();
        for lanes in [1, 4, DEFAULT_LANES, 64] {
            database.write_events(1, in_turn(&channels, EACH));
            let provider = Provider::start().await;
            provider.always(Action::RespondWhenReleased(ok()));
            let number = lanes.to_string();
            let variable = ("MATCHCAST__PUBLISHER__LANES", number.as_str());
            let app = start(&database, &provider, &[variable]).await;
            wait_for(&format!("{lanes} calls at once"), || async {
                (provider.in_flight() == lanes).then_some(())
            })
            .await;
            provider.release();
            wait_until_outbox_empty(&database).await;

            let shares = shares(&channels, EACH, lanes);
            assert_eq!((shares.len(), provider.max_in_flight()), (lanes, lanes));
            let calls: usize = shares.iter().map(|share| calls_for(*share)).sum();
            assert_eq!(provider.post_count(), calls, "{lanes} lanes: full calls only");
            assert_eq!(provider.received_count(), channels.len() * EACH);
            assert_well_behaved(&provider);
            assert_order_per_channel(&provider);
            app.stop();
        }
    }

    async fn a_provider_that_takes_50_ms_per_request_gets_2000_events_a_second(database: Database) {
        const CALL: Duration = Duration::from_millis(50);
        const EACH: usize = 5;
        let channels = channels(640);
        database.open_store();
        database.write_events(1, in_turn(&channels, EACH));
        let provider = Provider::start().await;
        provider.always(Action::RespondAfter(CALL, ok()));
        let app = start(&database, &provider, &[]).await;
        wait_until_outbox_empty(&database).await;
        app.stop();

        // The lanes go side by side, so the one with most calls decides how long it takes.
        let calls: BTreeMap<usize, usize> =
            provider.posts().iter().fold(BTreeMap::new(), |mut calls, call| {
                let channel = call.channels().into_iter().next().expect("it has events");
                let shard = usize::try_from(shard_of(channel)).expect("not negative");
                *calls.entry(shard % DEFAULT_LANES).or_default() += 1;
                calls
            });
        let longest = calls.values().copied().max().expect("there were calls");
        let most = shares(&channels, EACH, DEFAULT_LANES).into_iter().map(calls_for).max();
        assert_eq!((calls.len(), Some(longest)), (DEFAULT_LANES, most));
        let calls_in_turn = u32::try_from(longest).expect("few calls");
        let events = u32::try_from(provider.received_count()).expect("few events");
        let per_second = f64::from(events) / (CALL * calls_in_turn).as_secs_f64();
        assert!(per_second >= 2_000.0, "{per_second} events a second, {longest} calls in turn");
        assert_well_behaved(&provider);
        assert_order_per_channel(&provider);
        assert_eq!(provider.received_count(), channels.len() * EACH);
    }

    async fn one_channel_gets_1000_events_a_second_if_a_request_may_have_100(database: Database) {
        const CALL: Duration = Duration::from_millis(50);
        const EVENTS: usize = 1_000;
        let channel = ["market.BTC".to_owned()];
        database.open_store();
        database.write_events(1, in_turn(&channel, EVENTS));
        let provider = Provider::start().await;
        provider.always(Action::RespondAfter(CALL, ok()));
        let app = start(&database, &provider, &LARGE_REQUESTS).await;
        wait_until_outbox_empty(&database).await;
        app.stop();

        let calls = u32::try_from(provider.post_count()).expect("few calls");
        let per_second = 1_000.0 / (CALL * calls).as_secs_f64();
        assert!(per_second >= 1_000.0, "{per_second} events a second, {calls} calls");
        assert_eq!(provider.max_in_flight(), 1);
        assert_well_behaved_up_to(&provider, 100);
        assert_order_per_channel(&provider);
        assert_eq!(provider.received_count(), EVENTS);
    }

    async fn each_channel_keeps_its_order_despite_random_faults(database: Database) {
        keep_order_despite_faults(database, 48, rounds(12), &[]).await;
    }

    async fn one_channel_keeps_its_order_in_large_requests_despite_faults(database: Database) {
        // Enough requests that some fail.
        keep_order_despite_faults(database, 1, rounds(12) * 400, &LARGE_REQUESTS).await;
    }
}

/// As many events as a lane reads, whatever their size.
const LARGE_REQUESTS: [(&str, &str); 2] = [
    ("MATCHCAST__PUSHER__MAX_EVENTS_PER_REQUEST", "100"),
    ("MATCHCAST__PUSHER__REQUEST_LIMIT_BYTES", "0"),
];

/// The events of some channels, as many of each, reach a provider with random faults once and in
/// order.
async fn keep_order_despite_faults(
    database: Database,
    channel_count: usize,
    each: usize,
    more: &[(&str, &str)],
) {
    let seed = Seed::new();
    let channels = channels(channel_count);
    database.open_store();
    database.write_events(1, in_turn(&channels, each));
    let provider = Provider::start().await;
    let mut faults = FaultInjection::new(&seed);
    provider.on_request(move |call| faults.action_for(call));
    let mut variables = vec![
        ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", "5"),
        ("MATCHCAST__PUBLISHER__BACKOFF_CAP_MS", "20"),
        ("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", "1000"),
    ];
    variables.extend(more);
    let app = start(&database, &provider, &variables).await;
    wait_until_outbox_empty(&database).await;
    app.stop();

    assert_well_behaved_up_to(&provider, if more.is_empty() { 10 } else { 100 });
    assert_order_per_channel(&provider);
    let all: std::collections::BTreeSet<_> =
        provider.received().iter().map(|event| event.key()).collect();
    assert_eq!(all.len(), channels.len() * each, "each event is delivered");
    assert_eq!(database.dead_letters(), [], "no event becomes a dead letter");
    // Once, unless the response may have been lost.
    count_duplicates(&provider, &[]);
    let failed = provider.posts().iter().filter(|call| !call.accepted).count();
    assert!(failed > 0, "no request failed, so nothing was shown");
}
