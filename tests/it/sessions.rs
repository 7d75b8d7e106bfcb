//! Browsers: cookie sessions with a CSRF token, and pages from other origins (CORS).

use std::collections::BTreeMap;

use reqwest::Method;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};

const SESSION: &str = "matchcast_session";
const LOGIN: &str = r#"{"email":"alice@example.com","password":"password"}"#;
const ORDER: &str = r#"{"symbol":"BTC","side":"buy","price":1,"amount":1}"#;
/// Sessions are not cached, so that a change of the table takes effect immediately.
const NO_CACHE: [(&str, &str); 1] = [("MATCHCAST__AUTH__CACHE_SECONDS", "0")];

/// A browser: it stores cookies and sends them back.
#[derive(Clone)]
pub struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
    /// The last `Set-Cookie` line of each cookie.
    lines: BTreeMap<String, String>,
}

impl Browser {
    pub fn new(app: &TestApp) -> Self {
        Self { client: app.visitor(), cookies: BTreeMap::new(), lines: BTreeMap::new() }
    }

    /// A browser that has a CSRF token and is logged in as alice.
    pub async fn logged_in(app: &TestApp) -> Self {
        let mut browser = Self::new(app);
        assert_eq!(browser.get("/sanctum/csrf-cookie").await.status, 204);
        let token = browser.csrf();
        let response = browser.post("/api/login", LOGIN, &[("x-xsrf-token", &token)]).await;
        assert_eq!(response.status, 200, "{}", response.body);
        browser
    }

    /// The same browser with another server on the same database.
    pub fn at(&self, address: std::net::SocketAddr) -> Self {
        Self { client: self.client.at(address), ..self.clone() }
    }

    pub fn csrf(&self) -> String {
        self.cookies["XSRF-TOKEN"].clone()
    }

    pub async fn get(&mut self, path: &str) -> Response {
        self.send(Method::GET, path, "", &[]).await
    }

    pub async fn post(&mut self, path: &str, body: &str, headers: &[(&str, &str)]) -> Response {
        self.send(Method::POST, path, body, headers).await
    }

    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let pairs: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = pairs.join("; ");
        let mut headers = headers.to_vec();
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let response = self.client.send(method, path, &headers, body.as_bytes().to_vec()).await;
        for line in response.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap().to_owned();
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            self.lines.insert(name.to_owned(), line);
        }
        response
    }
}

fn check_mismatch(response: &Response) {
    assert_eq!(response.status, 419, "{}", response.body);
    assert_eq!(response.json()["message"], "CSRF token mismatch.");
}

