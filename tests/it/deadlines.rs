//! Waits end: for locks, for connections and for servers that do not respond.

use std::task::{Context, Waker};
use std::time::Duration;

use matchcast::engine::{self, EngineSettings, EventSettings, Notifiers};
use matchcast::market::{AccountKey, Fixed, NewOrder, Side};
use matchcast::store::users;
use reqwest::Method;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::{DEADLINE, run_concurrently};

/// Shorter than the `engine.max_wait_ms` of these tests.
const PATIENCE: Duration = Duration::from_millis(900);

/// Sends an order; `None` if the client left before there was a response.
async fn place_or_leave(client: Client) -> Option<Response> {
    let body = br#"{"symbol":"BTC","side":"sell","price":100,"amount":0.01}"#.to_vec();
    let json = [("content-type", "application/json")];
    let response = client.try_send(Method::POST, "/api/orders", &json, body);
    tokio::time::timeout(PATIENCE, response)
        .await
        .ok()
        .map(|response| response.expect("a response"))
}

on_both! {
    async fn an_order_that_waited_too_long_is_not_placed(database: Database) {
        let app =
            TestApp::start_with(&database, &[("MATCHCAST__ENGINE__MAX_WAIT_MS", "3000")]).await;
        let alice = app.log_in("alice").await;
        let held = database.lock_market("BTC");
        // Clients of their own: closing one connection must not disturb the others.
        let leaving = (0..6).map(|_| place_or_leave(alice.at(app.address)));
        for response in run_concurrently(leaving.collect::<Vec<_>>()).await {
            assert!(response.is_none(), "{response:?}");
        }
        let waiting = (0..6).map(|_| {
            let alice = alice.clone();
            async move { alice.place("BTC", "sell", "100", "0.01").await }
        });
        // They have their responses while the market is still locked.
        for response in run_concurrently(waiting.collect::<Vec<_>>()).await {
            assert_eq!((response.status, &response.json()["code"]), (503, &"unavailable".into()));
        }
        drop(held);
        alice.place("BTC", "sell", "100", "0.01").await.data();
        app.stop();
        assert_eq!(database.order_ids().len(), 1);
        database.audit();
    }

    async fn an_order_whose_caller_has_gone_is_not_placed(database: Database) {
        let (store, shared) = database.open_store();
        let catalog = shared.current();
        let create = |c: &mut _| users::create(c, "user", "user@test.example", "no hash", &[]);
        let user = store.write(&mut database.connect(), create).expect("a user").user_id();
        let market = catalog.market("BTC").expect("a market").id;
        let (max_wait, events) = (DEADLINE, EventSettings::default());
        let settings = EngineSettings {
            queue_len: 64,
            batch_len: 64,
            max_wait,
            events,
            ..EngineSettings::default()
        };
        let account = AccountKey { user, asset: catalog.quote() };
        let (subscriptions, notifiers) = (Default::default(), Notifiers::default());
        let started = engine::start(store, shared, subscriptions, notifiers, settings);
        let (engine, thread) = started.expect("a thread");
        let one = Fixed::parse("1").expect("an amount");
        engine.deposit(account, one, 1).await.expect("a deposit");

        let held = database.lock_market("BTC");
        let amount = Fixed::from_units(1);
        let order = NewOrder::gtc(user, market, Side::Buy, one, amount);
        let mut calls: Vec<_> = (0..6).map(|_| Box::pin(engine.place(order, None))).collect();
        for call in &mut calls {
            // The first poll queues the order.
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        let last = calls.pop().expect("six calls");
        drop(calls);
        drop(held);
        let placed = last.await.expect("an order");
        engine.stop().await;
        thread.join().expect("the engine ends");
        // The engine may have begun the first order before its caller left.
        let ids = database.order_ids();
        assert!(ids.len() <= 2 && ids.last() == Some(&placed.order.id.0), "{ids:?}");
    }
}

#[cfg(feature = "postgres-tests")]
mod on_postgres {
    use diesel::connection::SimpleConnection;

    use crate::support::app::TestApp;
    use crate::support::database::Database;
    use crate::support::proxy::Proxy;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_start_waits_for_the_database() {
        let database = Database::postgres();
        let proxy = Proxy::refusing(&database.url, 3).await;
        let app = TestApp::start_with(&database, &[("DATABASE_URL", &proxy.url)]).await;
        app.log_in("alice").await.place("BTC", "sell", "100", "0.01").await.data();
        app.stop();
    }

    /// Sets whether new connections are read-only, and ends all others.
    fn set_read_only(database: &Database, value: &str, and_then: &str) {
        let mut connection = database.connect();
        // For the transactions of this connection, from the next one on.
        connection.batch_execute("SET default_transaction_read_only = off").expect("a setting");
        let set = format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = \
             {value}', current_database()); END $$; {and_then}"
        );
        connection.batch_execute(&set).expect("the right to do it");
    }

    const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";

    /// As after a failover, when connections lead to a server that is a standby for some time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_read_only_server_is_unavailable_and_its_connections_are_not_kept() {
        let database = Database::postgres();
        let app = TestApp::start_with(&database, &[("BROADCAST_CONNECTION", "null")]).await;
        let alice = app.log_in("alice").await;
        set_read_only(&database, "on", TERMINATE);
        let register = |name: &str| {
            let body = serde_json::json!({
                "name": name, "email": format!("{name}@test.example"),
                "password": "password", "password_confirmation": "password",
            });
            body.to_string()
        };
        for round in 0..6 {
            let placed = alice.place("BTC", "sell", "100", "0.01").await;
            assert_eq!((placed.status, &placed.json()["code"]), (503, &"unavailable".into()));
            let registered =
                app.visitor().post("/api/register", &register(&format!("early-{round}"))).await;
            assert_eq!(registered.status, 503, "{}", registered.body);
        }
        set_read_only(&database, "off", "");
        for round in 0..6 {
            alice.place("BTC", "sell", "100", "0.01").await.data();
            app.visitor().post("/api/register", &register(&format!("late-{round}"))).await.data();
        }
        app.stop();
        database.audit();
    }
}
