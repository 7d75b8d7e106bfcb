//! The HTTP edge under hostile or careless clients: memory, credentials and headers.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::wait_for;

/// The most memory that an idle process may keep, in MB.
const ALLOCATED_MB: u64 = 24;

async fn log_in(client: &Client, email: &str, password: &str) -> Response {
    let body = serde_json::json!({ "email": email, "password": password });
    client.post("/api/login", &body.to_string()).await
}

/// Wrong log-ins by unknown users and by a user of the demo: first one at a time, then many at
/// once.
async fn wrong_log_ins(client: &Client, sequential: usize, rounds: usize, per_round: usize) {
    for n in 0..sequential {
        let email = if n % 2 == 0 { "alice@example.com" } else { "nobody@example.com" };
        assert_eq!(log_in(client, email, "a wrong password").await.status, 422);
    }
    for _ in 0..rounds {
        let attempts = (0..per_round).map(|n| {
            let email = if n % 2 == 0 { "alice@example.com" } else { "nobody@example.com" };
            async move { log_in(client, email, "a wrong password").await.status }
        });
        assert!(join_all(attempts).await.iter().all(|status| *status == 422));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_of_password_hashing_is_returned() {
    let rounds = |name: &str, default| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let database = Database::sqlite();
    let unlimited = ["LOG_INS_PER_MINUTE", "LOG_INS_PER_MINUTE_PER_ADDRESS"]
        .map(|key| format!("MATCHCAST__LIMITS__{key}"));
    let unlimited = unlimited.each_ref().map(|name| (name.as_str(), "0".to_owned()));
    let process = Process::start(&database, &unlimited).await;
    let client = Client::new(process.address);
    let before = process.allocated_mb();
    wrong_log_ins(&client, rounds("SEQUENTIAL", 40), rounds("ROUNDS", 4), 50).await;
    let at_the_end = process.allocated_mb();
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut after = at_the_end;
    while after >= ALLOCATED_MB && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = process.allocated_mb();
    }
    eprintln!("allocated: {before} MB at start, {at_the_end} MB at the end, {after} MB later");
    assert!(
        after < ALLOCATED_MB,
        "{before} MB at start, {at_the_end} MB at the end, {after} MB later"
    );
    process.stop().await;
}

on_both! {
    async fn a_header_without_a_token_leaves_the_session_to_decide(database: Database) {
        let app = TestApp::start(&database).await;
        let mut browser = crate::sessions::Browser::logged_in(&app).await;
        for value in ["Basic YTpi", "Bearer null", "Bearer undefined", "Bearer", "Bearer ", "x"] {
            let headers = [("authorization", value)];
            let response = browser.send(Method::GET, "/api/user", "", &headers).await;
            assert_eq!(response.status, 200, "{value}: {}", response.body);
            let response = app.visitor().send(Method::GET, "/api/user", &headers, Vec::new()).await;
            assert_eq!(response.status, 401, "{value} without a session");
        }
        let wrong = format!("Bearer 1|{}", "0".repeat(60));
        let headers = [("authorization", wrong.as_str())];
        let response = browser.send(Method::GET, "/api/user", "", &headers).await;
        assert_eq!(response.status, 401, "a wrong token is not replaced by the session");
        // The session still needs its CSRF token.
        let response = browser.post("/api/logout", "", &[("authorization", "Bearer null")]).await;
        assert_eq!(response.status, 419, "{}", response.body);
        app.stop();
    }

    async fn a_multipart_body_is_refused_with_the_accepted_types(database: Database) {
        let app = TestApp::start(&database).await;
        let body = "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n\
                    alice@example.com\r\n--x--\r\n";
        for path in ["/api/login", "/api/register"] {
            let headers = [("content-type", "multipart/form-data; boundary=x")];
            let response =
                app.visitor().send(Method::POST, path, &headers, body.as_bytes().to_vec()).await;
            assert_eq!(response.status, 415, "{}", response.body);
            assert_eq!(response.json()["code"], "unsupported_media_type");
            let message = response.json()["message"].as_str().unwrap_or_default().to_owned();
            assert!(message.contains("application/json"), "{message}");
            assert!(message.contains("application/x-www-form-urlencoded"), "{message}");
        }
        app.stop();
    }

    async fn private_responses_are_not_stored_or_not_used_without_asking(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let response = log_in(&app.visitor(), "alice@example.com", "password").await;
        assert_eq!(response.header("cache-control"), Some("no-store"), "log-in");
        for path in ["/api/user", "/api/profile", "/api/balance-history", "/api/my-orders"] {
            let response = alice.get(path).await;
            assert_eq!(response.header("cache-control"), Some("no-cache, private"), "{path}");
            let vary = response.header("vary").expect("a header");
            assert!(vary.starts_with("authorization, cookie"), "{path}: {vary}");
            assert_eq!(response.header("strict-transport-security"), None, "{path}");
        }
        let visitor = app.visitor();
        for path in ["/sanctum/csrf-cookie", "/api/user", "/api/config"] {
            let response = visitor.get(path).await;
            assert_eq!(response.header("cache-control"), Some("no-store"), "{path}");
        }
        app.stop();
    }

    async fn secure_cookies_imply_strict_transport_security(database: Database) {
        let secure = [("MATCHCAST__AUTH__SECURE_COOKIES", "true")];
        let app = TestApp::start_with(&database, &secure).await;
        for path in ["/", "/api/config", "/api/user"] {
            let response = app.visitor().get(path).await;
            let header = response.header("strict-transport-security");
            assert_eq!(header, Some("max-age=31536000"), "{path}");
        }
        app.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_behind_a_local_proxy_are_throttled_each_by_itself() {
    let database = Database::sqlite();
    let limit = [("MATCHCAST__LIMITS__LOG_INS_PER_MINUTE_PER_ADDRESS", "3")];
    let app = TestApp::start_with(&database, &limit).await;
    let visitor = app.visitor();
    let attempt = async |address: &str, number: usize| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
        let body = format!(r#"{{"email":"{number}@test.example","password":"a wrong one"}}"#);
        visitor.send(Method::POST, "/api/login", &headers, body.into_bytes()).await.status
    };
    for number in 0..3 {
        assert_eq!(attempt("192.0.2.1", number).await, 422);
    }
    assert_eq!(attempt("192.0.2.1", 3).await, 429);
    assert_eq!(attempt("192.0.2.2", 4).await, 422, "another client of the proxy");
    app.stop();
}

on_both! {
    async fn wrong_log_ins_are_throttled_per_account(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        for attempt in 0..10 {
            let response = log_in(&visitor, "Alice@example.com", "a wrong password").await;
            assert_eq!(response.status, 422, "attempt {attempt}: {}", response.body);
        }
        for password in ["a wrong password", "password"] {
            let response = log_in(&visitor, "alice@EXAMPLE.com", password).await;
            assert_eq!(response.status, 429, "{password}: {}", response.body);
            assert_eq!(response.json()["message"], "Too Many Attempts.");
            assert_eq!(response.json()["code"], "too_many_attempts");
            let wait: u64 = response.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
            assert_eq!(response.header("x-ratelimit-limit"), Some("10"));
            assert_eq!(response.header("x-ratelimit-remaining"), Some("0"));
        }
        assert_eq!(log_in(&visitor, "bob@example.com", "password").await.status, 200);
        app.stop();
    }
}

async fn wait_until_ready(client: &Client) -> Response {
    wait_for("a process that is ready", || async {
        let response = client.get("/ready").await;
        (response.status == 200).then_some(response)
    })
    .await
}

on_both! {
    async fn a_process_that_accepts_orders_is_ready(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        let response = wait_until_ready(&visitor).await;
        assert_eq!(response.status, 200, "{}", response.body);
        let checks = serde_json::json!({
            "process": "ok", "engine": "ok", "database": "ok", "schema": "ok", "publisher": "ok",
        });
        assert_eq!(response.json(), serde_json::json!({ "status": "ready", "checks": checks }));
        assert_eq!(visitor.get("/up").await.json()["status"], "up");
        app.stop();
        database.audit();
    }

    /// The check of `/health` still succeeds.
    async fn a_process_that_cannot_write_is_not_ready(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        assert_eq!(wait_until_ready(&visitor).await.status, 200);
        database.execute("ALTER TABLE leases RENAME TO renamed");
        let response = wait_for("a process that is not ready", || async {
            let response = visitor.get("/ready").await;
            (response.status != 200).then_some(response)
        })
        .await;
        assert_eq!(response.status, 503, "{}", response.body);
        assert_eq!(response.json()["status"], "not_ready");
        assert_eq!(response.json()["checks"]["database"], "failed");
        assert_eq!(response.json()["checks"]["engine"], "ok");
        assert_eq!(visitor.get("/health").await.status, 200);
        database.execute("ALTER TABLE renamed RENAME TO leases");
        assert_eq!(wait_until_ready(&visitor).await.status, 200);
        app.stop();
    }

    async fn a_body_that_does_not_arrive_is_refused(database: Database) {
        let variables = [("MATCHCAST__HTTP__BODY_TIMEOUT_MS", "500")];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = app.log_in("alice").await;
        let slow = (0..200).map(|_| slow_body(app.address));
        let (responses, placed) = tokio::join!(
            tokio::time::timeout(Duration::from_secs(30), join_all(slow)),
            alice.place("BTC", "buy", "1", "1"),
        );
        assert_eq!(placed.status, 200, "orders continue: {}", placed.body);
        for response in responses.expect("every connection is closed") {
            assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
            assert!(response.contains("\"code\":\"body_timeout\""), "{response}");
        }
        app.stop();
    }
}

/// Sends one byte of a body, and reads until the server closes the connection.
async fn slow_body(address: std::net::SocketAddr) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = "POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    String::from_utf8_lossy(&response).into_owned()
}
