//! An outage of the provider that lasts an hour, a thousand times faster: orders are answered as
//! usual, few requests are made, and afterwards everything is delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::Rng;

use crate::crash::assert_published;
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::fault_injection::Seed;
use crate::support::load::{Load, Outcome};
use crate::support::provider::{Action, Provider, ReceivedRequest, respond, response};
use crate::support::published::{
    Duplicates, assert_order_per_channel, assert_well_behaved, count_duplicates,
    wait_until_outbox_empty,
};
use crate::support::{rounds, wait_for};

/// 200 ms and 30 s by default.
const FIRST_WAIT_MS: &str = "1";
const LONGEST_WAIT: Duration = Duration::from_millis(30);
const LONGEST_WAIT_MS: &str = "30";
/// How often the wait doubles before it is the longest.
const STEPS: usize = 5;
/// So many of the longest waits are a quarter of an hour.
const QUARTER: usize = 30;
const LANES: usize = 16;
/// A call that hangs outlasts the test: an order that waited for one would never be answered.
const PATIENCE_MS: &str = "60000";
/// Far less than what an order would take that waits for the provider.
const ON_A_BUSY_MACHINE: Duration = Duration::from_millis(250);
const PEOPLE: usize = 6;
const ORDERS: usize = 300;

struct Market {
    app: TestApp,
    people: Vec<Client>,
}

impl Market {
    async fn open(database: &Database, provider: &Provider) -> Self {
        let variables = provider.variables();
        let given = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let scaled = [
            ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", FIRST_WAIT_MS),
            ("MATCHCAST__PUBLISHER__BACKOFF_CAP_MS", LONGEST_WAIT_MS),
            ("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", PATIENCE_MS),
        ];
        let variables: Vec<(&str, &str)> = given.chain(scaled).collect();
        let app = TestApp::start_with(database, &variables).await;
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(app.register(&format!("person-{number}")).await);
        }
        Self { app, people }
    }

    /// Places orders until so many are answered and the provider was called so often.
    async fn trade(&self, orders: usize, provider: &Provider, calls: usize) -> Outcome {
        let load = Load::start(&self.people, &["BTC", "ETH"]);
        load.wait_for_acknowledged(orders).await;
        let called = || async { (provider.post_count() >= calls).then_some(()) };
        wait_for(&format!("{calls} calls"), called).await;
        let outcome = load.stop().await;
        assert_eq!(outcome.without_response, 0);
        for refusal in &outcome.error_responses {
            // Money can run out on one side; nothing else may be refused.
            assert_eq!(refusal.status, 400, "{}", refusal.body);
        }
        outcome
    }
}

fn median(outcomes: &[&Outcome]) -> Duration {
    let mut all: Vec<Duration> =
        outcomes.iter().flat_map(|outcome| outcome.latencies.iter().copied()).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

/// The ways in which a provider is down that are over at once; the last two break the connection.
fn trouble(number: u32) -> Action {
    match number {
        0 => respond("500 Internal Server Error", "oops"),
        1 => respond("502 Bad Gateway", "<html>nginx</html>"),
        2 => {
            Action::Respond(response("503 Service Unavailable", &["Retry-After: 0"], "maintenance"))
        }
        3 => Action::Close,
        _ => Action::Reset,
    }
}

/// Every call fails, each in another way. Counts the connections that break.
fn go_down(provider: &Provider, seed: &Seed) -> Arc<AtomicUsize> {
    let (broken, mut numbers) = (Arc::new(AtomicUsize::new(0)), seed.numbers(0));
    let count = broken.clone();
    provider.on_request(move |_: &ReceivedRequest| {
        let action = trouble(numbers.random_range(0..5));
        if matches!(action, Action::Close | Action::Reset) {
            count.fetch_add(1, Ordering::SeqCst);
        }
        action
    });
    broken
}

/// Where the provider answered, the next request came no earlier than the longest wait. On a busy
/// machine it comes later, never earlier.
fn assert_no_request_is_early(calls: &[ReceivedRequest]) {
    // Each lane had a request in flight when the outage began, and the waits grew to the longest. A
    // request whose connection broke may have been sent twice.
    let settled = &calls[2 * (LANES + STEPS)..];
    let waits: Vec<Duration> = settled
        .windows(2)
        .filter(|pair| pair[0].responded_at.is_some())
        .map(|pair| pair[1].at - pair[0].at)
        .collect();
    assert!(waits.len() >= 10, "of {} requests {} were answered", calls.len(), waits.len());
    let early: Vec<&Duration> = waits.iter().filter(|wait| **wait < LONGEST_WAIT).collect();
    assert!(early.is_empty(), "of {} waits these were too short: {early:?}", waits.len());
}

on_both! {
    async fn an_hour_without_the_provider_costs_rows_and_nothing_else(database: Database) {
        let seed = Seed::new();
        let provider = Provider::start().await;
        let market = Market::open(&database, &provider).await;
        let before = market.trade(ORDERS, &provider, 0).await;
        wait_until_outbox_empty(&database).await;

        let (started, received_before) = (Instant::now(), provider.received_count());
        let calls_before = provider.post_count();
        let broken = go_down(&provider, &seed);
        let mut down = Outcome::default();
        for quarter in 1..=rounds(4) {
            let calls = calls_before + quarter * QUARTER;
            down.add(market.trade(ORDERS, &provider, calls).await);
        }
        let (calls, lasted) = (provider.post_count() - calls_before, started.elapsed());
        assert_eq!(provider.received_count(), received_before);
        let waiting = usize::try_from(database.pending_count()).expect("not negative");
        assert_eq!(waiting, 2 * down.trades.len(), "everything is kept");
        // Where the connection breaks, it may just have been stale: the call is made once more at
        // once. Beyond that the waits alone decide, not lanes and not events.
        let waits = usize::try_from(lasted.as_millis() / LONGEST_WAIT.as_millis()).expect("few");
        let most = LANES + STEPS + waits + 1 + broken.load(Ordering::SeqCst);
        assert!(calls <= most, "{calls} calls in {lasted:?}, expected at most {most}");
        assert_no_request_is_early(&provider.posts()[calls_before..]);

        provider.always(Action::Hang);
        wait_for("a call that hangs", || async { (provider.hanging() == 1).then_some(()) }).await;
        let calls_before = provider.post_count();
        let hanging = market.trade(ORDERS, &provider, 0).await;
        assert_eq!((provider.hanging(), provider.post_count()), (1, calls_before));

        provider.accept_all();
        provider.close_hanging();
        wait_until_outbox_empty(&database).await;
        let after = market.trade(ORDERS, &provider, 0).await;
        wait_until_outbox_empty(&database).await;
        market.app.stop();

        let up = median(&[&before, &after]);
        for outcome in [&down, &hanging] {
            let without = median(&[outcome]);
            let slower = without > 3 * up + ON_A_BUSY_MACHINE;
            assert!(!slower, "an order took {without:?} without the provider, {up:?} with it");
        }
        assert_published(&database, &provider);
        assert_eq!(count_duplicates(&provider, &[]), Duplicates::default(), "each event once");
        assert_order_per_channel(&provider);
        assert_well_behaved(&provider);
        database.audit();
    }
}
