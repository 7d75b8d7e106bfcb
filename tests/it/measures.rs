//! What a process reports about its requests: metrics, and the access log.

use crate::on_both;
use crate::support::client::{Client, metric};
use crate::support::process::Process;
use crate::support::provider::Provider;
use crate::support::published::wait_until_outbox_empty;
use crate::support::wait_for;

async fn logged_in(process: &Process, name: &str) -> Client {
    let mut client = Client::new(process.address);
    client.log_in(&format!("{name}@example.com"), "password").await;
    client
}

on_both! {
    async fn requests_markets_connections_and_events_are_measured(database: Database) {
        let provider = Provider::start().await;
        let mut variables = provider.variables();
        for (name, value) in [
            ("MATCHCAST__HTTP__METRICS", "true"),
            ("MATCHCAST__DEMO__TRADERS", "false"),
            ("MATCHCAST__LOG__LEVEL", "error"),
            ("MATCHCAST__LOG__ACCESS", "true"),
        ] {
            variables.push((name, value.to_owned()));
        }
        let process = Process::start(&database, &variables).await;
        let (alice, bob) = (logged_in(&process, "alice").await, logged_in(&process, "bob").await);
        alice.place("BTC", "buy", "50000", "0.1").await.data();
        bob.place("BTC", "sell", "50000", "0.04").await.data();
        bob.place("ETH", "sell", "3000", "0.1").await.data();
        let refused = bob.place("BTC", "sell", "50000", "1000000").await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert_eq!(alice.get("/api/orders/by-client-id/mine-7?note=hidden").await.status, 404);
        wait_until_outbox_empty(&database).await;

        let visitor = Client::new(process.address);
        let expected = [
            // Of a rejected command nothing is written, but it was executed.
            ("matchcast_engine_commands_total{market=\"BTC\"}", 3.0),
            ("matchcast_engine_commands_total{market=\"ETH\"}", 1.0),
            ("matchcast_engine_trades_total{market=\"BTC\"}", 1.0),
        ];
        let text = wait_for("the pool and the last event to be counted", || async {
            let text = visitor.get("/metrics").await.body;
            let idle = metric(&text, "matchcast_store_connections{state=\"idle\"}");
            let is_counted = idle > Some(0.0)
                && metric(&text, "matchcast_events_delivered_total") > Some(0.0);
            is_counted.then_some(text)
        })
        .await;
        let value = |name: &str| metric(&text, name).unwrap_or_else(|| panic!("{name}: {text}"));
        for (name, expected) in expected {
            assert_eq!(value(name), expected, "{name}");
        }
        assert_eq!(metric(&text, "matchcast_engine_trades_total{market=\"ETH\"}"), None);
        let requests = |labels: &str| {
            let count = value(&format!("matchcast_http_request_seconds_count{{{labels}}}"));
            let all = format!("matchcast_http_request_seconds_bucket{{{labels},le=\"+Inf\"}}");
            assert_eq!(count, value(&all), "{labels}");
            assert!(value(&format!("matchcast_http_request_seconds_sum{{{labels}}}")) > 0.0);
            count
        };
        let orders = |status| {
            requests(&format!("method=\"POST\",route=\"/api/orders\",status=\"{status}\""))
        };
        assert_eq!((orders("200"), orders("400")), (3.0, 1.0));
        let route = "/api/orders/by-client-id/{id}";
        assert_eq!(requests(&format!("method=\"GET\",route=\"{route}\",status=\"404\"")), 1.0);
        let events = value("matchcast_events_delivered_total");
        assert_eq!(value("matchcast_events_delivery_seconds_count"), events);
        assert!(value("matchcast_publisher_request_seconds_count") > 0.0);
        assert!(value("matchcast_store_wait_seconds_count") > 0.0);
        process.stop().await;
    }

    async fn the_access_log_has_a_line_per_request_if_it_is_on(database: Database) {
        for is_on in [true, false] {
            let variables = [
                ("MATCHCAST__LOG__ACCESS", is_on.to_string()),
                ("MATCHCAST__LOG__LEVEL", if is_on { "error" } else { "info" }.to_owned()),
            ];
            let process = Process::start(&database, &variables).await;
            let client = logged_in(&process, "alice").await;
            let path = "/api/orders/by-client-id/mine-7";
            assert_eq!(client.get(&format!("{path}?note=hidden")).await.status, 404);
            let log = process.kill();
            let line = log.lines().find(|line| line.contains(path));
            let Some(line) = line.filter(|_| is_on) else {
                assert!(line.is_none() && !is_on, "{log}");
                continue;
            };
            for part in ["client=127.0.0.1", "method=GET", "status=404", "bytes=", "elapsed_ms=",
                "request_id="] {
                assert!(line.contains(part), "{part}: {line}");
            }
            assert!(!line.contains("hidden"), "{line}");
        }
    }
}
