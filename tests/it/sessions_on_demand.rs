//! Sessions are stored when a user logs in, and loaded where a request needs one.

use reqwest::Method;

use crate::on_both;
use crate::sessions::Browser;
use crate::support::app::TestApp;
use crate::support::database::Database;

const NO_CACHE: [(&str, &str); 1] = [("MATCHCAST__AUTH__CACHE_SECONDS", "0")];
/// Paths that need no session.
const PUBLIC: [&str; 7] =
    ["/", "/assets/unknown.js", "/health", "/up", "/metrics", "/api/config", "/api/unknown"];

fn session_rows(database: &Database) -> i64 {
    use diesel::prelude::*;
    use matchcast::store::schema::sessions;

    sessions::table.count().get_result(&mut database.connect()).unwrap()
}

on_both! {
    async fn visitors_have_no_row(database: Database) {
        let unlimited = [("MATCHCAST__LIMITS__LOG_INS_PER_MINUTE_PER_ADDRESS", "0")];
        let app = TestApp::start_with(&database, &unlimited).await;
        for _ in 0..100 {
            assert_eq!(Browser::new(&app).get("/sanctum/csrf-cookie").await.status, 204);
        }
        assert_eq!(session_rows(&database), 0);
        let mut page = Browser::new(&app);
        page.get("/sanctum/csrf-cookie").await;
        let token = page.csrf();
        page.get("/sanctum/csrf-cookie").await;
        assert_eq!(page.csrf(), token, "a visitor keeps the token");
        let user = Browser::logged_in(&app).await;
        assert_eq!(session_rows(&database), 1, "a user has a session");
        let mut again = user.clone();
        again.get("/sanctum/csrf-cookie").await;
        assert_eq!((again.csrf(), session_rows(&database)), (user.csrf(), 1));
        app.stop();
    }

    async fn a_second_log_in_replaces_the_session(database: Database) {
        let app = TestApp::start(&database).await;
        let mut page = Browser::logged_in(&app).await;
        let mut before = page.clone();
        let log_in = r#"{"email":"bob@example.com","password":"password"}"#;
        let token = page.csrf();
        let response = page.post("/api/login", log_in, &[("x-xsrf-token", &token)]).await;
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(page.get("/api/user").await.data()["email"], "bob@example.com");
        assert_eq!(before.get("/api/user").await.status, 401);
        assert_eq!(session_rows(&database), 1);
        app.stop();
    }

    async fn the_session_of_a_visitor_that_an_older_version_stored_can_log_in(database: Database) {
        let app = TestApp::start_with(&database, &NO_CACHE).await;
        let mut page = Browser::logged_in(&app).await;
        let state = r#"{"csrf":"\"abc\""}"#;
        database.execute(&format!("UPDATE sessions SET user_id = NULL, state = '{state}'"));
        assert_eq!(page.get("/api/user").await.status, 401);
        page.get("/sanctum/csrf-cookie").await;
        assert_eq!(page.csrf(), "abc");
        let log_in = r#"{"email":"alice@example.com","password":"password"}"#;
        let response = page.post("/api/login", log_in, &[("x-xsrf-token", "abc")]).await;
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(page.get("/api/user").await.status, 200);
        app.stop();
    }

    async fn a_session_is_loaded_only_where_it_is_needed(database: Database) {
        let app = TestApp::start_with(&database, &NO_CACHE).await;
        let mut page = Browser::logged_in(&app).await;
        let alice = app.log_in("alice").await;
        let mut expected = Vec::new();
        for path in PUBLIC {
            expected.push(page.get(path).await.status);
        }
        // From here on, loading a session fails.
        database.execute("ALTER TABLE sessions RENAME TO elsewhere");
        for (path, expected) in PUBLIC.iter().zip(expected) {
            assert_eq!(page.get(path).await.status, expected, "{path}");
        }
        let bearer = format!("Bearer {}", alice.token.as_deref().unwrap());
        let headers = [("authorization", bearer.as_str())];
        for path in ["/broadcasting/auth", "/api/broadcasting/auth"] {
            let body = "socket_id=1.2&channel_name=private-user.1";
            let response = page.post(path, body, &headers).await;
            assert_eq!(response.status, 200, "{path}: {}", response.body);
        }
        let response = page.send(Method::GET, "/api/user", "", &headers).await;
        assert_eq!(response.status, 200, "{}", response.body);
        // A log-in without CSRF token wants no session.
        let log_in = r#"{"email":"alice@example.com","password":"password"}"#;
        assert_eq!(page.post("/api/login", log_in, &[]).await.status, 200);
        let response = page.get("/api/user").await;
        assert_eq!((response.status, &response.json()["code"]), (500, &"internal".into()));
        database.execute("ALTER TABLE elsewhere RENAME TO sessions");
        assert_eq!(page.get("/api/user").await.status, 200);
        app.stop();
    }
}

#[cfg(feature = "postgres-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_while_the_database_is_unavailable_gets_503_as_json() {
    use crate::support::proxy::Proxy;

    let database = Database::postgres();
    let proxy = Proxy::start(&database.url).await;
    let mut variables = vec![
        ("DATABASE_URL", proxy.url.as_str()),
        ("BROADCAST_CONNECTION", "null"),
        ("MATCHCAST__DATABASE__TIMEOUT_MS", "500"),
    ];
    variables.extend(NO_CACHE);
    let app = TestApp::start_with(&database, &variables).await;
    let mut page = Browser::logged_in(&app).await;
    let mut visitor = Browser::new(&app);
    visitor.get("/sanctum/csrf-cookie").await;
    proxy.interrupt();
    for path in ["/", "/up", "/api/config"] {
        assert_eq!(page.get(path).await.status, 200, "{path}");
    }
    for path in ["/api/user", "/api/profile", "/sanctum/csrf-cookie"] {
        let response = page.get(path).await;
        assert_eq!(response.status, 503, "{path}: {}", response.body);
        assert_eq!(response.json()["code"], "unavailable", "{path}");
        assert_eq!(response.header("retry-after"), Some("1"), "{path}");
    }
    let token = page.csrf();
    let response = page.post("/api/logout", "", &[("x-xsrf-token", &token)]).await;
    assert_eq!((response.status, &response.json()["code"]), (503, &"unavailable".into()));
    assert_eq!(visitor.get("/sanctum/csrf-cookie").await.status, 204, "no row is needed");
    assert_eq!(visitor.get("/api/user").await.status, 401);
    proxy.restore();
    assert_eq!(page.get("/api/user").await.status, 200);
    app.stop();
}
