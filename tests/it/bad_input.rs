//! Invalid input is rejected with a clear 4xx in JSON that names the field. It changes nothing, and
//! the server keeps working.

use reqwest::Method;
use serde_json::Value;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};

const JSON: (&str, &str) = ("content-type", "application/json");

/// All state that the API shows and an invalid request must not change: balances, orders, histories
/// and order books.
pub async fn visible_state(people: &[&Client]) -> Vec<String> {
    let mut seen = Vec::new();
    for person in people {
        for path in ["/api/profile", "/api/my-orders", "/api/balance-history?currency=all"] {
            seen.push(person.get(path).await.data().to_string());
        }
    }
    for symbol in ["BTC", "ETH"] {
        let book = people[0].get(&format!("/api/orders?symbol={symbol}")).await;
        seen.push(book.data().to_string());
    }
    seen
}

/// The error response has this status, is JSON with a stable code, and reveals no internals.
pub fn check_error(response: &Response, status: u16, case: &str) -> Value {
    assert_eq!(response.status, status, "{case}: {}", response.body);
    assert_eq!(response.header("content-type"), Some("application/json"), "{case}");
    let body = response.json();
    assert_eq!(body["success"], false, "{case}: {body}");
    assert!(body["code"].is_string() && body["message"].is_string(), "{case}: {body}");
    for internal in ["SQL", "sql", "src/", "panick", "diesel", "Error(", "serde"] {
        assert!(!response.body.contains(internal), "{case} reveals internals: {body}");
    }
    body
}

/// A 422 that names this field and no other.
fn check_field(response: &Response, field: &str, case: &str) {
    let body = check_error(response, 422, case);
    let errors = body["errors"].as_object().expect("errors by field");
    assert_eq!(errors.keys().collect::<Vec<_>>(), [field], "{case}: {body}");
    let words = field.replace('_', " ");
    let first = errors[field][0].as_str().expect("a sentence");
    assert!(first.contains(&words), "{case}: {first} does not name {words}");
    assert!(body["message"].as_str().is_some_and(|text| text.starts_with(first)), "{case}: {body}");
}

/// JSON values that are invalid as a price and as an amount.
const INVALID_NUMBERS: [&str; 36] = [
    "null",
    r#""""#,
    r#"" ""#,
    "[]",
    "[1]",
    "{}",
    r#"{"a":1}"#,
    "true",
    "false",
    r#""abc""#,
    "NaN",
    r#""NaN""#,
    "Infinity",
    "-Infinity",
    r#""Infinity""#,
    "1e400",
    r#""1e400""#,
    "-1e400",
    "-1",
    r#""-1""#,
    "0",
    "-0",
    "0.0",
    "0.000000001",
    "0.123456789",
    "1e-9",
    r#""1e-9""#,
    "1e-400",
    "1e99999999999999999999",
    "1e-99999999999999999999",
    "92233720368.54775808",
    "99999999999999999999999999999999999999",
    r#""0x10""#,
    r#""1,5""#,
    r#""１""#,
    r#""1 000""#,
];

