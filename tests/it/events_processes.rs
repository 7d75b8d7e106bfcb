//! Events of several processes on one PostgreSQL database, and the cost of reading a large book.

use std::collections::BTreeSet;
use std::time::Instant;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use matchcast::market::MarketId;
use matchcast::store::book_depth;

use crate::events_book::{assert_last, books, expected_book, wait_for_book};
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::load::Load;
use crate::support::outbox::start_with_events;
use crate::support::wait_for;

const RATE: &str = "MATCHCAST__EVENTS__BOOK_UPDATES_PER_SECOND";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_sequence_numbers_and_the_rate() {
    let database = Database::postgres();
    let on = ["trade.executed", "book.updated"];
    let started = Instant::now();
    let (first, _provider) = start_with_events(&database, &on, &[(RATE, "5")]).await;
    let (second, _other) = start_with_events(&database, &on, &[(RATE, "5")]).await;
    let people = [first.log_in("alice").await, first.log_in("bob").await];
    let elsewhere = people.each_ref().map(|person| person.at(second.address));
    let everywhere: Vec<Client> = people.into_iter().chain(elsewhere).collect();
    let load = Load::start(&everywhere, &["BTC", "ETH"]);
    load.wait_for_acknowledged(150).await;
    wait_for_book(&database, "BTC", 4).await;
    wait_for_book(&database, "ETH", 4).await;
    load.stop().await;
    let mut expected = Vec::new();
    for symbol in ["BTC", "ETH"] {
        expected.push((symbol, expected_book(&everywhere[0], symbol, 25).await));
    }
    first.stop();
    second.stop();
    let seconds = started.elapsed().as_secs_f64();

    let executed = database.events_named("trade.executed");
    assert_eq!(executed.len(), database.trades().len());
    for (symbol, expected) in expected {
        let rows = books(&database, symbol);
        assert_last(&rows, &expected);
        assert!((rows.len() as f64) <= 1.0 + seconds * 5.0, "{} in {seconds} s", rows.len());
        let channel = format!("market.{symbol}");
        let sequences = executed.iter().filter(|row| row.channel == channel);
        let sequences: Vec<i64> =
            sequences.filter_map(|row| row.json()["sequence"].as_i64()).collect();
        let all = i64::try_from(sequences.len()).expect("not so many");
        assert!(all > 10, "{symbol}: {all}");
        assert_eq!(sequences, (1..=all).collect::<Vec<_>>(), "{symbol}");
    }
    let ids: BTreeSet<String> = executed.iter().map(|row| row.event_id()).collect();
    assert_eq!(ids.len(), executed.len());
    database.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_market_is_published_and_locked_book_records_delay_no_order() {
    let database = Database::postgres();
    let (app, _provider) = start_with_events(&database, &["book.updated"], &[(RATE, "5")]).await;
    let alice = app.log_in("alice").await;
    alice.place("BTC", "sell", "50000", "0.1").await.data();
    wait_for_book(&database, "BTC", 1).await;
    // The rate limit delays this change, and then the market is locked.
    alice.place("BTC", "sell", "50000", "0.1").await.data();
    let market = database.lock_market("BTC");
    wait_for_book(&database, "BTC", 2).await;
    drop(market);

    let lock = database.lock_rows("SELECT 1 FROM published_books FOR UPDATE");
    for _ in 0..10 {
        alice.place("BTC", "sell", "50000", "0.01").await.data();
    }
    assert_eq!(books(&database, "BTC").len(), 2);
    drop(lock);
    let expected = expected_book(&alice, "BTC", 25).await;
    app.stop();
    assert_last(&books(&database, "BTC"), &expected);
    database.audit();
}

#[derive(QueryableByName)]
struct Reads {
    #[diesel(sql_type = BigInt)]
    scans: i64,
    #[diesel(sql_type = BigInt)]
    entries: i64,
}

/// The number of scans of an index, and of entries read in them.
fn reads(database: &Database, index: &str) -> Reads {
    let query = format!(
        "SELECT idx_scan AS scans, idx_tup_read AS entries FROM pg_stat_user_indexes \
         WHERE indexrelname = '{index}'"
    );
    diesel::sql_query(query).get_result(&mut database.connect()).expect("the statistics are read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_best_prices_of_a_large_book_are_read_without_the_rest() {
    const DEPTH: i64 = 25;
    // Enough that the server uses a generic plan.
    const TIMES: i64 = 20;
    let database = Database::postgres();
    let (store, _) = database.open_store();
    // Two orders at each price: bids from 1 to 20,000, asks from 20,001 to 40,000.
    database.execute(
        "INSERT INTO users (id, name, email, created_at, updated_at) \
            VALUES (1, 'u', 'u@test.example', now(), now()); \
         INSERT INTO orders (user_id, market_id, side, price, amount, filled_amount, \
            filled_value, commission, taker_rate, reserved, status, created_at, updated_at) \
            SELECT 1, 1, CASE WHEN p > 20000 THEN 2 ELSE 1 END, p, 10, 3, 0, 0, 0, 7, 1, now(), \
            now() FROM generate_series(1, 40000) AS p, generate_series(1, 2)",
    );
    let mut connection = store.connect().expect("a connection");
    for _ in 0..TIMES {
        let book = book_depth::read(&mut connection, MarketId(1), DEPTH);
        let book = book.expect("the book is read");
        for (levels, best, step) in [(&book.asks, 20_001, 1), (&book.bids, 20_000, -1)] {
            let found = levels.iter().map(|level| (level.price.units(), level.units));
            let expected = (0..DEPTH).map(|place| (best + step * place, 14));
            assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }
    // A connection reports its statistics when it closes.
    drop(connection);
    for index in ["orders_asks", "orders_bids"] {
        let reads = wait_for("the statistics of the index", || async {
            let reads = reads(&database, index);
            (reads.scans >= TIMES).then_some(reads)
        })
        .await;
        let most = TIMES * (2 * DEPTH + 2);
        assert!(reads.entries <= most, "{index}: {} entries, more than {most}", reads.entries);
    }
}