on_both! {
    async fn a_page_logs_in_with_a_cookie_session(database: Database) {
        let app = TestApp::start(&database).await;
        let mut page = Browser::logged_in(&app).await;
        let user = page.get("/api/user").await.data();
        assert_eq!(user["email"], "alice@example.com");
        let token = page.csrf();
        for header in ["x-csrf-token", "x-xsrf-token"] {
            let response = page.post("/api/orders", ORDER, &[(header, &token)]).await;
            assert_eq!(response.status, 200, "{header}: {}", response.body);
        }
        let channel = "socket_id=1.2&channel_name=private-user.1";
        let response = page.post("/broadcasting/auth", channel, &[("x-csrf-token", &token)]).await;
        assert_eq!(response.status, 200, "{}", response.body);
        let (session, csrf) = (&page.lines[SESSION], &page.lines["XSRF-TOKEN"]);
        assert!(session.contains("HttpOnly") && session.contains("SameSite=Lax"), "{session}");
        assert!(!csrf.contains("HttpOnly") && csrf.contains("SameSite=Lax"), "{csrf}");
        assert!(!session.contains("Secure") && !csrf.contains("Secure"), "not over plain HTTP");
        app.stop();
        database.audit();
    }

    async fn the_settings_of_session_cookies_apply_to_both_cookies(database: Database) {
        let settings = [
            ("SESSION_DOMAIN", ".example.test"),
            ("SESSION_SAME_SITE", "none"),
            ("MATCHCAST__AUTH__SECURE_COOKIES", "true"),
        ];
        let app = TestApp::start_with(&database, &settings).await;
        let mut page = Browser::logged_in(&app).await;
        for name in [SESSION, "XSRF-TOKEN"] {
            let line = &page.lines[name];
            for attribute in ["Domain=example.test", "SameSite=None", "Secure", "Path=/"] {
                assert!(line.split("; ").any(|part| part == attribute), "{attribute} in {line}");
            }
        }
        let token = page.csrf();
        assert_eq!(page.post("/api/logout", "", &[("x-xsrf-token", &token)]).await.status, 200);
        let removed = &page.lines[SESSION];
        assert!(removed.contains("Domain=example.test"), "a browser removes no other: {removed}");
        assert!(removed.contains("Max-Age=0"), "{removed}");
        app.stop();
    }

    async fn a_write_without_the_csrf_token_is_rejected(database: Database) {
        let app = TestApp::start(&database).await;
        let mut page = Browser::logged_in(&app).await;
        let mut stranger = Browser::new(&app);
        stranger.get("/sanctum/csrf-cookie").await;
        let strangers = stranger.csrf();
        let own = page.csrf();
        let wrong = [
            vec![],
            vec![("x-csrf-token", "")],
            vec![("x-csrf-token", "undefined")],
            vec![("x-xsrf-token", strangers.as_str())],
            vec![("x-csrf-token", &own[1..])],
            vec![("cookie-x-xsrf-token", own.as_str())],
        ];
        let writes = ["/api/orders", "/api/orders/1/cancel", "/api/faucet", "/api/logout",
            "/api/broadcasting/auth", "/broadcasting/user-auth"];
        for headers in &wrong {
            for path in writes {
                check_mismatch(&page.post(path, ORDER, headers).await);
            }
        }
        assert_eq!(page.get("/api/my-orders").await.data(), serde_json::json!([]));
        assert_eq!(page.get("/api/user").await.status, 200, "reading is still allowed");
        app.stop();
    }

    async fn logging_out_ends_the_session_and_nothing_else(database: Database) {
        let app = TestApp::start(&database).await;
        let mut page = Browser::logged_in(&app).await;
        let mut other = Browser::logged_in(&app).await;
        let alice = app.log_in("alice").await;
        let stolen = page.clone();
        let token = page.csrf();
        let response = page.post("/api/logout", "", &[("x-xsrf-token", &token)]).await;
        assert_eq!(response.status, 200, "{}", response.body);
        for mut page in [page, stolen] {
            assert_eq!(page.get("/api/user").await.status, 401);
        }
        assert_eq!(other.get("/api/user").await.status, 200);
        assert_eq!(alice.get("/api/user").await.status, 200);
        app.stop();
    }

    async fn an_expired_or_deleted_session_is_rejected(database: Database) {
        let app = TestApp::start_with(&database, &NO_CACHE).await;
        let mut page = Browser::logged_in(&app).await;
        assert_eq!(page.get("/api/user").await.status, 200);
        database.execute("UPDATE sessions SET expires_at = '2001-01-01 00:00:00'");
        assert_eq!(page.clone().get("/api/user").await.status, 401, "expired");
        database.execute("UPDATE sessions SET expires_at = '2101-01-01 00:00:00'");
        assert_eq!(page.get("/api/user").await.status, 200);
        database.execute("DELETE FROM sessions");
        assert_eq!(page.get("/api/user").await.status, 401, "deleted");
        let token = page.csrf();
        let response = page.post("/api/orders", ORDER, &[("x-xsrf-token", &token)]).await;
        assert_eq!(response.status, 401, "{}", response.body);
        app.stop();
    }

    /// A session cookie from before the login is useless after it (session fixation).
    async fn a_login_renews_the_session(database: Database) {
        let app = TestApp::start(&database).await;
        let mut page = Browser::new(&app);
        page.get("/sanctum/csrf-cookie").await;
        let mut before = page.clone();
        let token = page.csrf();
        assert_eq!(page.post("/api/login", LOGIN, &[("x-xsrf-token", &token)]).await.status, 200);
        assert_ne!(page.cookies[SESSION], before.cookies[SESSION]);
        assert_eq!(page.get("/api/user").await.status, 200);
        assert_eq!(before.get("/api/user").await.status, 401);
        app.stop();
    }

    async fn a_login_without_the_csrf_token_starts_no_session(database: Database) {
        let app = TestApp::start(&database).await;
        let mut page = Browser::new(&app);
        page.get("/sanctum/csrf-cookie").await;
        assert_eq!(page.post("/api/login", LOGIN, &[]).await.status, 200);
        assert_eq!(page.get("/api/user").await.status, 401);
        let mut forged = Browser::logged_in(&app).await;
        let cookie = forged.cookies[SESSION].clone();
        let middle = cookie.len() - 10;
        let other = if cookie.as_bytes()[middle] == b'a' { "b" } else { "a" };
        let changed = format!("{}{other}{}", &cookie[..middle], &cookie[middle + 1..]);
        forged.cookies.insert(SESSION.to_owned(), changed);
        assert_eq!(forged.get("/api/user").await.status, 401, "its signature does not match");
        app.stop();
    }
}

