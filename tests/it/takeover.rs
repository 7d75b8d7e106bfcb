//! The publisher's lease changes hands while requests in every lane hang: its new holder begins
//! where the old one was, no event is missing or out of order, and only the holder sends.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use matchcast::store::schema::leases;
use matchcast::store::{AnyConnection, now};

use crate::crash::impatient;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::provider::{Call, EventKey, Provider, Reaction, ok};
use crate::support::published::{
    Death, assert_order_per_channel, assert_well_behaved, repetitions, until_nothing_waits,
};
use crate::support::wait_for;

const LANES: usize = 16;
const CHANNELS: usize = 160;
/// Events of each channel: a lane has more than one call can carry.
const EACH: usize = 3;

/// A process with [`impatient`] settings, and a path by which the provider knows it.
async fn start(database: &Database, provider: &Provider, name: &str) -> Process {
    let mut variables = impatient(provider);
    variables.push(("MATCHCAST__PUSHER__PATH", format!("/{name}")));
    // A call that hangs outlasts the test.
    variables.push(("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", "60000".to_owned()));
    Process::start(database, &variables).await
}

fn write_events(database: &Database) -> BTreeSet<EventKey> {
    let channels: Vec<String> =
        (0..CHANNELS).map(|number| format!("private-user.{}", 1_000 + number)).collect();
    let in_turn = (0..EACH).flat_map(|_| channels.iter().map(String::as_str));
    database.write_events(1, in_turn);
    database.waiting()
}

fn is_by(call: &Call, name: &str) -> bool {
    call.prefix == format!("/{name}")
}

/// Accepts what others than `name` send, and does something else with its calls.
fn accept_from_others(
    provider: &Provider,
    name: &'static str,
    mut of_its: impl FnMut(&Call) -> Reaction + Send + 'static,
) {
    provider.react(
        move |call| {
            if is_by(call, name) { of_its(call) } else { Reaction::Answer(ok()) }
        },
    );
}

fn heard(provider: &Provider) -> BTreeSet<EventKey> {
    provider.heard().iter().map(|event| event.key()).collect()
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
        if number % 2 == 0 { Reaction::AcceptAndHang } else { Reaction::Hang }
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
    let waiting = database.waiting();
    assert_eq!(waiting, all, "unconfirmed events are still there");
    until_nothing_waits(&database).await;
    second.stop().await;

    assert_eq!(heard(&provider), all);
    let repeated = repetitions(&provider, &[Death { at, waiting }]);
    assert_eq!((repeated.by_silence, repeated.by_death), (twice, 0));
    let calls = provider.posts();
    let of_the_first = calls.iter().take_while(|call| is_by(call, "first")).count();
    assert_eq!(of_the_first, LANES);
    assert!(calls[of_the_first..].iter().all(|call| is_by(call, "second")));
    assert_order_per_channel(&provider);
    assert_well_behaved(&provider);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_slept_until_another_took_over_sends_nothing_without_the_lease() {
    let database = Database::postgres();
    let provider = Provider::start().await;
    let first = start(&database, &provider, "first").await;
    let people = [first.log_in("alice").await, first.log_in("bob").await];
    accept_from_others(&provider, "first", |_| Reaction::Held(ok()));
    let all = write_events(&database);
    wait_for("a call of each lane", || async { (provider.in_flight() == LANES).then_some(()) })
        .await;
    put_to_sleep(&first, &database).await;
    let second = start(&database, &provider, "second").await;
    until_nothing_waits(&database).await;
    assert_eq!(heard(&provider), all, "the second has sent what the first could not");
    // Now the requests of the first are accepted, late, and it has the responses when it wakes.
    provider.release();
    first.wake();
    let awake = provider.post_count();
    for _ in 0..5 {
        // Each commit notifies its publisher.
        trade(&people).await;
        until_nothing_waits(&database).await;
    }
    let calls = provider.posts();
    assert!(calls[awake..].iter().all(|call| is_by(call, "second")), "the second holds the lease");

    second.stop().await;
    let before = provider.post_count();
    trade(&people).await;
    until_nothing_waits(&database).await;
    first.stop().await;
    assert!(
        provider.posts()[before..].iter().all(|call| is_by(call, "first")),
        "it holds it again"
    );
    let late: usize = calls[..LANES].iter().map(|call| call.events.len()).sum();
    assert_eq!(provider.heard_len(), all.len() + late + 6 * 2);
    assert_order_per_channel(&provider);
}

/// Keeps everybody from renewing the lease until the connection is dropped.
fn lock_lease(database: &Database) -> AnyConnection {
    let mut connection = database.connect();
    connection.batch_execute("BEGIN; SELECT name FROM leases FOR UPDATE").expect("the lease's row");
    connection
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
    provider.always(Reaction::Held(ok()));
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
    until_nothing_waits(&database).await;
    process.stop().await;
    assert!(all.is_subset(&heard(&provider)));
    assert_eq!(provider.heard_len(), all.len() + 5 * 2, "each event once");
    assert_order_per_channel(&provider);
    assert_well_behaved(&provider);
}

async fn trade([seller, buyer]: &[Client; 2]) {
    seller.place("BTC", "sell", "10", "0.001").await.data();
    let bought = buyer.place("BTC", "buy", "10", "0.001").await.data();
    assert_eq!(bought["order"]["status"], 2);
}
