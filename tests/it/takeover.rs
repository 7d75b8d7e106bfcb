//! Shards change hands while requests in every lane hang: their new holder begins where the old one
//! was, no event is missing or out of order, and only the holder sends.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use matchcast::store::schema::leases;
use matchcast::store::{AnyConnection, now};

use crate::crash::short_timeouts;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::provider::{Action, EventKey, Provider, ReceivedRequest, ok};
use crate::support::published::{
    Kill, assert_order_per_channel, assert_well_behaved, count_duplicates, wait_until_outbox_empty,
};
use crate::support::wait_for;

const LANES: usize = 16;
const CHANNELS: usize = 160;
/// Events of each channel: a lane has more than one call can carry.
const EACH: usize = 3;

/// A process with [`short_timeouts`] settings, and a path by which the provider knows it.
async fn start(database: &Database, provider: &Provider, name: &str) -> Process {
    let mut variables = short_timeouts(provider);
    variables.push(("MATCHCAST__PUSHER__PATH", format!("/{name}")));
    // A call that hangs outlasts the test.
    variables.push(("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", "60000".to_owned()));
    Process::start(database, &variables).await
}

/// Writes `each` events of each of these channels, in turn, numbered from `first`.
pub fn write_events_of(database: &Database, channels: usize, first: usize, each: usize) {
    let channels: Vec<String> =
        (0..channels).map(|number| format!("private-user.{}", 1_000 + number)).collect();
    let in_turn = (0..each).flat_map(|_| channels.iter().map(String::as_str));
    database.write_events(first, in_turn);
}

fn write_events(database: &Database) -> BTreeSet<EventKey> {
    write_events_of(database, CHANNELS, 1, EACH);
    database.pending_keys()
}

fn is_by(call: &ReceivedRequest, name: &str) -> bool {
    call.prefix == format!("/{name}")
}

/// Accepts what others than `name` send, and does something else with its calls.
fn accept_from_others(
    provider: &Provider,
    name: &'static str,
    mut of_its: impl FnMut(&ReceivedRequest) -> Action + Send + 'static,
) {
    provider.on_request(
        move |call| {
            if is_by(call, name) { of_its(call) } else { Action::Respond(ok()) }
        },
    );
}

