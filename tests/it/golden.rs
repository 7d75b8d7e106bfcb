//! The exact response bodies of the REST contract: keys, types and the format of numbers.
//!
//! Expected bodies are texts, and numbers are compared digit by digit: 50000 is neither 50000.0 nor
//! "50000". Values that differ from run to run are written in angle brackets, and only their format
//! is checked.

use std::collections::{BTreeMap, BTreeSet};

use matchcast::market::Fixed;
use reqwest::Method;
use serde_json::Value;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Response;

const JSON: (&str, &str) = ("content-type", "application/json");

/// The response has this status and this body, except for values in angle brackets.
pub fn check(response: &Response, status: u16, expected: &str) {
    assert_eq!(response.status, status, "{}", response.body);
    assert_eq!(response.header("content-type"), Some("application/json"), "{}", response.body);
    let expected: Value = serde_json::from_str(expected).expect(expected);
    let mut found = response.json();
    replace_formatted(&mut found);
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    assert!(found == expected, "found {}\nexpected {}", pretty(&found), pretty(&expected));
}

/// Replaces each text that has a known format by the name of the format.
fn replace_formatted(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(name) = format_of(text) {
                name.clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(replace_formatted),
        Value::Object(fields) => fields.values_mut().for_each(replace_formatted),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn format_of(text: &str) -> Option<&'static str> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    match shape.as_str() {
        "9999-99-99T99:99:99.999999Z" => return Some("<time>"),
        "9999-99-99 99:99:99" => return Some("<plain time>"),
        _ => {}
    }
    let (id, secret) = text.split_once('|')?;
    let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
    let is_secret = secret.len() >= 40 && secret.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_id && is_secret).then_some("<token>")
}

#[test]
fn formats_are_exact() {
    for (text, expected) in [
        ("2026-01-31T10:00:00.000000Z", Some("<time>")),
        ("2026-01-31T10:00:00.000Z", None),
        ("2026-01-31T10:00:00.000000+00:00", None),
        ("2026-01-31 10:00:00", Some("<plain time>")),
        ("1|0123456789012345678901234567890123456789", Some("<token>")),
        ("0123456789012345678901234567890123456789", None),
    ] {
        assert_eq!(format_of(text), expected, "{text}");
    }
}

const ALICE: &str = r#"{"id":1,"name":"Alice","email":"alice@example.com","balance":10000,
    "email_verified_at":null,"created_at":"<time>","updated_at":"<time>"}"#;

