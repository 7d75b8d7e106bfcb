//! `order.matched` in the shape that a page expects: another name, other channels, and objects as
//! Laravel serializes its models. Who sees what, and what a change of the settings does to events
//! that are not delivered yet.

use std::collections::BTreeMap;

use diesel::prelude::*;
use matchcast::store::schema::{event_counters, trades, users};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::outbox::{OutboxRow, start_with_events};
use crate::support::provider::Provider;
use crate::support::receiver::Receiver;
use crate::support::wait_for;

const NAME: &str = "MATCHCAST__EVENTS__ORDER_MATCHED__NAME";
const CHANNEL: &str = "MATCHCAST__EVENTS__ORDER_MATCHED__CHANNEL";
const INCLUDE: &str = "MATCHCAST__EVENTS__ORDER_MATCHED__INCLUDE";
const OWN: &str = "MATCHCAST__EVENTS__ORDER_MATCHED__OWN_COLUMNS";
const COUNTERPARTY: &str = "MATCHCAST__EVENTS__ORDER_MATCHED__COUNTERPARTY_COLUMNS";
const DECIMALS: &str = "MATCHCAST__EVENTS__ORDER_MATCHED__DECIMALS";
const ALL_MODELS: (&str, &str) = (INCLUDE, "trade,buyer,seller");
const ALL_COLUMNS: &str =
    "id,name,email,email_verified_at,balance,locked_balance,assets,created_at,updated_at";
const LARAVEL: [(&str, &str); 2] =
    [(NAME, r"App\Events\OrderMatched"), (CHANNEL, "private-App.Models.User.{id}")];

/// Bob sells 0.04 BTC at 50,000 to alice's order of 0.1 BTC.
async fn trade(app: &TestApp) -> (Client, Client) {
    let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
    alice.place("BTC", "buy", "50000", "0.1").await.data();
    bob.place("BTC", "sell", "49000.5", "0.04").await.data();
    (alice, bob)
}

/// The events of one trade: the buyer's, and the seller's.
async fn events_of_a_trade(database: &Database, variables: &[(&str, &str)]) -> [OutboxRow; 2] {
    let (app, _provider) = start_with_events(database, &["order.matched"], variables).await;
    trade(&app).await;
    app.stop();
    database.audit();
    database.events().try_into().expect("two events")
}

fn iso(at: chrono::NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// When the trade was executed, and when the users of the demo were created and changed.
fn times(database: &Database) -> (String, BTreeMap<i64, [String; 2]>) {
    let mut c = database.connect();
    let at: chrono::NaiveDateTime = trades::table.select(trades::created_at).first(&mut c).unwrap();
    let columns = (users::id, users::created_at, users::updated_at);
    let rows: Vec<(i64, chrono::NaiveDateTime, chrono::NaiveDateTime)> =
        users::table.select(columns).load(&mut c).unwrap();
    let rows = rows.into_iter().map(|(id, created, updated)| (id, [iso(created), iso(updated)]));
    (iso(at), rows.collect())
}

/// JSON without line breaks and indentation.
fn flat(text: &str) -> String {
    text.lines().map(str::trim).collect()
}

/// The payload of the catalogue for that trade, without its last brace.
fn matched() -> String {
    flat(
        r#"{"event_id":"order.matched-1","trade_id":1,"symbol":"BTC","price":50000,"amount":0.04,
        "buyer_id":1,"seller_id":2,"buy_order_id":1,"sell_order_id":2"#,
    )
}

fn trade_model(commission: &str, at: &str) -> String {
    flat(&format!(
        r#"{{"id":1,"buy_order_id":1,"sell_order_id":2,"buyer_id":1,"seller_id":2,"symbol":"BTC",
        "price":"50000.00000000","amount":"0.04000000","commission":"{commission}",
        "created_at":"{at}","updated_at":"{at}"}}"#
    ))
}

