//! The engine under adverse conditions: a command that the database rejects, a full queue, and a
//! shutdown under load.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use matchcast::engine::{
    self, EngineError, EngineHandle, EngineSettings, EventSettings, Notifiers,
};
use matchcast::market::{AccountKey, Fixed, NewOrder, Side, UserId};
use matchcast::store::{Store, users};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::load::Load;
use crate::support::provider::Provider;
use crate::support::{run_concurrently, wait_for};

/// The amount that [`install_trap`] rejects, in units of 10⁻⁸ and as a decimal.
const TRAPPED_UNITS: i64 = 1_300_000;
const TRAPPED: &str = "0.013";

/// Makes the database reject orders of one amount, as a constraint would.
fn install_trap(database: &Database) {
    let sql = if database.is_postgres() {
        format!(
            "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.amount = {TRAPPED_UNITS} THEN RAISE EXCEPTION 'trap in table orders'; END IF; \
             RETURN NEW; END $$; \
             CREATE TRIGGER trap BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION trap()"
        )
    } else {
        format!(
            "CREATE TRIGGER trap BEFORE INSERT ON orders WHEN NEW.amount = {TRAPPED_UNITS} \
             BEGIN SELECT RAISE(ABORT, 'trap in table orders'); END"
        )
    };
    database.execute(&sql);
}

async fn place(
    client: Client,
    side: &'static str,
    amount: &'static str,
) -> (&'static str, u16, String) {
    let response = client.place("BTC", side, "100", amount).await;
    (amount, response.status, response.body)
}

/// An engine with batches of up to 64 requests, and what makes a buy order of so many units of
/// 10⁻⁸ BTC, of a user with 1,000 USD.
async fn start_engine(
    database: &Database,
) -> (EngineHandle, JoinHandle<()>, impl Fn(i64) -> NewOrder) {
    let (store, shared) = database.open_store();
    let (catalog, user) = (shared.current(), create_user(&store, database));
    let market = catalog.market("BTC").expect("a market").id;
    let events = EventSettings::default();
    let max_wait = Duration::from_secs(60);
    let settings = EngineSettings {
        queue_len: 64,
        batch_len: 64,
        max_wait,
        events,
        ..EngineSettings::default()
    };
    let notifiers = Notifiers::default();
    let started = engine::start(store, shared, Default::default(), notifiers, settings);
    let (engine, thread) = started.expect("a thread");
    let account = AccountKey { user, asset: catalog.quote() };
    let amount = Fixed::parse("1000").expect("an amount");
    engine.deposit(account, amount, 1).await.expect("a deposit");
    let price = Fixed::parse("1").expect("a price");
    let order =
        move |units| NewOrder::gtc(user, market, Side::Buy, price, Fixed::from_units(units));
    (engine, thread, order)
}

