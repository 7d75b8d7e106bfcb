//! Several processes on one PostgreSQL database: each serves the same markets, and only one
//! publishes at a time.

use diesel::prelude::*;
use matchcast::store::schema::orders;
use matchcast::store::{leases, now};

use crate::crash::{assert_persisted, assert_published, short_timeouts};
use crate::outages::wait_until_outbox_empty;
use crate::sign_ins::terminations;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::load::Load;
use crate::support::process::Process;
use crate::support::provider::{Action, Provider, ReceivedRequest, ok};
use crate::support::published::assert_order_per_channel;
use crate::support::{rounds, run_concurrently, wait_for};

/// [`short_timeouts`], and a path by which the provider can identify the process.
fn named(provider: &Provider, name: &str) -> Vec<(&'static str, String)> {
    let mut variables = short_timeouts(provider);
    variables.push(("MATCHCAST__PUSHER__PATH", format!("/{name}")));
    variables
}

/// The processes that sent these requests, in order, without consecutive duplicates.
fn senders(requests: &[ReceivedRequest]) -> Vec<String> {
    let mut names: Vec<String> = requests.iter().map(|request| request.prefix.clone()).collect();
    names.dedup();
    names
}

async fn trade(seller: &Client, buyer: &Client) {
    seller.place("BTC", "sell", "10", "0.001").await.data();
    let bought = buyer.place("BTC", "buy", "10", "0.001").await.data();
    assert_eq!(bought["order"]["status"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_can_start_concurrently_on_an_empty_database() {
    let database = Database::postgres();
    let variables = [("BROADCAST_CONNECTION", "null")];
    let (first, second, third) = tokio::join!(
        TestApp::start_with(&database, &variables),
        TestApp::start_with(&database, &variables),
        TestApp::start_with(&database, &variables),
    );
    for app in [first, second, third] {
        assert_eq!(app.log_in("alice").await.available("USD").await, "10000");
        app.stop();
    }
    database.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_can_be_traded_through_two_processes() {
    trade_through_two_processes(Database::postgres()).await;
}

/// Whichever session a transaction uses, it must not number rows with values that the session has
/// kept from before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_of_a_relative_of_postgres_can_be_traded_through_two_processes() {
    trade_through_two_processes(Database::relative()).await;
}

async fn trade_through_two_processes(database: Database) {
    let provider = Provider::start().await;
    let variables = short_timeouts(&provider);
    let first = TestApp::start_with(&database, &variables).await;
    let second = TestApp::start_with(&database, &variables).await;
    let people = [first.log_in("alice").await, first.log_in("bob").await];
    // The same users through both processes, which change the same accounts.
    let elsewhere = people.each_ref().map(|person| person.at(second.address));
    let everywhere: Vec<Client> = people.into_iter().chain(elsewhere).collect();
    let load = Load::start(&everywhere, &["BTC", "ETH"]);
    load.wait_for_acknowledged(200).await;
    let outcome = load.stop().await;
    wait_until_outbox_empty(&database).await;
    first.stop();
    second.stop();

    assert_eq!(outcome.without_response, 0);
    for response in &outcome.error_responses {
        assert_eq!(response.status, 400, "no conflict reaches a client: {}", response.body);
    }
    for ids in &outcome.orders {
        assert!(ids.is_sorted_by(|a, b| a < b), "a client's later order has a later id");
    }
    assert_persisted(&database, &outcome);
    assert_published(&database, &provider);
    assert_eq!(provider.max_in_flight_per_channel(), 1);
    assert_times_follow_ids(&database);
    assert_order_per_channel(&provider);
    database.audit();
}

/// Polls of the outbox have a minute between them, so only a notification can be the reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_publisher_hears_of_events_of_other_processes() {
    let database = Database::postgres();
    let provider = Provider::start().await;
    let mut variables = short_timeouts(&provider);
    variables.push(("MATCHCAST__PUBLISHER__POLL_MS", "60000".to_owned()));
    let publishing = TestApp::start_with(&database, &variables).await;
    wait_for("a publisher", || async {
        let held = leases::is_held(&mut database.connect(), leases::PUBLISHER);
        held.expect("leases are read").then_some(())
    })
    .await;
    let other = TestApp::start_with(&database, &variables).await;
    let (alice, bob) = (other.log_in("alice").await, other.log_in("bob").await);
    // The first trades may be earlier than the connections that listen.
    let mut trades = 0;
    wait_for("the events of the other process", || {
        trades += 1;
        let (alice, bob, provider) = (&alice, &bob, &provider);
        async move {
            trade(alice, bob).await;
            (!provider.received().is_empty()).then_some(())
        }
    })
    .await;
    assert!(trades < 100, "{trades} trades");
    let count = provider.received().len();
    trade(&alice, &bob).await;
    wait_for("the events of one more trade", || async {
        (provider.received().len() >= count + 2).then_some(())
    })
    .await;
    // After the server has closed the connections that listen, they are opened again.
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    );
    let count = provider.received().len();
    wait_for("events after the connections were lost", || {
        let (alice, bob, provider) = (&alice, &bob, &provider);
        async move {
            trade(alice, bob).await;
            (provider.received().len() >= count + 2).then_some(())
        }
    })
    .await;
    publishing.stop();
    other.stop();
    database.audit();
}

/// Within a market, an order with a higher id never has an earlier time, whichever process wrote
/// it.
fn assert_times_follow_ids(database: &Database) {
    let rows: Vec<(i32, i64, chrono::NaiveDateTime)> = orders::table
        .select((orders::market_id, orders::id, orders::created_at))
        .order((orders::market_id, orders::id))
        .load(&mut database.connect())
        .expect("orders are read");
    for pair in rows.windows(2) {
        let ((market, id, time), (next_market, next_id, next_time)) = (pair[0], pair[1]);
        let follows = market != next_market || time <= next_time;
        assert!(follows, "order {next_id} of {next_time} came after {id} of {time}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_through_two_processes_have_ids_in_the_order_of_their_arrival() {
    let database = Database::postgres();
    let variables = [("BROADCAST_CONNECTION", "null")];
    let first = TestApp::start_with(&database, &variables).await;
    let second = TestApp::start_with(&database, &variables).await;
    let here = first.log_in("alice").await;
    let there = here.at(second.address);
    let mut last = 0;
    for number in 0..20 {
        let client = if number % 2 == 0 { &here } else { &there };
        let placed = client.place("BTC", "sell", "100", "0.001").await.data();
        let id = placed["order"]["id"].as_i64().expect("an id");
        assert!(id > last, "{id} came after {last}");
        last = id;
    }
    first.stop();
    second.stop();
    database.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_an_order_is_taken_after_it_has_locked_its_market() {
    const WAITING: &str = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
        AND wait_event_type = 'Lock'";
    let database = Database::postgres();
    let app = TestApp::start_with(&database, &[("BROADCAST_CONNECTION", "null")]).await;
    let alice = app.log_in("alice").await;
    let lock = database.lock_market("BTC");
    let placing = tokio::spawn(async move { alice.place("BTC", "sell", "100", "0.001").await });
    wait_for("an order that waits for the lock", || async {
        let waiting = diesel::sql_query(WAITING).execute(&mut database.connect());
        (waiting.expect("the activity is read") > 0).then_some(())
    })
    .await;
    // Another process could execute an order at this time, before the one that waits.
    let before = now();
    drop(lock);
    placing.await.expect("no panic").data();
    app.stop();
    let times = orders::table.select(orders::created_at);
    let time: chrono::NaiveDateTime = times.first(&mut database.connect()).expect("an order");
    assert!(time >= before, "{time} is before {before}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_publishes_when_the_first_is_stopped() {
    let database = Database::postgres();
    let provider = Provider::start().await;
    let first = Process::start(&database, &named(&provider, "first")).await;
    let (alice, bob) = (first.log_in("alice").await, first.log_in("bob").await);
    trade(&alice, &bob).await;
    wait_until_outbox_empty(&database).await;
    let second = Process::start(&database, &named(&provider, "second")).await;
    for _ in 0..5 {
        // Both processes execute orders, and sooner or later both publish.
        trade(&alice.at(second.address), &bob.at(first.address)).await;
    }
    wait_until_outbox_empty(&database).await;
    assert_eq!(provider.posts()[0].prefix, "/first");

    first.stop().await;
    let before = provider.post_count();
    trade(&alice.at(second.address), &bob.at(second.address)).await;
    wait_until_outbox_empty(&database).await;
    assert_eq!(senders(&provider.posts()[before..]), ["/second"]);
    second.stop().await;
    assert_published(&database, &provider);
    assert_eq!((provider.received().len(), provider.max_in_flight_per_channel()), (14, 1));
    database.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_publishes_when_the_first_is_killed() {
    let database = Database::postgres();
    let provider = Provider::start().await;
    let first = Process::start(&database, &named(&provider, "first")).await;
    let people = [first.log_in("alice").await, first.log_in("bob").await];
    trade(&people[0], &people[1]).await;
    wait_until_outbox_empty(&database).await;
    let second = Process::start(&database, &named(&provider, "second")).await;
    let elsewhere = people.each_ref().map(|person| person.at(second.address));
    // Slow enough that the first process is killed with requests in flight.
    provider.always(Action::RespondAfter(std::time::Duration::from_millis(20), ok()));
    let everyone: Vec<Client> = people.into_iter().chain(elsewhere).collect();
    let load = Load::start(&everyone, &["BTC", "ETH"]);
    load.wait_for_acknowledged(40).await;
    first.kill();
    let at_kill = load.count();
    load.wait_for_acknowledged(at_kill + 40).await;
    let outcome = load.stop().await;
    wait_until_outbox_empty(&database).await;
    second.stop().await;

    assert_eq!(senders(&provider.posts()).first().map(String::as_str), Some("/first"));
    assert_eq!(senders(&provider.posts()).last().map(String::as_str), Some("/second"));
    assert_persisted(&database, &outcome);
    assert_published(&database, &provider);
    assert_order_per_channel(&provider);
    database.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_through_one_process_ends_the_token_in_the_other() {
    let database = Database::postgres();
    let variables = [("BROADCAST_CONNECTION", "null"), ("MATCHCAST__AUTH__CACHE_SECONDS", "1")];
    let first = TestApp::start_with(&database, &variables).await;
    let second = TestApp::start_with(&database, &variables).await;
    let here = first.log_in("alice").await;
    let there = here.at(second.address);
    assert_eq!(there.get("/api/user").await.status, 200);
    assert_eq!(here.post("/api/logout", "").await.status, 200);
    assert_eq!(here.get("/api/user").await.status, 401, "immediately");
    wait_for("the cached token to expire", || async {
        (there.get("/api/user").await.status == 401).then_some(())
    })
    .await;
    assert_eq!(terminations(&database), 1);

    // The last two tokens are logged out concurrently, one through each process.
    for round in 0..rounds(5) {
        let people = [first.log_in("bob").await, second.log_in("bob").await];
        let log_outs =
            people.map(|person| async move { person.post("/api/logout", "").await.status });
        assert_eq!(run_concurrently(log_outs).await, [200, 200]);
        assert_eq!(terminations(&database), 2 + i64::try_from(round).expect("few rounds"));
    }
    first.stop();
    second.stop();
}