on_both! {
    async fn the_payload_contains_models_as_laravel_serializes_them(database: Database) {
        database.number_consecutively();
        let [buyer, seller] = events_of_a_trade(&database, &[ALL_MODELS]).await;
        let (at, _) = times(&database);
        let payload = |commission: &str, of_alice: &str, of_bob: &str| {
            let (matched, trade) = (matched(), trade_model(commission, &at));
            format!(
                r#"{matched},"trade":{trade},"buyer":{{"id":1,"name":"Alice"{of_alice}}},"#
            ) + &format!(r#""seller":{{"id":2,"name":"Bob"{of_bob}}}}}"#)
        };
        let of_alice = r#","balance":"4925.00000000""#;
        assert_eq!(buyer.data, payload("30.00000000", of_alice, ""));
        let of_bob = r#","balance":"12000.00000000""#;
        assert_eq!(seller.data, payload("0.00000000", "", of_bob));
        for (row, channel) in [(&buyer, "private-user.1"), (&seller, "private-user.2")] {
            assert_eq!((row.channel.as_str(), row.name.as_str()), (channel, "order.matched"));
        }
    }

    async fn each_user_sees_all_own_columns_and_named_ones_of_the_other(database: Database) {
        database.number_consecutively();
        let variables = [
            (INCLUDE, "seller,buyer"),
            (OWN, ALL_COLUMNS),
            (COUNTERPARTY, "email,created_at,updated_at,email_verified_at"),
            (DECIMALS, "number"),
        ];
        let [buyer, seller] = events_of_a_trade(&database, &variables).await;
        let (_, users) = times(&database);
        let own = |id: i64, name: &str, email: &str, balances: &str| {
            let [created_at, updated_at] = &users[&id];
            flat(&format!(
                r#"{{"id":{id},"name":"{name}","email":"{email}","email_verified_at":null,
                {balances},"created_at":"{created_at}","updated_at":"{updated_at}"}}"#
            ))
        };
        let of_other = |id: i64, email: &str| {
            let [created_at, updated_at] = &users[&id];
            flat(&format!(
                r#"{{"email":"{email}","created_at":"{created_at}","updated_at":"{updated_at}",
                "email_verified_at":null}}"#
            ))
        };
        let alice = own(1, "Alice", "alice@example.com", r#""balance":4925,"locked_balance":3045,
            "assets":[{"symbol":"BTC","amount":0.54,"locked_amount":0},
            {"symbol":"ETH","amount":2,"locked_amount":0}]"#);
        let bob = own(2, "Bob", "bob@example.com", r#""balance":12000,"locked_balance":0,
            "assets":[{"symbol":"BTC","amount":0.96,"locked_amount":0},
            {"symbol":"ETH","amount":5,"locked_amount":0}]"#);
        let (alice_to_bob, bob_to_alice) =
            (of_other(1, "alice@example.com"), of_other(2, "bob@example.com"));
        let matched = matched();
        let expected = format!(r#"{matched},"buyer":{alice},"seller":{bob_to_alice}}}"#);
        assert_eq!(buyer.data, expected);
        let expected = format!(r#"{matched},"buyer":{alice_to_bob},"seller":{bob}}}"#);
        assert_eq!(seller.data, expected);
    }

    async fn no_payload_contains_a_password_or_more_of_the_other_user(database: Database) {
        let variables = [ALL_MODELS, (OWN, ALL_COLUMNS)];
        let [buyer, seller] = events_of_a_trade(&database, &variables).await;
        for (row, own, other) in [(&buyer, "buyer", "seller"), (&seller, "seller", "buyer")] {
            for word in ["password", "token", "$argon2", "$2y$"] {
                assert!(!row.data.contains(word), "{}", row.data);
            }
            let event = row.json();
            let keys = |user: &str| -> Vec<String> {
                event[user].as_object().unwrap().keys().cloned().collect()
            };
            assert_eq!(keys(own).len(), 9);
            assert_eq!(keys(other), ["id", "name"]);
        }
    }

    async fn the_balances_are_those_after_the_trade(database: Database) {
        let file = "[[markets]]\nsymbol = \"ETH/BTC\"\n";
        let provider = Provider::down();
        let given = provider.variables();
        let given = given.iter().map(|(name, value)| (*name, value.as_str()));
        let more = [ALL_MODELS, (OWN, "balance,locked_balance,assets"), (DECIMALS, "number")];
        let variables: Vec<(&str, &str)> = given.chain(more).collect();
        let app = TestApp::start_from(&database, &variables, Some(file)).await;
        let (alice, bob) = trade(&app).await;
        alice.place("BTC", "sell", "60000", "0.2").await.data();
        bob.place("BTC", "sell", "50001", "0.01").await.data();
        bob.place("BTC", "sell", "50002", "0.01").await.data();
        // Two trades of one transaction: both events have the state at its end.
        alice.place("BTC", "buy", "50002", "0.02").await.data();
        check_newest(&database, &alice, "buyer", 2).await;
        check_newest(&database, &bob, "seller", 2).await;
        // USD is no part of this market.
        alice.place("ETH/BTC", "sell", "0.05", "1").await.data();
        bob.place("ETH/BTC", "buy", "0.05", "1").await.data();
        check_newest(&database, &alice, "seller", 1).await;
        check_newest(&database, &bob, "buyer", 1).await;
        app.stop();
        database.audit();
    }
}

/// The user's balances in the newest events are those of the API.
async fn check_newest(database: &Database, client: &Client, model: &str, count: usize) {
    let channel = format!("private-user.{}", client.user_id);
    let mut rows = database.events();
    rows.retain(|row| row.channel == channel);
    let profile = client.get("/api/profile").await.data();
    let expected = json!({
        "balance": profile["balance"],
        "locked_balance": profile["locked_balance"],
        "assets": profile["asset_balances"],
    });
    for row in &rows[rows.len() - count..] {
        assert_eq!(row.json()[model], expected, "{model} of {}", row.data);
    }
}

on_both! {
    async fn the_channel_is_that_of_all_events_of_users(database: Database) {
        database.number_consecutively();
        let kinds = ["order.matched", "order.updated", "balance.updated", "trade.executed"];
        let (app, _provider) = start_with_events(&database, &kinds, &LARAVEL).await;
        let settings = app.visitor().get("/api/config").await.data();
        let laravel = r"App\Events\OrderMatched";
        assert_eq!(settings["events"], json!([laravel, kinds[1], kinds[2], kinds[3]]));
        assert_eq!(settings["event_names"], json!({
            "order.matched": laravel, "order.updated": kinds[1], "balance.updated": kinds[2],
            "trade.executed": kinds[3],
        }));
        trade(&app).await;
        app.stop();
        let rows = database.events();
        for row in &rows {
            let is_public = row.name == "trade.executed";
            let is_of_user = row.channel.starts_with("private-App.Models.User.");
            assert!(is_of_user || is_public && row.channel == "market.BTC", "{row:?}");
        }
        let renamed: Vec<&OutboxRow> = rows.iter().filter(|row| row.name == laravel).collect();
        assert_eq!(renamed.len(), 2);
        for row in renamed {
            let of_the_catalogue = format!("{}}}", matched());
            assert_eq!(row.data, of_the_catalogue);
        }
        database.audit();
    }

    async fn webhooks_get_the_payload_of_the_catalogue_under_its_name(database: Database) {
        database.number_consecutively();
        let variables = [LARAVEL[0], ALL_MODELS];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = app.log_in("alice").await;
        let receiver = Receiver::start().await;
        let body = json!({ "url": receiver.url(), "events": ["order.matched"] }).to_string();
        assert_eq!(alice.post("/api/webhooks", &body).await.status, 201);
        let other_name = json!({ "url": receiver.url(), "events": [LARAVEL[0].1] }).to_string();
        assert_eq!(alice.post("/api/webhooks", &other_name).await.status, 422);
        trade(&app).await;
        let posted = wait_for("a request at the receiver", || async {
            receiver.received().first().map(|one| one.json())
        }).await;
        assert_eq!(posted["type"], "order.matched");
        let expected: Value = serde_json::from_str(&format!("{}}}", matched())).unwrap();
        assert_eq!(posted["data"], expected);
        app.stop();
    }

    async fn events_of_earlier_settings_are_delivered_as_they_were_written(database: Database) {
        let mut provider = Provider::down();
        let given = provider.variables();
        let given: Vec<(&str, &str)> =
            given.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let shapes: [&[(&str, &str)]; 3] = [
            &[],
            &[(NAME, "OrderMatched"), (CHANNEL, "private-users.{id}"), ALL_MODELS],
            &LARAVEL,
        ];
        let mut written = Vec::new();
        for (number, shape) in shapes.into_iter().enumerate() {
            let app = TestApp::start_with(&database, &[&given[..], shape].concat()).await;
            let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
            alice.place("BTC", "buy", "100", "0.01").await.data();
            bob.place("BTC", "sell", "100", "0.01").await.data();
            if number == 2 {
                written = database.events();
                assert_eq!(written.len(), 6, "nothing was delivered yet");
                // The process with the last settings delivers all of them.
                provider.listen();
                wait_for("all events", || async {
                    (provider.received_count() >= 6).then_some(())
                }).await;
            }
            app.stop();
        }
        let received = provider.received();
        for prefix in ["private-user.", "private-users.", "private-App.Models.User."] {
            for user in 1..=2 {
                let channel = format!("{prefix}{user}");
                let row = written.iter().find(|row| row.channel == channel).expect(&channel);
                let event = received.iter().find(|event| event.channel == channel).expect(&channel);
                assert_eq!(event.name, row.name);
                assert_eq!(event.event_id, row.event_id());
            }
        }
        let names: Vec<&str> = written.iter().map(|row| row.name.as_str()).collect();
        let laravel = LARAVEL[0].1;
        assert_eq!(names, [
            "order.matched", "order.matched", "OrderMatched", "OrderMatched", laravel, laravel,
        ]);
        database.audit();
    }

    async fn events_on_unoccupied_channels_are_skipped_and_counted(database: Database) {
        let provider = Provider::start().await;
        let given = provider.variables();
        let given = given.iter().map(|(name, value)| (*name, value.as_str()));
        let only_occupied = ("MATCHCAST__BROADCASTING__ONLY_OCCUPIED", "true");
        let shape = [(NAME, "OrderMatched"), (CHANNEL, "private-users.{id}"), only_occupied];
        let variables: Vec<(&str, &str)> = given.chain(shape).collect();
        let app = TestApp::start_with(&database, &variables).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let fields = "socket_id=1.2&channel_name=private-users.1";
        assert_eq!(alice.post_form("/api/broadcasting/auth", fields).await.status, 200);
        // Until the provider's list is stored, every event is sent.
        wait_for("an event of bob to be skipped", || async {
            alice.place("BTC", "buy", "100", "0.001").await.data();
            bob.place("BTC", "sell", "100", "0.001").await.data();
            skipped(&database).contains_key("OrderMatched").then_some(())
        })
        .await;
        app.stop();
        let of_alice = provider.received();
        let of_alice = of_alice.iter().filter(|event| event.channel == "private-users.1");
        assert_eq!(of_alice.count(), database.trades().len(), "hers are delivered");
        database.audit();
    }
}

/// The numbers of skipped events by name, without zeros.
fn skipped(database: &Database) -> BTreeMap<String, i64> {
    let columns = (event_counters::name, event_counters::skipped);
    let rows = event_counters::table.filter(event_counters::skipped.gt(0)).select(columns);
    let rows: Vec<(String, i64)> = rows.load(&mut database.connect()).unwrap();
    rows.into_iter().collect()
}
