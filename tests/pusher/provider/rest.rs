//! The REST API: signatures, limits, responses and error messages.

use std::time::SystemTime;

use matchcast::pusher::{Credentials, sign};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Server;
use super::page::Page;
use crate::credentials;

fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

impl Server {
    /// Sends a request with this query, and returns the status and text of the response.
    async fn send(&self, method: &str, path: &str, query: &str, body: &str) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}?{query}", self.port);
        let method = method.parse().unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.request(method, url).body(body.to_owned());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Sends a request with a valid signature.
    async fn call(
        &self,
        method: &str,
        path: &str,
        parameters: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let query =
            sign::signed_query(&credentials(), method, path, parameters, body.as_bytes(), now_s());
        self.send(method, path, &query, body).await
    }

    /// Sends a GET request that must succeed, and returns the JSON of the response.
    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let (status, text) = self.call("GET", path, parameters, "").await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, String) {
        self.call("POST", path, &[], &body.to_string()).await
    }
}

#[tokio::test]
async fn a_request_must_be_signed() {
    let server = Server::start().await;
    let path = "/apps/3/events";
    let body = json!({"name": "a", "channels": ["a"], "data": "1"}).to_string();
    let signed = |credentials: &Credentials, now_s| {
        sign::signed_query(credentials, "POST", path, &[], body.as_bytes(), now_s)
    };
    let right = signed(&credentials(), now_s());
    let other_key = Credentials::new("3", "other", crate::SECRET);
    let other_secret = Credentials::new("3", credentials().key(), "other");
    for (query, status, words) in [
        (right.clone(), 200, "{}"),
        (signed(&other_key, now_s()), 400, "Unknown auth_key"),
        (signed(&other_secret, now_s()), 401, "Invalid signature"),
        (signed(&credentials(), now_s() - 700), 401, "Timestamp expired"),
        (signed(&credentials(), now_s() + 700), 401, "Timestamp expired"),
        (right.replace("auth_version=1.0", "auth_version=1.1"), 401, "auth_version"),
        (right.replace("body_md5=", "body_md5=0"), 401, "body_md5"),
        (String::new(), 401, "auth_signature parameter is required"),
    ] {
        let (actual, text) = server.send("POST", path, &query, &body).await;
        assert_eq!(actual, status, "{text}");
        assert!(text.starts_with(words) || text.contains(words), "{text}");
        assert!(!text.contains(crate::SECRET), "{text}");
    }
    let (status, _) = server.send("POST", path, &right, &body.replace('1', "2")).await;
    assert_eq!(status, 401, "another body");
}

#[tokio::test]
async fn every_route_checks_signature_and_app() {
    let server = Server::start().await;
    for (method, path) in [
        ("POST", "/events"),
        ("POST", "/batch_events"),
        ("GET", "/channels"),
        ("GET", "/channels/a"),
        ("GET", "/channels/presence-a/users"),
        ("POST", "/users/1/terminate_connections"),
    ] {
        let (status, text) = server.send(method, &format!("/apps/3{path}"), "", "{}").await;
        assert_eq!(status, 401, "{path}: {text}");
        let other_app = format!("/apps/4{path}");
        let (status, text) = server.call(method, &other_app, &[], "{}").await;
        assert_eq!((status, text.as_str()), (404, "Could not find app by id 4"), "{path}");
    }
    let (status, _) = server.call("POST", "/apps/3/channels", &[], "{}").await;
    assert_eq!(status, 404);
    let (status, _) = server.call("GET", "/apps/3/nothing", &[], "").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn an_event_outside_the_limits_is_refused() {
    let server = Server::start().await;
    let many: Vec<String> = (0..101).map(|number| format!("c{number}")).collect();
    let event = |change: Value| {
        let mut event = json!({"name": "a", "channels": ["a"], "data": "1"});
        for (name, value) in change.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    };
    for (change, expected) in [
        (json!({}), 200),
        (json!({"name": "x".repeat(200)}), 200),
        (json!({"name": "x".repeat(201)}), 400),
        (json!({"name": ""}), 400),
        (json!({"name": null}), 400),
        (json!({"data": "x".repeat(10_240)}), 200),
        (json!({"data": "x".repeat(10_241)}), 413),
        (json!({"data": "é".repeat(5_121)}), 413),
        (json!({"data": {"not": "text"}}), 400),
        (json!({"channels": many[..100]}), 200),
        (json!({"channels": many}), 400),
        (json!({"channels": []}), 400),
        (json!({"channels": null}), 400),
        (json!({"channels": null, "channel": "a"}), 200),
        (json!({"channels": ["a b"]}), 400),
        (json!({"channels": ["#server-to-user-1"]}), 200),
        (json!({"channels": ["#server-to-user-"]}), 400),
        (json!({"channels": ["#other"]}), 400),
        (json!({"socket_id": "1.1"}), 200),
        (json!({"socket_id": null}), 200),
        (json!({"socket_id": "undefined"}), 400),
        (json!({"unknown": 1}), 200),
    ] {
        let (status, text) = server.post("/apps/3/events", &event(change.clone())).await;
        let short: String = change.to_string().chars().take(60).collect();
        assert_eq!(status, expected, "{short}: {text}");
    }
    for body in ["", "[]", "nonsense", "{}"] {
        let (status, text) = server.call("POST", "/apps/3/events", &[], body).await;
        assert_eq!(status, 400, "{body}: {text}");
    }
}

#[tokio::test]
async fn a_batch_has_one_to_ten_events_with_one_channel_each() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    page.subscribe("a").await;
    let event = json!({"name": "n", "channel": "a", "data": "1"});
    let two_channels = json!({"name": "n", "channels": ["a", "b"], "data": "1"});
    let too_large = json!({"name": "n", "channel": "a", "data": "x".repeat(10_241)});
    for (batch, expected) in [
        (json!([]), 400),
        (json!(vec![&event; 11]), 400),
        (json!([two_channels]), 400),
        // One invalid event rejects the whole batch.
        (json!([event, too_large]), 413),
        (json!(vec![&event; 10]), 200),
    ] {
        let (status, text) = server.post("/apps/3/batch_events", &json!({ "batch": batch })).await;
        assert_eq!(status, expected, "{text}");
    }
    server.publish("a", "marker", "2").await;
    for _ in 0..10 {
        page.expect("n", "a").await;
    }
    page.expect("marker", "a").await;
}

