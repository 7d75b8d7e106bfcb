//! The interface between pages and events: `GET /api/config` lists the events that are turned on,
//! and the header `X-Socket-ID` excludes a socket.

use std::time::Duration;

use matchcast::engine::{self, EngineSettings, EventSettings, Notifiers};
use matchcast::market::{AccountKey, Fixed, UserId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::ALL;
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::outbox::{EVENT_VARIABLES, start_with_events};
use crate::support::provider::Provider;

async fn listed_events(app: &TestApp) -> Value {
    app.visitor().get("/api/config").await.data()["events"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_config_lists_the_events_that_are_turned_on() {
    let database = Database::sqlite();
    let all = EVENT_VARIABLES.map(|(name, _)| name);
    for on in [&all[..], &[], &all[1..3], &["book.updated"], &["order.matched", "trade.executed"]] {
        let (app, _provider) = start_with_events(&database, on, &[]).await;
        assert_eq!(listed_events(&app).await, json!(on));
        app.stop();
    }
    let app = TestApp::start(&database).await;
    assert_eq!(
        listed_events(&app).await,
        json!(all),
        "outside production every event is turned on"
    );
    app.stop();
}

/// Deposits 1,000 for a user, without the faucet.
async fn fund(database: &Database, user: i64, symbol: &str) {
    let (store, shared) = database.open_store();
    let catalog = shared.current();
    let asset = catalog.asset(symbol).expect("an asset");
    let events = EventSettings::default();
    let max_wait = Duration::from_secs(60);
    let settings = EngineSettings {
        queue_len: 1,
        batch_len: 1,
        max_wait,
        events,
        ..EngineSettings::default()
    };
    let (engine, thread) =
        engine::start(store, shared, Default::default(), Notifiers::default(), settings)
            .expect("a thread");
    let account = AccountKey { user: UserId(user), asset };
    let amount = Fixed::parse("1000").expect("an amount");
    engine.deposit(account, amount, 1).await.expect("a deposit");
    engine.stop().await;
    thread.join().expect("the engine stops");
}

on_both! {
    async fn production_publishes_only_order_matched_by_default(database: Database) {
        let provider = Provider::down();
        let given = provider.variables();
        let given = given.iter().map(|(name, value)| (*name, value.as_str()));
        // No setting mentions an event.
        let given = given.filter(|(name, _)| !name.starts_with("MATCHCAST__EVENTS__"));
        let key = "0123456789abcdef0123456789abcdef";
        let more = [("APP_ENV", "production"), ("APP_KEY", key)];
        let app =
            TestApp::start_with(&database, &given.chain(more).collect::<Vec<_>>()).await;
        let (mut seller, mut buyer) = (app.visitor(), app.visitor());
        seller.register("seller").await;
        buyer.register("buyer").await;
        fund(&database, seller.user_id, "BTC").await;
        fund(&database, buyer.user_id, "USD").await;

        assert_eq!(listed_events(&app).await, json!(["order.matched"]));
        seller.place("BTC", "sell", "100", "1").await.data();
        buyer.place("BTC", "buy", "100", "2").await.data();
        buyer.cancel(2).await;
        app.stop();
        let events: Vec<(String, String)> =
            database.events().into_iter().map(|row| (row.channel, row.name)).collect();
        let channels = [&buyer, &seller].map(|person| format!("private-user.{}", person.user_id));
        assert_eq!(events, channels.map(|channel| (channel, "order.matched".to_owned())));
        database.audit();
    }
}

/// Sends a request with the header `X-Socket-ID`, as a page does.
async fn post(client: &Client, path: &str, body: &str, socket_id: &[u8]) {
    let socket_id = String::from_utf8_lossy(socket_id).into_owned();
    let headers = [("content-type", "application/json"), ("X-Socket-ID", socket_id.as_str())];
    let response = client.send(Method::POST, path, &headers, body.as_bytes().to_vec()).await;
    assert_eq!(response.status, 200, "{}", response.body);
}

on_both! {
    async fn a_page_can_exclude_its_socket_from_events_that_it_causes(database: Database) {
        let cases = [
            // The setting, the header, and the socket that is excluded.
            ("true", "1234.5678", Some("1234.5678")),
            ("false", "1234.5678", None),
            ("true", "", None),
            ("true", "undefined", None),
            ("true", "null", None),
            ("true", "1234", None),
            ("true", "1234.", None),
            ("true", ".5678", None),
            ("true", "1234.5678.9", None),
            ("true", "-1.5", None),
            ("true", "1234.5678,1.2", None),
            ("true", "1234.5678:private-user.2", None),
            ("true", "12\u{663}4.5678", None),
        ];
        for (setting, header, expected) in cases {
            let variables = [("MATCHCAST__BROADCASTING__TO_OTHERS", setting)];
            let (app, _provider) = start_with_events(&database, &ALL, &variables).await;
            let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
            let placed = alice.place("BTC", "sell", "100", "0.01").await.data();
            let resting = placed["order"]["id"].as_i64().expect("an id");
            let before = database.events().len();
            let order = r#"{"symbol":"BTC","side":"buy","price":100,"amount":0.002}"#;
            post(&bob, "/api/orders", order, header.as_bytes()).await;
            post(&alice, &format!("/api/orders/{resting}/cancel"), "", header.as_bytes()).await;
            app.stop();
            let events = database.events().split_off(before);
            for row in &events {
                let of_the_user = row.name.starts_with("order.");
                let expected = if of_the_user { expected } else { None };
                assert_eq!(row.socket_id.as_deref(), expected, "{setting} {header}: {row:?}");
            }
            // Two of the trade, two of its orders, and one of the cancelled order.
            let of_users = events.iter().filter(|row| row.name.starts_with("order."));
            assert_eq!(of_users.count(), 5, "{setting} {header}");
        }
        database.audit();
    }
}