fn is_pending<F: Future>(future: &mut Pin<Box<F>>) -> bool {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

on_both! {
    async fn an_order_that_fails_does_not_fail_the_others_in_its_batch(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        install_trap(&database);
        // The engine waits for this lock, so the burst collects in its queue.
        let lock = database.lock_market("BTC");
        let burst = (0..24).map(|number| match number {
            5 | 17 => place(alice.clone(), "sell", TRAPPED),
            _ if number % 2 == 0 => place(alice.clone(), "sell", "0.01"),
            _ => place(bob.clone(), "buy", "0.01"),
        });
        let responses = tokio::spawn(run_concurrently(burst.collect::<Vec<_>>()));
        for _ in 0..10 {
            assert_eq!(app.visitor().get("/health").await.status, 200);
        }
        drop(lock);
        for (amount, status, body) in responses.await.expect("no panic") {
            if amount == TRAPPED {
                assert_eq!(status, 500, "{body}");
                assert!(body.contains(r#""code":"internal""#), "{body}");
                for internal in ["trap", "table", "orders", "SQL", "constraint"] {
                    assert!(!body.contains(internal), "{body}");
                }
            } else {
                assert_eq!(status, 200, "{body}");
            }
        }
        app.stop();
        assert_eq!(database.order_ids().len(), 22);
        database.audit();
    }

    async fn a_batch_with_failing_orders_executes_the_others_in_order(database: Database) {
        let (engine, thread, order) = start_engine(&database).await;
        install_trap(&database);

        let lock = database.lock_market("BTC");
        let mut pending: Vec<_> = (1..=40)
            .map(|number| {
                let units = if number % 13 == 0 { TRAPPED_UNITS } else { number };
                (units, Box::pin(engine.place(order(units), None)))
            })
            .collect();
        for (_, submitted) in &mut pending {
            // The first poll puts the command into the queue.
            assert!(is_pending(submitted));
        }
        drop(lock);
        let mut last = 0;
        for (units, submitted) in pending {
            match submitted.await {
                Ok(placed) => {
                    let order = placed.order;
                    assert_eq!(order.amount.units(), units);
                    assert!(order.id.0 > last, "{} after {last}", order.id.0);
                    last = order.id.0;
                }
                Err(error) => {
                    assert_eq!((units, error), (TRAPPED_UNITS, EngineError::Failed));
                }
            }
        }
        engine.stop().await;
        thread.join().expect("the engine stops");
        assert_eq!(database.order_ids().len(), 37);
        database.audit();
    }

    async fn orders_that_arrive_while_a_batch_waits_for_its_market_join_it(database: Database) {
        let (engine, thread, order) = start_engine(&database).await;
        let lock = database.lock_market("BTC");
        let mut first = Box::pin(engine.place(order(1), None));
        assert!(is_pending(&mut first));
        wait_for("the first batch", || async { (engine.queue_len() == 0).then_some(()) }).await;
        let mut others: Vec<_> =
            (2..=21).map(|units| Box::pin(engine.place(order(units), None))).collect();
        for other in &mut others {
            assert!(is_pending(other));
        }
        assert!(is_pending(&mut first), "it waits for the market");
        drop(lock);
        first.await.expect("an order");
        for other in others {
            other.await.expect("an order");
        }
        engine.stop().await;
        thread.join().expect("the engine stops");
        // All orders of a batch have the same time.
        database.assert("(SELECT count(*) FROM orders) = 21");
        database.assert("(SELECT count(DISTINCT created_at) FROM orders) = 1");
        database.audit();
    }

    async fn a_full_queue_is_reported_immediately(database: Database) {
        const ORDERS: usize = 8;
        // One that the engine executes, and one in the queue.
        const ACCEPTED: usize = 2;
        let app = TestApp::start_with(
            &database,
            &[("MATCHCAST__ENGINE__QUEUE_LEN", "1"), ("BROADCAST_CONNECTION", "null")],
        )
        .await;
        let alice = app.log_in("alice").await;
        let lock = database.lock_market("BTC");
        let rejected = Arc::new(AtomicUsize::new(0));
        let orders = (0..ORDERS).map(|_| {
            let (alice, rejected) = (alice.clone(), rejected.clone());
            async move {
                let response = alice.place("BTC", "sell", "100", "0.01").await;
                if response.status == 503 {
                    rejected.fetch_add(1, Ordering::SeqCst);
                }
                response
            }
        });
        let responses = tokio::spawn(run_concurrently(orders.collect::<Vec<_>>()));
        // The lock is still held: these responses do not wait for it.
        wait_for("rejections while the engine is blocked", || {
            let enough = rejected.load(Ordering::SeqCst) >= ORDERS - ACCEPTED;
            async move { enough.then_some(()) }
        })
        .await;
        drop(lock);
        let mut placed = 0;
        for response in responses.await.expect("no panic") {
            if response.status == 503 {
                assert_eq!(response.json()["code"], "too_busy");
                let wait = response.header("retry-after").and_then(|seconds| seconds.parse().ok());
                assert!(wait > Some(0_u64), "{:?}", response.headers);
            } else {
                assert_eq!(response.status, 200, "{}", response.body);
                placed += 1;
            }
        }
        assert_eq!(alice.place("BTC", "sell", "100", "0.01").await.status, 200);
        app.stop();
        assert_eq!(database.order_ids().len(), placed + 1);
        database.audit();
    }

    async fn a_shutdown_under_load_keeps_every_acknowledged_order(database: Database) {
        let provider = Provider::start().await;
        let variables = provider.variables();
        let mut variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.push(("MATCHCAST__HTTP__SHUTDOWN_SECONDS", "20"));
        let app = TestApp::start_with(&database, &variables).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let people = [alice, bob, app.log_in("charlie").await];
        let load = Load::start(&people, &["BTC", "ETH"]);
        load.wait_for_acknowledged(60).await;
        tokio::task::spawn_blocking(move || app.stop()).await.expect("the server stops");
        let outcome = load.join().await;

        let (stored, acknowledged) = (database.order_ids(), outcome.all_orders());
        assert!(acknowledged.iter().all(|id| stored.binary_search(id).is_ok()));
        let trades = database.trades();
        assert!(outcome.trades.iter().all(|id| trades.iter().any(|(known, ..)| known == id)));
        for response in outcome.error_responses {
            let code = response.json()["code"].to_string();
            assert_eq!((response.status, code.as_str()), (503, r#""stopping""#));
        }
        // The publisher has sent every event before it stopped.
        assert_eq!(database.pending_count(), 0);
        assert_eq!(provider.received().len(), 2 * trades.len());
        database.audit();
    }
}

fn create_user(store: &Store, database: &Database) -> UserId {
    let mut connection = database.connect();
    let create = |c: &mut _| users::create(c, "user", "user@test.example", "no hash", &[]);
    store.write(&mut connection, create).expect("a user").user_id()
}
