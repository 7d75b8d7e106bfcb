//! Errors: their closed list of codes, and their two shapes.

use reqwest::Method;
use serde_json::json;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};

const PROBLEM: &str = "application/problem+json";
const ORDER: &str = r#"{"symbol":"BTC","side":"buy","price":100000,"amount":1}"#;

async fn send(client: &Client, method: Method, path: &str, accept: &str, body: &str) -> Response {
    let headers = [("accept", accept), ("x-request-id", "r-1"), ("idempotency-key", "k")];
    client.send(method, path, &headers, body.as_bytes().to_vec()).await
}

on_both! {
    async fn a_client_that_accepts_problems_gets_them(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        // The second one is the stored response of the first.
        for accept in [PROBLEM, "application/json, application/problem+json;q=0.5"] {
            let response = send(&alice, Method::POST, "/api/orders", accept, ORDER).await;
            assert_eq!(response.status, 400);
            assert_eq!(response.header("content-type"), Some(PROBLEM));
            assert_eq!(response.json(), json!({
                "type": "/api/errors/insufficient_funds", "title": "Insufficient funds",
                "status": 400, "detail": "Insufficient USD balance for this buy order.",
                "instance": "/api/orders", "code": "insufficient_funds", "request_id": "r-1",
            }));
        }
        let invalid = send(&alice, Method::POST, "/api/orders", PROBLEM, "{}").await.json();
        assert_eq!(invalid["errors"]["symbol"], json!(["The symbol field is required."]));
        assert_eq!((&invalid["status"], &invalid["code"]),
            (&json!(422), &json!("validation_failed")));
        let batch = format!(r#"{{"orders":[{ORDER}]}}"#);
        let batch = send(&alice, Method::POST, "/api/orders/batch", PROBLEM, &batch).await;
        assert_eq!(batch.status, 422, "the key was used for another request");
        for (path, status) in [("/api/nothing", 404), ("/api/login", 405), ("/api/user", 401)] {
            let problem = send(&app.visitor(), Method::GET, path, PROBLEM, "").await;
            assert_eq!((problem.status, problem.header("content-type")), (status, Some(PROBLEM)));
            assert_eq!(problem.json()["instance"], path);
        }
        let success = send(&alice, Method::GET, "/api/user", PROBLEM, "").await;
        assert_eq!(success.header("content-type"), Some("application/json"));
        app.stop();
    }

    async fn other_clients_get_the_shape_of_laravel(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        let expected = r#"{"success":false,"message":"Unauthenticated.","code":"unauthenticated"}"#;
        for accept in ["*/*", "application/*", "text/html", "application/json", "nonsense", "",
            "application/problem+json;q=0"] {
            let response = send(&visitor, Method::GET, "/api/user", accept, "").await;
            assert_eq!(response.body, expected, "{accept}");
            assert_eq!(response.header("content-type"), Some("application/json"), "{accept}");
        }
        app.stop();
    }

    async fn the_type_of_a_problem_leads_to_its_description(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        let problem = send(&visitor, Method::GET, "/api/user", PROBLEM, "").await.json();
        let described = visitor.get(problem["type"].as_str().unwrap()).await.data();
        for key in ["code", "status", "title"] {
            assert_eq!(described[key], problem[key], "{key}");
        }
        let list = visitor.get("/api/errors").await.data();
        assert!(list.as_array().unwrap().contains(&described));
        assert_eq!(visitor.get("/api/errors/nothing").await.status, 404);
        app.stop();
    }
}
