//! The lanes of the engine: a market that is stuck or busy delays no other, and a database that
//! does not respond blocks nothing for ever.

use std::time::{Duration, Instant};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::run_concurrently;

/// Places many sell orders of one user at one price, a few at a time.
async fn place_wall(client: &Client, orders: usize) {
    for _ in 0..orders / 50 {
        let placed = (0..50).map(|_| {
            let client = client.clone();
            async move { client.place("ETH", "sell", "1", "0.00000100").await.data() }
        });
        run_concurrently(placed.collect::<Vec<_>>()).await;
    }
}

on_both! {
    async fn an_order_has_limited_fills_and_its_response_says_so(database: Database) {
        let variables = [("MATCHCAST__MARKET__MAX_FILLS_PER_TRANSACTION", "150")];
        let app = TestApp::start_with(&database, &variables).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        place_wall(&bob, 200).await;
        // Three of them in one batch have more fills than one transaction may have.
        let buys = (0..3).map(|_| {
            let alice = alice.clone();
            async move { alice.place("ETH", "buy", "1", "0.00015000").await.data() }
        });
        let mut counts = Vec::new();
        for placed in run_concurrently(buys.collect::<Vec<_>>()).await {
            let count = placed["trade_count"].as_u64().expect("a number");
            let shown = placed["trades"].as_array().expect("a list").len();
            assert_eq!(u64::try_from(shown).expect("a length"), count.min(100));
            let order = &placed["order"];
            match count {
                150 => assert_eq!(order["status"], 2, "{order}"),
                50 => assert_eq!(order["status"], 1, "{order}"),
                _ => assert_eq!((count, &order["status"]), (0, &1.into()), "{order}"),
            }
            counts.push(count);
        }
        counts.sort_unstable();
        assert_eq!(counts, [0, 50, 150]);
        app.stop();
        database.audit();
    }

    async fn a_sweep_beyond_the_fill_limit_is_cancelled(database: Database) {
        let variables = [("MATCHCAST__MARKET__MAX_FILLS_PER_TRANSACTION", "20")];
        let app = TestApp::start_with(&database, &variables).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        place_wall(&bob, 50).await;
        let swept = alice.place("ETH", "buy", "1", "1").await.data();
        assert_eq!(swept["trade_count"], 20, "{swept}");
        assert_eq!(swept["order"]["status"], 3);
        assert_eq!(swept["order"]["cancel_reason"], "fill_limit");
        let mine = alice.get("/api/my-orders").await.data();
        assert_eq!(mine[0]["cancel_reason"], "fill_limit");
        app.stop();
        database.audit();
    }

    async fn orders_that_violate_a_rule_are_refused_with_their_field(database: Database) {
        let variables = [
            ("MATCHCAST__MARKET__MIN_VALUE", "10"),
            ("MATCHCAST__MARKET__TICK_SIZE", "0.5"),
            ("MATCHCAST__MARKET__LOT_SIZE", "0.01"),
            ("MATCHCAST__MARKET__MAX_OPEN_ORDERS", "2"),
        ];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = app.log_in("alice").await;
        for (price, amount, field, text) in [
            ("100.25", "1", "price", "The price must be a multiple of 0.5."),
            ("100", "0.001", "amount", "The amount must be a multiple of 0.01."),
            ("1", "1", "amount", "The value of price and amount must be at least 10."),
        ] {
            let refused = alice.place("BTC", "buy", price, amount).await;
            assert_eq!(refused.status, 422, "{}", refused.body);
            assert_eq!(refused.json()["errors"][field][0], text);
        }
        for _ in 0..2 {
            alice.place("BTC", "buy", "100", "0.1").await.data();
        }
        let refused = alice.place("BTC", "buy", "100", "0.1").await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert_eq!(refused.json()["code"], "too_many_open_orders");
        alice.place("ETH", "buy", "100", "0.1").await.data();
        app.stop();
        database.audit();
    }
}