/// The headers that pusher-js and axios send.
const PREFLIGHT_HEADERS: &str =
    "authorization, content-type, x-csrf-token, x-socket-id, x-xsrf-token";

async fn preflight(app: &TestApp, origin: &str) -> Response {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", PREFLIGHT_HEADERS),
    ];
    app.visitor().send(Method::OPTIONS, "/api/broadcasting/auth", &headers, Vec::new()).await
}

async fn get_from(app: &TestApp, origin: &str) -> Response {
    app.visitor().send(Method::GET, "/api/user", &[("origin", origin)], Vec::new()).await
}

on_both! {
    async fn pages_from_configured_origins_may_call_the_api(database: Database) {
        let origins = "https://shop.example, http://localhost:5173";
        let variables = [("MATCHCAST__HTTP__CORS_ORIGINS", origins)];
        let app = TestApp::start_with(&database, &variables).await;
        for origin in ["https://shop.example", "http://localhost:5173"] {
            let response = preflight(&app, origin).await;
            assert!((200..300).contains(&response.status), "{} {}", response.status, response.body);
            assert_eq!(response.header("access-control-allow-origin"), Some(origin));
            assert_eq!(response.header("access-control-allow-credentials"), Some("true"));
            let methods = response.header("access-control-allow-methods").unwrap();
            assert!(methods.contains("POST"), "{methods}");
            let allowed = response.header("access-control-allow-headers").unwrap().to_lowercase();
            for header in PREFLIGHT_HEADERS.split(", ") {
                assert!(allowed.contains(header), "{header} is not in {allowed}");
            }
            // A page must be able to read the response that tells it to log in.
            let rejected = get_from(&app, origin).await;
            assert_eq!(rejected.status, 401);
            assert_eq!(rejected.header("access-control-allow-origin"), Some(origin));
        }
        let others = [
            "https://evil.example", "https://shop.example.evil.example", "http://shop.example",
            "https://shop.example:444", "null", "*",
        ];
        for origin in others {
            for response in [preflight(&app, origin).await, get_from(&app, origin).await] {
                assert_eq!(response.header("access-control-allow-origin"), None, "{origin}");
            }
        }
        app.stop();
    }

    async fn without_configured_origins_no_other_origin_may_read(database: Database) {
        let app = TestApp::start(&database).await;
        for origin in ["https://shop.example", "http://localhost:5173", "null"] {
            for response in [preflight(&app, origin).await, get_from(&app, origin).await] {
                assert_eq!(response.header("access-control-allow-origin"), None, "{origin}");
            }
        }
        app.stop();
    }

    async fn with_a_wildcard_any_origin_may_read_without_cookies(database: Database) {
        let variables = [("MATCHCAST__HTTP__CORS_ORIGINS", "*")];
        let app = TestApp::start_with(&database, &variables).await;
        let responses = [preflight(&app, "https://a.example").await,
            get_from(&app, "https://a.example").await];
        for response in responses {
            assert_eq!(response.header("access-control-allow-origin"), Some("*"));
            assert_eq!(response.header("access-control-allow-credentials"), None);
        }
        app.stop();
    }
}