on_both! {
    async fn login_and_logout_have_exact_bodies(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        let login = |password: &str| {
            format!(r#"{{"email":"Alice@Example.com","password":"{password}"}}"#)
        };
        let response = visitor.post("/api/login", &login("password")).await;
        check(&response, 200, &format!(
            r#"{{"success":true,"message":"Login successful","token":"<token>","user":{ALICE},
                "data":{{"token":"<token>","user":{ALICE}}}}}"#
        ));
        assert_eq!(response.json()["token"], response.json()["data"]["token"]);

        check(&visitor.post("/api/login", &login("wrong")).await, 422,
            r#"{"success":false,"code":"validation_failed",
                "message":"The provided credentials are incorrect.",
                "errors":{"email":["The provided credentials are incorrect."]}}"#);

        let alice = app.log_in("alice").await;
        check(&alice.get("/api/user").await, 200, &format!(
            r#"{{"success":true,"message":"User retrieved successfully","data":{ALICE}}}"#
        ));
        check(&alice.post("/api/logout", "").await, 200,
            r#"{"success":true,"message":"Successfully logged out"}"#);
        check(&alice.get("/api/user").await, 401,
            r#"{"success":false,"code":"unauthenticated","message":"Unauthenticated."}"#);
        app.stop();
    }

    async fn registration_has_exact_bodies(database: Database) {
        let app = TestApp::start(database.number_consecutively()).await;
        let visitor = app.visitor();
        let dora = r#"{"name":"Dora","email":"Dora@example.com","password":"pass word",
            "password_confirmation":"pass word"}"#;
        let user = r#"{"id":4,"name":"Dora","email":"dora@example.com","balance":0,
            "email_verified_at":null,"created_at":"<time>","updated_at":"<time>"}"#;
        check(&visitor.post("/api/register", dora).await, 201, &format!(r#"{{"success":true,
            "message":"Registration successful","token":"<token>","user":{user},
            "data":{{"token":"<token>","user":{user}}}}}"#));
        check(&visitor.post("/api/register", dora).await, 422,
            r#"{"success":false,"code":"validation_failed",
                "message":"The email has already been taken.",
                "errors":{"email":["The email has already been taken."]}}"#);
        check(&visitor.post("/api/register", "{}").await, 422,
            r#"{"success":false,"code":"validation_failed",
                "message":"The name field is required. (and 2 more errors)","errors":{
                "name":["The name field is required."],
                "email":["The email field is required."],
                "password":["The password field is required."]}}"#);
        let short = r#"{"name":"E","email":"e@example.com","password":"short"}"#;
        check(&visitor.post("/api/register", short).await, 422,
            r#"{"success":false,"code":"validation_failed",
                "message":
                    "The password field must be at least 8 characters. (and 1 more error)",
                "errors":{"password":["The password field must be at least 8 characters.",
                "The password field confirmation does not match."]}}"#);
        app.stop();
    }

    async fn profile_and_faucet_have_exact_bodies(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        alice.place("ETH", "sell", "1e9", "0.00000001").await.data();
        check(&alice.get("/api/profile").await, 200,
            r#"{"success":true,"message":"Profile retrieved successfully","data":{
                "id":1,"name":"Alice","email":"alice@example.com","balance":10000,
                "locked_balance":0,"asset_balances":[
                {"symbol":"BTC","amount":0.5,"locked_amount":0},
                {"symbol":"ETH","amount":1.99999999,"locked_amount":0.00000001}]}}"#);
        let small = bob.post("/api/faucet", r#"{"currency":"USD","amount":"1e-8"}"#).await;
        check(&small, 200,
            r#"{"success":true,"message":"Account funded successfully",
                "data":{"currency":"USD","amount":0.00000001,"balance":10000.00000001}}"#);
        assert!(small.body.contains(r#""amount":0.00000001,"balance":10000.00000001"#));
        check(&bob.post("/api/faucet", r#"{"currency":"ETH"}"#).await, 200,
            r#"{"success":true,"message":"Account funded successfully",
                "data":{"currency":"ETH","amount":10,"balance":15}}"#);
        app.stop();
    }
}

on_both! {
    async fn an_open_order_has_exact_bodies(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let placed = alice.place("BTC", "buy", "50000.00", "\"0.10\"").await;
        check(&placed, 200,
            r#"{"success":true,"message":"Order created successfully","data":{"order":{
                "id":1,"user_id":1,"symbol":"BTC","side":"buy","price":50000,"amount":0.1,
                "filled_amount":0,"status":1,"cancel_reason":null,"client_order_id":null,
                "average_price":null,"commission":0,
                "type":"limit","time_in_force":"gtc","post_only":false,"expires_at":null,
                "prevented_amount":0,"quote_amount":null,"stop_price":null,"is_waiting":false,
                "cancelled_at":null,"created_at":"<time>","updated_at":"<time>"},
                "trade":null,"trades":[],"trade_count":0,
                "prevented_trades":[]}}"#);
        assert!(placed.body.contains(r#""price":50000,"amount":0.1,"filled_amount":0,"#));

        let bob = app.log_in("bob").await;
        bob.place("BTC", "sell", "51000", "1e-8").await.data();
        bob.place("BTC", "sell", "50999.5", "0.25").await.data();
        bob.place("BTC", "buy", "49000", "0.01").await.data();
        let book = alice.get("/api/orders?symbol=BTC").await;
        check(&book, 200,
            r#"{"success":true,"message":"Orders retrieved successfully","data":{"asks":[
                {"price":50999.5,"amount":0.25,"side":"sell","user_id":2},
                {"price":51000,"amount":0.00000001,"side":"sell","user_id":2}],"bids":[
                {"price":50000,"amount":0.1,"side":"buy","user_id":1},
                {"price":49000,"amount":0.01,"side":"buy","user_id":2}]}}"#);
        assert!(book.body.contains(r#""price":51000,"amount":0.00000001,"#), "{}", book.body);
        check(&alice.get("/api/orders?symbol=ETH").await, 200,
            r#"{"success":true,"message":"Orders retrieved successfully",
                "data":{"asks":[],"bids":[]}}"#);
        check(&alice.get("/api/orders").await, 422,
            r#"{"success":false,"code":"validation_failed","message":"Symbol is required",
                "errors":{"symbol":["Symbol is required"]}}"#);

        check(&alice.cancel(1).await, 200,
            r#"{"success":true,"message":"Order cancelled successfully"}"#);
        check(&alice.cancel(1).await, 400,
            r#"{"success":false,"code":"order_not_open",
                "message":"Only open orders can be cancelled."}"#);
        for (order, owner) in [(2, "bob"), (99, "nobody")] {
            let response = alice.cancel(order).await;
            assert_eq!(response.status, 404, "an order of {owner}");
            check(&response, 404,
                r#"{"success":false,"code":"order_not_found","message":"Order not found."}"#);
        }
        check(&alice.get("/api/my-orders").await, 200,
            r#"{"success":true,"message":"User orders retrieved successfully","data":[{"id":1,
                "symbol":"BTC","side":"buy","price":50000,"amount":0.1,"filled_amount":0,
                "status":3,"cancel_reason":"user","client_order_id":null,
                "average_price":null,"commission":0,
                "type":"limit","time_in_force":"gtc","post_only":false,"expires_at":null,
                "prevented_amount":0,"quote_amount":null,"stop_price":null,"is_waiting":false,
                "created_at":"<time>","updated_at":"<time>",
                "date":"<plain time>","cancelled_at":"<plain time>"}]}"#);
        app.stop();
        database.audit();
    }

    async fn a_trade_has_exact_bodies(database: Database) {
        let app = TestApp::start(database.number_consecutively()).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        bob.place("BTC", "sell", "50000", "0.1").await.data();
        bob.place("BTC", "sell", "50000.5", "0.2").await.data();
        check(&alice.place("BTC", "buy", "51000", "0.12").await, 200,
            r#"{"success":true,"message":"Order created successfully","data":{"order":{
                "id":3,"user_id":1,"symbol":"BTC","side":"buy","price":51000,"amount":0.12,
                "filled_amount":0.12,"status":2,"cancel_reason":null,"client_order_id":null,
                "average_price":50000.08333333,"commission":90.00015,
                "type":"limit","time_in_force":"gtc","post_only":false,"expires_at":null,
                "prevented_amount":0,"quote_amount":null,"stop_price":null,"is_waiting":false,
                "cancelled_at":null,"created_at":"<time>","updated_at":"<time>"},
                "trade":{"id":1,"sequence":1,"buy_order_id":3,
                "sell_order_id":1,"buyer_id":1,"seller_id":2,"symbol":"BTC","price":50000,
                "amount":0.1,"created_at":"<time>","updated_at":"<time>"},"trades":[
                {"id":1,"sequence":1,"buy_order_id":3,"sell_order_id":1,"buyer_id":1,"seller_id":2,
                "symbol":"BTC","price":50000,"amount":0.1,"created_at":"<time>",
                "updated_at":"<time>"},{"id":2,"sequence":2,"buy_order_id":3,"sell_order_id":2,
                "buyer_id":1,"seller_id":2,"symbol":"BTC","price":50000.5,"amount":0.02,
                "created_at":"<time>","updated_at":"<time>"}],"trade_count":2,
                "prevented_trades":[]}}"#);
        check(&bob.get("/api/my-orders").await, 200,
            r#"{"success":true,"message":"User orders retrieved successfully","data":[
                {"id":2,"symbol":"BTC","side":"sell","price":50000.5,"amount":0.2,
                "filled_amount":0.02,"status":1,"cancel_reason":null,"client_order_id":null,
                "average_price":50000.5,"commission":0,
                "type":"limit","time_in_force":"gtc","post_only":false,"expires_at":null,
                "prevented_amount":0,"quote_amount":null,"stop_price":null,"is_waiting":false,
                "created_at":"<time>","updated_at":"<time>",
                "date":"<plain time>","cancelled_at":null},
                {"id":1,"symbol":"BTC","side":"sell","price":50000,"amount":0.1,
                "filled_amount":0.1,"status":2,"cancel_reason":null,"client_order_id":null,
                "average_price":50000,"commission":0,
                "type":"limit","time_in_force":"gtc","post_only":false,"expires_at":null,
                "prevented_amount":0,"quote_amount":null,"stop_price":null,"is_waiting":false,
                "created_at":"<time>","updated_at":"<time>",
                "date":"<plain time>","cancelled_at":null}]}"#);
        check(&alice.place("BTC", "buy", "50000", "1").await, 400,
            r#"{"success":false,"code":"insufficient_funds",
                "message":"Insufficient USD balance for this buy order."}"#);
        check(&alice.place("BTC", "sell", "50000", "1").await, 400,
            r#"{"success":false,"code":"insufficient_funds",
                "message":"Insufficient asset balance for this sell order."}"#);
        app.stop();
        database.audit();
    }
}

