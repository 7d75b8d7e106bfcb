//! The OpenAPI document: it is the committed one, describes every route, and its examples work.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::access::{Access, ENDPOINTS};
use crate::on_both;
use crate::support::admin;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::contract::{document, validator};
use crate::support::database::Database;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Each operation with its method and path.
fn operations() -> Vec<(String, String, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    let mut found = Vec::new();
    for (path, item) in paths {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                found.push((method.to_uppercase(), path.clone(), operation));
            }
        }
    }
    found
}

#[test]
fn the_committed_document_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap();
    let current = format!("{:#}", document());
    let differing = committed.lines().zip(current.lines()).position(|(a, b)| a != b);
    assert!(
        committed.trim_end() == current.trim_end(),
        "docs/openapi.json differs, first in line {differing:?}; \
         write it with `cargo run -- openapi > docs/openapi.json` and look at what has changed"
    );
}

#[test]
fn each_route_is_described_with_its_sign_in() {
    let described: BTreeSet<(String, String)> =
        operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    let routes = ENDPOINTS.iter().filter(|(_, path, _)| *path != "/");
    let served: BTreeSet<(String, String)> =
        routes.map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(described, served);
    for (method, path, operation) in operations() {
        let of_route =
            |endpoint: &&(&str, &str, Access)| endpoint.0 == method && endpoint.1 == path;
        let (_, _, access) = ENDPOINTS.iter().find(of_route).unwrap();
        let is_public = operation["security"] == json!([{}]);
        let needs_token = matches!(access, Access::User(_) | Access::Admin(_));
        assert_eq!(is_public, !needs_token, "{method} {path}");
        let is_for_administrators = operation["security"] == json!([{ "token": [] }]);
        assert_eq!(is_for_administrators, matches!(access, Access::Admin(_)), "{method} {path}");
    }
}

#[test]
fn operations_have_ids_summaries_and_descriptions_of_all_responses() {
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let case = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{case}");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{case}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{case}");
        for (status, response) in responses {
            let response = match response["$ref"].as_str() {
                Some(reference) => document().pointer(reference.trim_start_matches('#')).unwrap(),
                None => response,
            };
            assert!(response["description"].as_str().is_some_and(|d| !d.is_empty()), "{case}");
            assert!(response["headers"]["X-Request-Id"].is_object(), "{case} {status}");
        }
    }
    // Each link leads to an operation.
    for (method, path, operation) in operations() {
        for response in operation["responses"].as_object().unwrap().values() {
            for link in response["links"].as_object().into_iter().flat_map(|links| links.values()) {
                let target = link["operationId"].as_str().unwrap();
                assert!(ids.contains(target), "{method} {path}: {target}");
            }
        }
    }
}

/// The example of a request's body.
fn example(operation: &Value) -> Option<Value> {
    let schema = document().pointer(body_schema(operation)?).unwrap();
    Some(schema["example"].clone()).filter(|example| !example.is_null())
}

/// The pointer to the schema of a request's body.
fn body_schema(operation: &Value) -> Option<&str> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    Some(schema["$ref"].as_str()?.trim_start_matches('#'))
}

#[test]
fn the_example_of_each_body_matches_its_schema() {
    let mut checked = 0;
    for (method, path, operation) in operations() {
        let Some(pointer) = body_schema(operation) else { continue };
        let Some(body) = example(operation) else { continue };
        let errors: Vec<_> =
            validator(pointer).iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:?}");
        checked += 1;
    }
    assert!(checked >= 14, "only {checked} bodies have examples");
}

/// What the examples of paths refer to: an order, a webhook, a withdrawal or a user.
async fn id_for(client: &Client, administrator: &Client, path: &str) -> i64 {
    if path.contains("/withdrawals/") {
        let withdrawal = r#"{"asset":"USD","amount":"1","destination":"a bank account"}"#;
        let requested = client.post("/api/withdrawals", withdrawal).await.data();
        return requested["id"].as_i64().unwrap();
    }
    if path.starts_with("/api/admin/users") {
        let email = path.replace(['/', '{', '}'], "-") + "@test.example";
        let user = json!({ "name": "user", "email": email }).to_string();
        let created = administrator.post("/api/admin/users", &user).await.data();
        return created["id"].as_i64().unwrap();
    }
    if path.starts_with("/api/webhooks") {
        let webhook = r#"{"url":"https://hooks.example.com/","events":["order.matched"]}"#;
        let created = client.post("/api/webhooks", webhook).await.data();
        return created["webhook"]["id"].as_i64().unwrap();
    }
    let placed = client.place("ETH", "buy", "1000", "0.1").await.data();
    placed["order"]["id"].as_i64().unwrap()
}

on_both! {
    async fn the_example_of_each_body_is_accepted(database: Database) {
        let app = TestApp::start_with(&database, &[("MATCHCAST__DEMO__TRADERS", "true")]).await;
        let mut tried = 0;
        for (method, path, operation) in operations() {
            let Some(body) = example(operation) else { continue };
            let alice = app.log_in("alice").await;
            let administrator = admin::client(&app, &database, &admin::ABILITIES);
            let client = if path.starts_with("/api/admin/") { &administrator } else { &alice };
            let target = if path.contains("{id}") {
                let id = id_for(&alice, &administrator, &path).await;
                path.replace("{id}", &id.to_string())
            } else {
                path.clone()
            };
            let headers = [("content-type", "application/json")];
            let method: Method = method.parse().unwrap();
            let response =
                client.send(method.clone(), &target, &headers, body.to_string().into()).await;
            let case = format!("{method} {path} {body}: {} {}", response.status, response.body);
            assert!((200..300).contains(&response.status), "{case}");
            tried += 1;
            if path == "/api/user/password" {
                let (old, new) = (&body["current_password"], &body["password"]);
                let back = json!({
                    "current_password": new, "password": old, "password_confirmation": old,
                });
                let back = client.send(method, &path, &headers, back.to_string().into()).await;
                assert_eq!(back.status, 200, "{}", back.body);
            }
        }
        assert!(tried >= 14, "only {tried} bodies have examples");
        app.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_returns_its_document_and_the_viewer() {
    let app = TestApp::start(&Database::sqlite()).await;
    let visitor = app.visitor();
    let served = visitor.get("/api/openapi.json").await;
    assert_eq!(&served.json(), document());
    assert_eq!(served.json()["openapi"], "3.1.0");
    let tag = served.header("etag").unwrap().to_owned();
    let known = [("if-none-match", tag.as_str())];
    let again = visitor.send(Method::GET, "/api/openapi.json", &known, Vec::new()).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    app.stop();
}