#[tokio::test]
async fn an_oversized_body_is_refused() {
    let server = Server::start().await;
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let head = format!(
        "POST /apps/3/events HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        1024 * 1024 + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = [0; 12];
    stream.read_exact(&mut response).await.unwrap();
    assert_eq!(&response, b"HTTP/1.1 413");
}

#[tokio::test]
async fn channels_report_their_occupancy() {
    let server = Server::start().await;
    let (mut one, mut two) = (Page::open(&server).await, Page::open(&server).await);
    one.subscribe("orders").await;
    one.join("presence-room", "alice").await;
    two.join("presence-room", "alice").await;

    let path = "/apps/3/channels";
    let both = json!({"channels": {"orders": {}, "presence-room": {}}});
    assert_eq!(server.get(path, &[]).await, both);
    let filter = ("filter_by_prefix", "presence-");
    let counted = json!({"user_count": 1, "subscription_count": 2});
    assert_eq!(
        server.get(path, &[filter, ("info", "user_count,subscription_count")]).await,
        json!({"channels": {"presence-room": counted}})
    );
    assert_eq!(
        server.get("/apps/3/channels/orders", &[("info", "subscription_count")]).await,
        json!({"occupied": true, "subscription_count": 1})
    );
    assert_eq!(
        server.get("/apps/3/channels/presence-room", &[("info", "user_count")]).await,
        json!({"occupied": true, "user_count": 1})
    );
    let nobody = server.get("/apps/3/channels/nobody", &[]).await;
    assert_eq!(nobody, json!({"occupied": false}));
    assert_eq!(
        server.get("/apps/3/channels/presence-room/users", &[]).await,
        json!({"users": [{"id": "alice"}]})
    );
    for (path, parameters) in [
        ("/apps/3/channels", ("info", "user_count")),
        ("/apps/3/channels/orders", ("info", "user_count")),
        ("/apps/3/channels/orders/users", ("info", "")),
        ("/apps/3/channels/a%20b", ("info", "")),
    ] {
        let (status, text) = server.call("GET", path, &[parameters], "").await;
        assert_eq!(status, 400, "{path}: {text}");
    }
}

#[tokio::test]
async fn a_publish_request_can_ask_for_the_occupancy() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    page.subscribe("a").await;
    page.join("presence-b", "alice").await;
    let info = "user_count,subscription_count";
    let event = json!({"name": "n", "channels": ["a", "presence-b"], "data": "1", "info": info});
    let (_, text) = server.post("/apps/3/events", &event).await;
    let b = json!({"user_count": 1, "subscription_count": 1});
    let expected = json!({"channels": {"a": {"subscription_count": 1}, "presence-b": b}});
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);

    let asked = json!({"name": "n", "channel": "a", "data": "1", "info": "subscription_count"});
    let plain = json!({"name": "n", "channel": "a", "data": "1"});
    let (_, text) = server.post("/apps/3/batch_events", &json!({ "batch": [asked, plain] })).await;
    let expected = json!({"batch": [{"subscription_count": 1}, {}]});
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

#[tokio::test]
async fn the_embedded_provider_passes_the_check() {
    let server = Server::start().await;
    assert_eq!(server.backend.diagnose().await, Ok(()));
}