on_both! {
    async fn the_balance_history_has_exact_bodies(database: Database) {
        let commission = [("MATCHCAST__COMMISSION__SELLER", "0.001")];
        let app = TestApp::start_with(database.number_consecutively(), &commission).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        alice.place("BTC", "buy", "50000", "0.1").await.data();
        alice.place("BTC", "buy", "100", "1").await.data();
        alice.cancel(2).await;
        bob.place("BTC", "sell", "49000", "0.04").await.data();
        let row = |id, balance, action, credit, debit, taken, description, reference, symbol| {
            let (value, commission) = taken;
            let (kind, reference) = reference;
            format!(
                r#"{{"id":{id},"currency":"{symbol}","balance":{balance},"action":"{action}",
                    "credit":{credit},"debit":{debit},"value":{value},"commission":{commission},
                    "description":"{description}","reference_type":{kind},
                    "reference_id":{reference},"date":"<time>"}}"#
            )
        };
        let (order_1, order_2) = ((r#""Order""#, "1"), (r#""Order""#, "2"));
        let (trade, none) = ((r#""Trade""#, "1"), ("null", "null"));
        let nothing = ("null", "null");
        let usd = [
            row(14, "4925", "trade_completed", "0", "0", ("2000", "30"),
                "Trade #1: 2030 USD out of what was reserved", trade, "USD"),
            row(12, "4925", "order_cancelled", "101.5", "0", nothing,
                "Order #2 cancelled: 101.5 USD given back", order_2, "USD"),
            row(11, "4823.5", "order_reserved", "0", "101.5", nothing,
                "Reserved 101.5 USD for order #2", order_2, "USD"),
            row(10, "4925", "order_reserved", "0", "5075", nothing,
                "Reserved 5075 USD for order #1", order_1, "USD"),
            row(1, "10000", "deposit", "10000", "0", nothing,
                "Deposit of 10000 USD", none, "USD"),
        ];
        let body = |rows: &[String]| {
            let message = "Balance history retrieved successfully";
            format!(r#"{{"success":true,"message":"{message}","data":[{}]}}"#, rows.join(","))
        };
        check(&alice.get("/api/balance-history").await, 200, &body(&usd));
        let btc = [
            row(15, "0.54", "trade_completed", "0.04", "0", ("2000", "30"),
                "Trade #1: 0.04 BTC received", trade, "BTC"),
            row(2, "0.5", "deposit", "0.5", "0", nothing, "Deposit of 0.5 BTC", none, "BTC"),
        ];
        check(&alice.get("/api/balance-history?currency=BTC").await, 200, &body(&btc));
        let seller = [
            row(17, "11998", "trade_completed", "1998", "0", ("2000", "2"),
                "Trade #1: 1998 USD received", trade, "USD"),
            row(4, "10000", "deposit", "10000", "0", nothing,
                "Deposit of 10000 USD", none, "USD"),
        ];
        check(&bob.get("/api/balance-history").await, 200, &body(&seller));
        check(&alice.get("/api/balance-history?currency=XYZ").await, 422,
            r#"{"success":false,"code":"validation_failed",
                "message":"The selected currency is invalid.",
                "errors":{"currency":["The selected currency is invalid."]}}"#);
        app.stop();
        database.audit();
    }

    async fn each_balance_in_the_history_follows_from_the_previous_one(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        bob.place("BTC", "sell", "100", "0.1").await.data();
        alice.place("BTC", "buy", "120.12345678", "0.3").await.data();
        bob.place("BTC", "sell", "99", "0.05").await.data();
        alice.cancel(2).await;
        bob.place("ETH", "buy", "0.00000003", "0.5").await.data();
        for person in [&alice, &bob] {
            let rows = person.get("/api/balance-history?currency=all").await.data();
            let rows = rows.as_array().unwrap();
            let number = |row: &Value, key: &str| {
                Fixed::parse(&row[key].to_string()).unwrap().units()
            };
            let mut balances = BTreeMap::<&str, i64>::new();
            for row in rows.iter().rev() {
                let balance = balances.entry(row["currency"].as_str().unwrap()).or_default();
                *balance += number(row, "credit") - number(row, "debit");
                assert_eq!(number(row, "balance"), *balance, "{row}");
            }
            let actions = rows.iter().map(|row| row["action"].as_str().unwrap());
            let actions: BTreeSet<&str> = actions.collect();
            assert!(actions.contains("order_reserved") && actions.contains("trade_completed"));
            assert_eq!(actions.contains("order_refund"), person.user_id == 1, "{actions:?}");
            assert_eq!(balances.len(), 3);
        }
        app.stop();
        database.audit();
    }

    async fn channel_authorization_has_exact_bodies(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let own = alice
            .post_form("/api/broadcasting/auth", "socket_id=1.2&channel_name=private-user.1")
            .await;
        assert_eq!(own.status, 200);
        let body = own.json();
        let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["auth"]);
        let (key, signature) = body["auth"].as_str().unwrap().split_once(':').unwrap();
        assert_eq!((key, signature.len()), ("local", 64));

        let other = alice
            .post_form("/api/broadcasting/auth", "socket_id=1.2&channel_name=private-user.2")
            .await;
        check(&other, 403,
            r#"{"success":false,"code":"forbidden",
                "message":"You are not allowed to listen to this channel."}"#);
        let malformed = alice
            .post_form("/api/broadcasting/auth", "socket_id=1&channel_name=private-user.1")
            .await;
        check(&malformed, 422,
            r#"{"success":false,"code":"validation_failed",
                "message":"The socket id field format is invalid.",
                "errors":{"socket_id":["The socket id field format is invalid."]}}"#);
        app.stop();
    }

    async fn unknown_paths_and_values_have_exact_bodies(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        check(&alice.get("/api/nothing").await, 404,
            r#"{"success":false,"code":"not_found","message":"Not found."}"#);
        check(&alice.send(Method::PATCH, "/api/orders", &[JSON], Vec::new()).await, 405,
            r#"{"success":false,"code":"method_not_allowed",
                "message":"This method is not allowed here."}"#);
        check(&alice.place("XYZ", "buy", "-1", "null").await, 422,
            r#"{"success":false,"code":"validation_failed",
                "message":"The selected symbol is invalid. (and 2 more errors)","errors":{
                "symbol":["The selected symbol is invalid."],
                "price":["The price field must be at least 0.00000001."],
                "amount":["The amount field is required."]}}"#);
        app.stop();
    }
}
