//! The ids of requests: in responses, and in the lines of the log.

use reqwest::Method;
use serde_json::Value;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::process::Process;

const HEADER: &str = "x-request-id";
const BUY: &str = r#"{"symbol":"BTC","side":"buy","price":100,"amount":1}"#;
const SELL: &str = r#"{"symbol":"BTC","side":"sell","price":100,"amount":1}"#;

async fn send(client: &Client, method: Method, path: &str, id: &str, body: &str) -> Response {
    client.send(method, path, &[(HEADER, id)], body.as_bytes().to_vec()).await
}

/// The lines with this message.
fn lines(log: &str, message: &str) -> Vec<Value> {
    let parsed = log.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    parsed.filter(|line| line["fields"]["message"] == message).collect()
}

/// The value of a field of one of the spans of a line.
fn in_spans<'a>(line: &'a Value, field: &str) -> Option<&'a str> {
    line["spans"].as_array()?.iter().find_map(|span| span[field].as_str())
}

on_both! {
    async fn each_response_has_the_id_of_its_request_or_a_new_one(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        for path in ["/api/config", "/api/user", "/api/nothing", "/up", "/", "/assets/none"] {
            let response = send(&visitor, Method::GET, path, "trace-1/a=b", "").await;
            assert_eq!(response.header(HEADER), Some("trace-1/a=b"), "{path}");
        }
        let mut seen = Vec::new();
        for invalid in ["", "a b", "\"x\"", "a,b", &"x".repeat(129)] {
            let response = send(&visitor, Method::GET, "/up", invalid, "").await;
            let id = response.header(HEADER).expect("an id").to_owned();
            assert_eq!(id.len(), 32, "{invalid:?}: {id}");
            seen.push(id);
        }
        seen.push(visitor.get("/up").await.header(HEADER).expect("an id").to_owned());
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 6, "{seen:?}");
        app.stop();
    }

    async fn the_log_names_requests_in_handlers_transactions_and_batches(database: Database) {
        let log = [("MATCHCAST__LOG__FORMAT", "json".to_owned()),
            ("MATCHCAST__LOG__LEVEL", "matchcast=debug".to_owned())];
        let process = Process::start(&database, &log).await;
        let (alice, bob) = (process.log_in("alice").await, process.log_in("bob").await);
        assert_eq!(send(&alice, Method::POST, "/api/orders", "buy-1", BUY).await.status, 200);
        database.execute("ALTER TABLE trades RENAME TO elsewhere");
        let read = send(&alice, Method::GET, "/api/trades?symbol=BTC", "read-1", "").await;
        assert_eq!(read.status, 500, "{}", read.body);
        assert_eq!(send(&bob, Method::POST, "/api/orders", "sell-1", SELL).await.status, 500);
        database.execute("ALTER TABLE elsewhere RENAME TO trades");
        assert_eq!(send(&bob, Method::POST, "/api/orders", "sell-2", SELL).await.status, 200);
        let log = process.stop().await;

        let answered = lines(&log, "a request was answered");
        let read = answered.iter().find(|line| in_spans(line, "request_id") == Some("read-1"));
        let fields = &read.expect("a line about the request")["fields"];
        assert_eq!(fields["route"], "/api/trades");
        assert_eq!(fields["method"], "GET");
        assert_eq!(fields["status"], 500);
        let failed = lines(&log, "requests get 500: an internal error");
        assert_eq!(in_spans(&failed[0], "request_id"), Some("read-1"));
        let failed = lines(&log, "a request failed");
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0]["fields"]["request_id"], "sell-1");
        assert_eq!(in_spans(&failed[0], "request_ids"), Some("sell-1"));
        let committed = lines(&log, "a batch was committed");
        let ids: Vec<_> = committed.iter().filter_map(|line| in_spans(line, "request_ids"))
            .filter(|ids| !ids.is_empty()).collect();
        assert_eq!(ids, ["buy-1", "sell-2"]);
        let traded = committed.iter().find(|line| in_spans(line, "request_ids") == Some("sell-2"));
        assert_eq!(traded.unwrap()["fields"]["trades"], 1);
        assert!(traded.unwrap()["fields"]["first_trade_id"].is_i64());
    }
}
