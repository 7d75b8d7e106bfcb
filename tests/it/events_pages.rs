//! What a page can know of events, and say about them: which ones are told, and whose connection is
//! left out.

use std::sync::Arc;
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
use crate::support::outbox::{SWITCHES, start_telling};
use crate::support::provider::Provider;

async fn told(app: &TestApp) -> Value {
    app.visitor().get("/api/config").await.data()["events"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_told_which_events_there_are() {
    let database = Database::sqlite();
    let all = SWITCHES.map(|(name, _)| name);
    for on in [&all[..], &[], &all[1..3], &["book.updated"], &["order.matched", "trade.executed"]] {
        let (app, _provider) = start_telling(&database, on, &[]).await;
        assert_eq!(told(&app).await, json!(on));
        app.stop();
    }
    let app = TestApp::start(&database).await;
    assert_eq!(told(&app).await, json!(all), "at home everything is told");
    app.stop();
}

/// Money for somebody, without a faucet.
async fn fund(database: &Database, user: i64, symbol: &str) {
    let (store, catalog) = database.open_store();
    let asset = catalog.asset(symbol).expect("an asset");
    let events = EventSettings::default();
    let max_wait = Duration::from_secs(60);
    let settings = EngineSettings { queue_len: 1, batch_len: 1, max_wait, events };
    let (engine, thread) =
        engine::start(store, Arc::new(catalog), Notifiers::default(), settings).expect("a thread");
    let account = AccountKey { user: UserId(user), asset };
    let amount = Fixed::parse("1000").expect("an amount");
    engine.deposit(account, amount, 1).await.expect("a deposit");
    engine.stop().await;
    thread.join().expect("the engine ends");
}

on_both! {
    async fn production_tells_what_existing_pages_know(database: Database) {
        let provider = Provider::down();
        let given = provider.variables();
        let given = given.iter().map(|(name, value)| (*name, value.as_str()));
        // Nothing is said about any event.
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

        assert_eq!(told(&app).await, json!(["order.matched"]));
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

/// Places or cancels as a page does that names its connection.
async fn post(client: &Client, path: &str, body: &str, socket_id: &[u8]) {
    let socket_id = String::from_utf8_lossy(socket_id).into_owned();
    let headers = [("content-type", "application/json"), ("X-Socket-ID", socket_id.as_str())];
    let reply = client.send(Method::POST, path, &headers, body.as_bytes().to_vec()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

on_both! {
    async fn a_page_may_leave_itself_out_of_what_it_causes(database: Database) {
        let cases = [
            // Whether it is switched on, what the page says, and what becomes of that.
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
        for (switch, said, expected) in cases {
            let variables = [("MATCHCAST__BROADCASTING__TO_OTHERS", switch)];
            let (app, _provider) = start_telling(&database, &ALL, &variables).await;
            let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
            let placed = alice.place("BTC", "sell", "100", "0.01").await.data();
            let resting = placed["order"]["id"].as_i64().expect("an id");
            let before = database.events().len();
            let order = r#"{"symbol":"BTC","side":"buy","price":100,"amount":0.002}"#;
            post(&bob, "/api/orders", order, said.as_bytes()).await;
            post(&alice, &format!("/api/orders/{resting}/cancel"), "", said.as_bytes()).await;
            app.stop();
            let events = database.events().split_off(before);
            for row in &events {
                let own = row.name.starts_with("order.");
                let expected = if own { expected } else { None };
                assert_eq!(row.socket_id.as_deref(), expected, "{switch} {said}: {row:?}");
            }
            // Two of the trade, two of the orders in it, one of the order that was cancelled.
            let own = events.iter().filter(|row| row.name.starts_with("order."));
            assert_eq!(own.count(), 5, "{switch} {said}");
        }
        database.audit();
    }
}
