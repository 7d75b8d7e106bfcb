//! Limits of requests per minute, and the headers that show them.

use reqwest::Method;
use serde_json::json;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};

const LIMITS: [(&str, &str); 2] =
    [("MATCHCAST__LIMITS__ORDERS_PER_MINUTE", "4"), ("MATCHCAST__LIMITS__READS_PER_MINUTE", "3")];

/// The headers of the limit and of what remains.
fn allowance(response: &Response) -> (Option<&str>, Option<&str>) {
    (response.header("x-ratelimit-limit"), response.header("x-ratelimit-remaining"))
}

fn check_refused(response: &Response, limit: &str, remaining: &str) {
    assert_eq!(response.status, 429, "{}", response.body);
    let expected =
        json!({ "success": false, "message": "Too Many Attempts.", "code": "too_many_attempts" });
    assert_eq!(response.json(), expected);
    assert_eq!(allowance(response), (Some(limit), Some(remaining)));
    let wait: u64 = response.header("retry-after").expect("a time").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(response.header("x-request-id").is_some());
}

async fn place(client: &Client) -> Response {
    client.place("BTC", "buy", "100", "0.001").await
}

async fn from_address(client: &Client, path: &str, address: &str) -> Response {
    client.send(Method::GET, path, &[("x-forwarded-for", address)], Vec::new()).await
}

on_both! {
    async fn each_token_has_its_limit_and_sees_what_remains(database: Database) {
        let app = TestApp::start_with(&database, &LIMITS).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        for remaining in ["3", "2", "1"] {
            let placed = place(&alice).await;
            assert_eq!(placed.status, 200, "{}", placed.body);
            assert_eq!(allowance(&placed), (Some("4"), Some(remaining)));
        }
        assert_eq!(alice.cancel(1).await.status, 200);
        check_refused(&alice.cancel(2).await, "4", "0");
        check_refused(&place(&alice).await, "4", "0");
        let stranger = app.log_in("alice").await;
        assert_eq!(allowance(&place(&stranger).await), (Some("4"), Some("3")), "another token");
        assert_eq!(place(&bob).await.status, 200);
        // Reads are counted by themselves, and so are authorizations of channels.
        for remaining in ["2", "1", "0"] {
            assert_eq!(allowance(&alice.get("/api/profile").await), (Some("3"), Some(remaining)));
        }
        check_refused(&alice.get("/api/profile").await, "3", "0");
        let body = "socket_id=1.1&channel_name=private-user.1";
        for path in ["/broadcasting/auth", "/api/broadcasting/auth"] {
            for _ in 0..15 {
                assert_eq!(alice.post_form(path, body).await.status, 200, "{path}");
            }
        }
        check_refused(&alice.post_form("/broadcasting/auth", body).await, "30", "0");
        app.stop();
    }

    async fn each_order_of_a_batch_counts(database: Database) {
        let app = TestApp::start_with(&database, &LIMITS).await;
        let alice = app.log_in("alice").await;
        let batch = async |orders: usize| {
            let order = json!({ "symbol": "BTC", "side": "buy", "price": 100, "amount": "0.001" });
            let body = json!({ "orders": vec![order; orders] }).to_string();
            alice.post("/api/orders/batch", &body).await
        };
        assert_eq!(allowance(&batch(2).await), (Some("4"), Some("2")));
        // The request counts, its orders do not.
        check_refused(&batch(3).await, "4", "1");
        assert_eq!(batch(1).await.status, 200);
        check_refused(&batch(1).await, "4", "0");
        app.stop();
        database.audit();
    }

    async fn requests_without_a_valid_token_count_for_their_address(database: Database) {
        let app = TestApp::start_with(&database, &LIMITS).await;
        let (alice, visitor) = (app.log_in("alice").await, app.visitor());
        let mut guesser = app.visitor();
        let id = alice.token.as_deref().and_then(|token| token.split('|').next()).unwrap();
        guesser.token = Some(format!("{id}|{}", "0".repeat(60)));
        let first = from_address(&visitor, "/api/markets", "192.0.2.1").await;
        assert_eq!(allowance(&first), (Some("3"), Some("2")));
        for remaining in ["1", "0"] {
            let guessed = from_address(&guesser, "/api/user", "192.0.2.1").await;
            assert_eq!((guessed.status, allowance(&guessed)), (401, (Some("3"), Some(remaining))));
        }
        check_refused(&from_address(&guesser, "/api/user", "192.0.2.1").await, "3", "0");
        check_refused(&from_address(&visitor, "/api/markets", "192.0.2.1").await, "3", "0");
        assert_eq!(from_address(&visitor, "/api/markets", "192.0.2.2").await.status, 200);
        let valid = from_address(&alice, "/api/user", "192.0.2.1").await;
        assert_eq!(allowance(&valid), (Some("3"), Some("2")), "nobody uses up another's limit");
        for path in ["/health", "/ready", "/up", "/"] {
            assert_eq!(allowance(&from_address(&visitor, path, "192.0.2.1").await), (None, None));
        }
        app.stop();
    }

    async fn without_limits_there_are_no_headers(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        for _ in 0..5 {
            assert_eq!(allowance(&place(&alice).await), (None, None));
            assert_eq!(allowance(&alice.get("/api/profile").await), (None, None));
        }
        app.stop();
    }
}