#[cfg(feature = "postgres-tests")]
mod on_postgres {
    use super::*;
    use crate::support::database::Database;
    use crate::support::process::Process;
    use crate::support::proxy::Proxy;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_locked_market_delays_no_other() {
        let database = Database::postgres();
        let app = TestApp::start_with(&database, &[("BROADCAST_CONNECTION", "null")]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let bitcoin = bob.place("BTC", "sell", "100", "0.01").await.data();
        let held = database.lock_market("ETH");
        let locked = tokio::spawn({
            let alice = alice.clone();
            async move { alice.place("ETH", "sell", "100", "0.01").await }
        });
        // All of this is answered while the market is locked.
        for _ in 0..20 {
            bob.place("BTC", "sell", "100", "0.01").await.data();
        }
        let order = bitcoin["order"]["id"].as_i64().expect("an id");
        assert_eq!(bob.cancel(order).await.status, 200);
        bob.post("/api/faucet", r#"{"currency":"USD","amount":1}"#).await.data();
        assert_eq!(app.visitor().get("/ready").await.status, 200);
        assert!(!locked.is_finished());
        drop(held);
        locked.await.expect("no panic").data();
        app.stop();
        database.audit();
    }

    /// The database accepts connections and bytes, and never answers.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_frozen_database_blocks_no_request_for_ever_and_is_left_when_it_thaws() {
        let database = Database::postgres();
        let proxy = Proxy::start(&database.url).await;
        let variables = [
            ("DATABASE_URL", proxy.url.as_str()),
            ("BROADCAST_CONNECTION", "null"),
            ("MATCHCAST__DATABASE__TIMEOUT_MS", "1000"),
            ("MATCHCAST__DATABASE__BATCH_TIMEOUT_MS", "1500"),
            ("MATCHCAST__ENGINE__MAX_WAIT_MS", "1000"),
            ("MATCHCAST__HTTP__REQUEST_TIMEOUT_MS", "3000"),
        ];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = app.log_in("alice").await;
        alice.place("BTC", "sell", "100", "0.01").await.data();
        let frozen = proxy.freeze();
        let started = Instant::now();
        let mut unknown = 0;
        for _ in 0..3 {
            let orders = (0..8).map(|_| {
                let alice = alice.clone();
                async move { alice.place("BTC", "sell", "100", "0.01").await }
            });
            for response in run_concurrently(orders.collect::<Vec<_>>()).await {
                assert_eq!(response.status, 503, "{}", response.body);
                unknown += usize::from(response.json()["code"] == "outcome_unknown");
            }
            assert_eq!(alice.get("/api/my-orders").await.status, 503);
            assert_eq!(app.visitor().get("/ready").await.status, 503);
        }
        // Each of the nine requests, one after the other, ends by its deadline.
        assert!(started.elapsed() < Duration::from_secs(9 * 4), "{:?}", started.elapsed());
        drop(frozen);
        let mut placed = 1;
        while alice.place("BTC", "sell", "100", "0.01").await.status != 200 {
            assert!(started.elapsed() < Duration::from_secs(90));
        }
        placed += 1;
        app.stop();
        // What was answered with "nothing happened" has not happened.
        let stored = database.order_ids().len();
        assert!((placed..=placed + unknown).contains(&stored), "{stored} of {placed}, {unknown}");
        database.audit();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_shutdown_does_not_wait_for_a_frozen_database() {
        let database = Database::postgres();
        let proxy = Proxy::start(&database.url).await;
        let variables = [
            ("DATABASE_URL", proxy.url.clone()),
            ("MATCHCAST__HTTP__SHUTDOWN_SECONDS", "1".to_owned()),
        ];
        let process = Process::start(&database, &variables).await;
        let alice = process.log_in("alice").await;
        let frozen = proxy.freeze();
        let visitor = Client::new(process.address);
        let order = tokio::spawn(async move { alice.place("BTC", "sell", "100", "0.01").await });
        assert_eq!(visitor.get("/up").await.status, 200);
        let started = Instant::now();
        process.stop().await;
        // One step of the shutdown each for the engine, the books, the publisher and the server.
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        order.abort();
        drop(frozen);
        database.audit();
    }
}