on_both! {
    async fn an_invalid_number_is_rejected_with_its_field(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        bob.place("BTC", "sell", "60000", "0.1").await.data();
        let before = visible_state(&[&alice, &bob]).await;
        for value in INVALID_NUMBERS {
            check_field(&alice.place("BTC", "buy", value, "0.1").await, "price", value);
            check_field(&alice.place("BTC", "sell", "50000", value).await, "amount", value);
            let faucet = format!(r#"{{"currency":"USD","amount":{value}}}"#);
            if !["null", r#""""#, r#"" ""#].contains(&value) {
                check_field(&alice.post("/api/faucet", &faucet).await, "amount", value);
            }
        }
        let missing = [
            (r#"{"side":"buy","price":1,"amount":1}"#, "symbol"),
            (r#"{"symbol":"BTC","price":1,"amount":1}"#, "side"),
            (r#"{"symbol":"BTC","side":"buy","amount":1}"#, "price"),
            (r#"{"symbol":"BTC","side":"buy","price":1}"#, "amount"),
        ];
        for (body, field) in missing {
            check_field(&alice.post("/api/orders", body).await, field, body);
        }
        // Each is in range, but their product is not.
        let product = alice.place("BTC", "buy", "92233720368", "92233720368").await;
        let body = check_error(&product, 422, "the product");
        assert!(body["errors"]["amount"].is_array(), "{body}");
        assert_eq!(visible_state(&[&alice, &bob]).await, before);
        app.stop();
        database.audit();
    }

    async fn a_number_is_accepted_in_any_notation(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let exact = [
            ("1e-8", "0.00000001"),
            ("1E-8", "0.00000001"),
            (r#""1e-8""#, "0.00000001"),
            (r#""5e-2""#, "0.05"),
            (r#""0.10""#, "0.1"),
            ("0.100000000000", "0.1"),
            ("100e-3", "0.1"),
            ("1.0", "1"),
            ("1", "1"),
            (r#"" 0.5 ""#, "0.5"),
            ("0.00000001000", "0.00000001"),
        ];
        for (written, expected) in exact {
            let placed = alice.place("ETH", "buy", "1", written).await.data();
            assert_eq!(placed["order"]["amount"].to_string(), expected, "{written}");
            let placed = alice.place("ETH", "buy", written, "1").await.data();
            assert_eq!(placed["order"]["price"].to_string(), expected, "{written}");
        }
        let form = "symbol=ETH&side=buy&price=5e1&amount=0.5";
        let placed = alice.post_form("/api/orders", form).await.data();
        assert_eq!(placed["order"]["price"].to_string(), "50");
        app.stop();
        database.audit();
    }

    async fn a_number_that_javascript_computed_is_the_intended_number(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        // 0.1 + 0.2 and 1 - 0.9
        for (written, expected) in [("0.30000000000000004", "0.3"), ("0.09999999999999998", "0.1")]
        {
            let placed = alice.place("ETH", "buy", written, written).await.data();
            assert_eq!(placed["order"]["amount"].to_string(), expected, "{written}");
            assert_eq!(placed["order"]["price"].to_string(), expected, "{written}");
            let faucet = format!(r#"{{"currency":"ETH","amount":{written}}}"#);
            let funded = alice.post("/api/faucet", &faucet).await.data();
            assert_eq!(funded["amount"].to_string(), expected, "{written}");
            let text = format!(r#""{written}""#);
            check_field(&alice.place("ETH", "buy", "1", &text).await, "amount", &text);
        }
        app.stop();
        database.audit();
    }

    async fn further_decimals_can_be_truncated(database: Database) {
        let truncate = [("MATCHCAST__MARKET__EXCESS_DECIMALS", "truncate")];
        let app = TestApp::start_with(&database, &truncate).await;
        let alice = app.log_in("alice").await;
        for (written, expected) in [
            ("0.123456789", "0.12345678"),
            (r#""0.999999999""#, "0.99999999"),
            ("33.333333333333336", "33.33333333"),
            ("0.30000000000000004", "0.3"),
        ] {
            let placed = alice.place("ETH", "buy", written, written).await.data();
            assert_eq!(placed["order"]["amount"].to_string(), expected, "{written}");
            assert_eq!(placed["order"]["price"].to_string(), expected, "{written}");
        }
        for written in ["0.000000009", "1e-400", r#""-0.000000001""#] {
            check_field(&alice.place("ETH", "buy", "1", written).await, "amount", written);
        }
        app.stop();
        database.audit();
    }

    async fn an_invalid_text_is_rejected_with_its_field(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let before = visible_state(&[&alice]).await;
        let long = format!(r#""{}""#, "x".repeat(5000));
        let invalid_texts =
            ["null", r#""""#, r#""  ""#, "[]", "{}", "true", "1", r#""a\u0000b""#, &long];
        for value in invalid_texts {
            let with = |template: &str| template.replace('?', value);
            let symbol = with(r#"{"symbol":?,"side":"buy","price":1,"amount":1}"#);
            check_field(&alice.post("/api/orders", &symbol).await, "symbol", &symbol);
            let side = with(r#"{"symbol":"BTC","side":?,"price":1,"amount":1}"#);
            check_field(&alice.post("/api/orders", &side).await, "side", &side);
            let currency = with(r#"{"currency":?}"#);
            check_field(&alice.post("/api/faucet", &currency).await, "currency", &currency);
            let email = with(r#"{"email":?,"password":"password"}"#);
            check_field(&app.visitor().post("/api/login", &email).await, "email", &email);
            let name = with(
                r#"{"name":?,"email":"n@example.com","password":"password",
                    "password_confirmation":"password"}"#,
            );
            check_field(&app.visitor().post("/api/register", &name).await, "name", &name);
            let socket = with(r#"{"socket_id":?,"channel_name":"private-user.1"}"#);
            let response = alice.post("/api/broadcasting/auth", &socket).await;
            check_field(&response, "socket_id", &socket);
        }
        let unknown = [
            (r#"{"symbol":"XYZ","side":"buy","price":1,"amount":1}"#, "symbol"),
            (r#"{"symbol":"btc","side":"buy","price":1,"amount":1}"#, "symbol"),
            (r#"{"symbol":"USD","side":"buy","price":1,"amount":1}"#, "symbol"),
            (r#"{"symbol":"BTC","side":"BUY","price":1,"amount":1}"#, "side"),
            (r#"{"symbol":"BTC","side":"hold","price":1,"amount":1}"#, "side"),
        ];
        for (body, field) in unknown {
            check_field(&alice.post("/api/orders", body).await, field, body);
        }
        for path in ["/api/orders", "/api/orders?symbol=", "/api/orders?symbol=XYZ"] {
            let body = check_error(&alice.get(path).await, 422, path);
            assert!(body["errors"]["symbol"].is_array(), "{body}");
        }
        let response = alice.get("/api/balance-history?currency=%00").await;
        check_field(&response, "currency", "NUL");
        assert_eq!(visible_state(&[&alice]).await, before);
        app.stop();
    }

    async fn an_invalid_registration_is_rejected_with_its_field(database: Database) {
        let app = TestApp::start(&database).await;
        let (visitor, long) = (app.visitor(), "x".repeat(256));
        let cases = [
            ("email", "not-an-address", "password", "password"),
            ("email", "a@b", "password", "password"),
            ("email", "@example.com", "password", "password"),
            ("email", "a b@example.com", "password", "password"),
            ("email", "a@b@example.com", "password", "password"),
            ("email", "a@example..com", "password", "password"),
            ("email", "ALICE@example.com", "password", "password"),
            ("email", &format!("{long}@example.com"), "password", "password"),
            ("password", "n@example.com", "1234567", "1234567"),
            ("password", "n@example.com", "password", "passwort"),
            ("password", "n@example.com", "password", ""),
            ("password", "n@example.com", &"x".repeat(1025), &"x".repeat(1025)),
        ];
        for (field, email, password, confirmation) in cases {
            let body = serde_json::json!({
                "name": "N", "email": email, "password": password,
                "password_confirmation": confirmation,
            });
            let case = body.to_string();
            check_field(&visitor.post("/api/register", &case).await, field, &case);
        }
        let name = serde_json::json!({
            "name": long, "email": "n@example.com", "password": "password",
            "password_confirmation": "password",
        });
        let response = visitor.post("/api/register", &name.to_string()).await;
        check_field(&response, "name", "a name that is too long");
        app.stop();
    }
}

/// Bodies that contain no valid fields, and the status of the response.
pub const INVALID_BODIES: [(&str, u16); 14] = [
    ("{", 400),
    (r#"{"symbol":"BTC","side":"buy","price":1,"amount":1"#, 400),
    (r#"{"symbol":"BTC",}"#, 400),
    (r#"{"price":1e}"#, 400),
    (r#"{"price":--1}"#, 400),
    (r#"{"price":01}"#, 400),
    ("[]", 400),
    ("[[[[[[[[[[", 400),
    (r#""text""#, 400),
    ("null", 400),
    ("words", 400),
    ("\u{0}", 400),
    ("", 422),
    ("a=b", 422),
];

on_both! {
    async fn an_invalid_body_is_rejected(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let before = visible_state(&[&alice]).await;
        let paths = [
            "/api/orders", "/api/faucet", "/api/login", "/api/register", "/api/broadcasting/auth",
            "/broadcasting/user-auth",
        ];
        let deep = format!("{}{}", r#"{"a":"#.repeat(20_000 / 5), "1");
        let bodies = INVALID_BODIES.map(|(body, status)| (body.as_bytes().to_vec(), status));
        let more = [(vec![0xff, 0xfe, b'{'], 400), (deep.into_bytes(), 400)];
        for (body, status) in bodies.into_iter().chain(more) {
            for path in paths {
                let start = &body[..body.len().min(40)];
                let case = format!("{path} {}", String::from_utf8_lossy(start));
                let response = alice.send(Method::POST, path, &[JSON], body.clone()).await;
                check_error(&response, status, &case);
            }
        }
        let order = br#"{"symbol":"BTC","side":"buy","price":1,"amount":1}"#;
        let encoded = [JSON, ("content-encoding", "gzip")];
        let response = alice.send(Method::POST, "/api/orders", &encoded, order.to_vec()).await;
        check_error(&response, 400, "a body that is not compressed although its header says so");
        assert_eq!(visible_state(&[&alice]).await, before);
        app.stop();
    }

    async fn a_body_is_read_with_any_content_type(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let types = [
            "application/json", "application/x-www-form-urlencoded", "text/plain", "text/html",
            "multipart/form-data; boundary=x", "application/xml", "nonsense", "", ";;;",
            "application/json; charset=utf-16",
        ];
        let order = r#"{"symbol":"ETH","side":"buy","price":1,"amount":0.1}"#;
        let form = "symbol=ETH&side=buy&price=1&amount=0.1";
        for content_type in types {
            for body in [order, form] {
                let headers = [("content-type", content_type)];
                let body = body.as_bytes().to_vec();
                let response = alice.send(Method::POST, "/api/orders", &headers, body).await;
                assert_eq!(response.status, 200, "{content_type}: {}", response.body);
            }
        }
        let placed = alice.get("/api/my-orders").await.data();
        assert_eq!(placed.as_array().map(Vec::len), Some(2 * types.len()));
        app.stop();
        database.audit();
    }

    async fn an_invalid_order_id_is_not_found(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let own = alice.place("BTC", "buy", "50000", "0.1").await.data()["order"]["id"].clone();
        let before = visible_state(&[&alice, &bob]).await;
        let ids = [
            "abc", "0", "-1", "1.0", "1e0", "0x1", "99999999999999999999999", "9223372036854775807",
            "-9223372036854775808", "%31%00", "%ff", "%", "null", "NaN", "1%20", "١", "1;DROP",
        ];
        for id in ids {
            let path = format!("/api/orders/{id}/cancel");
            check_error(&alice.post(&path, "").await, 404, &path);
        }
        let response = bob.post(&format!("/api/orders/{own}/cancel"), "").await;
        check_error(&response, 404, "an order of another user");
        assert_eq!(visible_state(&[&alice, &bob]).await, before);
        app.stop();
        database.audit();
    }
}