pub fn received(provider: &Provider) -> BTreeSet<EventKey> {
    provider.received().iter().map(|event| event.key()).collect()
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Puts a process to sleep at a moment when it holds no lock in the database.
async fn put_to_sleep(process: &Process, database: &Database) {
    const OPEN: &str = "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = \
        current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut connection = database.connect();
    while Instant::now() < deadline {
        process.sleep();
        // Others have transactions too, but never for long.
        for _ in 0..50 {
            let open = diesel::sql_query(OPEN).get_result::<Count>(&mut connection);
            if open.expect("the server tells").count == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        process.wake();
    }
    panic!("there is always a transaction open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_successor_of_a_dead_process_begins_where_its_requests_hung() {
    let database = Database::postgres();
    let provider = Provider::start().await;
    let first = start(&database, &provider, "first").await;
    // Every second request of the first is accepted, and it never gets a response.
    let mut number = 0;
    accept_from_others(&provider, "first", move |_| {
        number += 1;
        if number % 2 == 0 { Action::AcceptAndHang } else { Action::Hang }
    });
    let all = write_events(&database);
    wait_for("a call of each lane that hangs", || async {
        (provider.hanging() == LANES).then_some(())
    })
    .await;
    let second = start(&database, &provider, "second").await;
    let twice: usize =
        provider.posts().iter().filter(|call| call.accepted).map(|call| call.events.len()).sum();
    assert_eq!(twice, LANES / 2 * 10);
    let at = Instant::now();
    first.kill();
    let waiting = database.pending_keys();
    assert_eq!(waiting, all, "unconfirmed events are still there");
    wait_until_outbox_empty(&database).await;
    second.stop().await;

    assert_eq!(received(&provider), all);
    let repeated = count_duplicates(&provider, &[Kill { at, pending: waiting }]);
    assert_eq!((repeated.after_lost_response, repeated.after_kill), (twice, 0));
    let calls = provider.posts();
    let of_the_first = calls.iter().take_while(|call| is_by(call, "first")).count();
    assert_eq!(of_the_first, LANES);
    assert!(calls[of_the_first..].iter().all(|call| is_by(call, "second")));
    assert_order_per_channel(&provider);
    assert_well_behaved(&provider);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_slept_until_another_took_over_sends_nothing_a_second_time() {
    let database = Database::postgres();
    let provider = Provider::start().await;
    let first = start(&database, &provider, "first").await;
    let people = [first.log_in("alice").await, first.log_in("bob").await];
    accept_from_others(&provider, "first", |_| Action::RespondWhenReleased(ok()));
    let all = write_events(&database);
    wait_for("a call of each lane", || async { (provider.in_flight() == LANES).then_some(()) })
        .await;
    put_to_sleep(&first, &database).await;
    let second = start(&database, &provider, "second").await;
    wait_until_outbox_empty(&database).await;
    assert_eq!(received(&provider), all, "the second has sent what the first could not");
    // Now the requests of the first are accepted, late, and it has the responses when it wakes.
    provider.release();
    first.wake();
    for _ in 0..5 {
        // Each commit notifies its publisher. The first has some shards again, at some time.
        trade(&people).await;
        wait_until_outbox_empty(&database).await;
    }
    let calls = provider.posts();

    second.stop().await;
    let before = provider.post_count();
    trade(&people).await;
    wait_until_outbox_empty(&database).await;
    first.stop().await;
    assert!(
        provider.posts()[before..].iter().all(|call| is_by(call, "first")),
        "the first has all shards again"
    );
    let late: usize = calls[..LANES].iter().map(|call| call.events.len()).sum();
    assert_eq!(provider.received_count(), all.len() + late + 6 * 2);
    assert_order_per_channel(&provider);
}

/// Keeps everybody from renewing the lease until the connection is dropped.
fn lock_lease(database: &Database) -> AnyConnection {
    database.lock_rows("SELECT name FROM leases FOR UPDATE")
}

/// Waits until somebody is kept from renewing the lease.
async fn until_renewal_waits(database: &Database) {
    const WAITING: &str = "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = \
        current_database() AND wait_event_type = 'Lock'";
    wait_for("a renewal that waits", || async {
        let waiting = diesel::sql_query(WAITING).get_result::<Count>(&mut database.connect());
        (waiting.expect("the server answers").count > 0).then_some(())
    })
    .await;
}

async fn until_lease_has_ended(database: &Database) {
    wait_for("the end of the lease", || async {
        let end = leases::table.select(leases::expires_at);
        let end: chrono::NaiveDateTime = end.first(&mut database.connect()).expect("a lease");
        (end < now()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_wakes_after_its_lease_has_ended_sends_nothing() {
    let database = Database::postgres();
    let provider = Provider::start().await;
    let process = start(&database, &provider, "first").await;
    let people = [process.log_in("alice").await, process.log_in("bob").await];
    provider.always(Action::RespondWhenReleased(ok()));
    let all = write_events(&database);
    wait_for("a request of each lane", || async { (provider.in_flight() == LANES).then_some(()) })
        .await;
    let lock = lock_lease(&database);
    until_renewal_waits(&database).await;
    process.sleep();
    until_lease_has_ended(&database).await;
    provider.release();
    process.wake();
    // Now each lane could send its next events, and each of these commits notifies the publisher.
    for _ in 0..5 {
        trade(&people).await;
    }
    assert_eq!(provider.post_count(), LANES, "nothing is sent without the lease");

    drop(lock);
    wait_until_outbox_empty(&database).await;
    process.stop().await;
    assert!(all.is_subset(&received(&provider)));
    assert_eq!(provider.received_count(), all.len() + 5 * 2, "each event once");
    assert_order_per_channel(&provider);
    assert_well_behaved(&provider);
}

async fn trade([seller, buyer]: &[Client; 2]) {
    seller.place("BTC", "sell", "10", "0.001").await.data();
    let bought = buyer.place("BTC", "buy", "10", "0.001").await.data();
    assert_eq!(bought["order"]["status"], 2);
}
