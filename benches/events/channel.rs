//! Measures how many events of one public channel reach a provider that takes 50 ms per request, if
//! it accepts ten events in a request, as hosted Pusher does, and if it accepts a hundred.
//!
//! All variables of the environment that begin with MATCHCAST__ are passed on, so that settings of
//! the publisher can be compared.

use std::time::Instant;

use serde_json::json;

use crate::backlog;
use crate::databases;
use crate::options::{self, Options};
use crate::provider::{self, Provider};
use crate::received;
use crate::recorder::Recorder;
use crate::server::Server;

/// Only this event, which every trade has once, on the channel of its market.
const ONLY_TRADE_EXECUTED: [(&str, &str); 2] =
    [("MATCHCAST__EVENTS__ORDER_MATCHED", "false"), ("MATCHCAST__EVENTS__TRADE_EXECUTED", "true")];
const SETTINGS: &str = "MATCHCAST__";
const EVENTS_PER_REQUEST: [&str; 2] = ["10", "100"];

pub async fn measure(options: Options) {
    let mut recorder = Recorder::create("channel");
    let trades = usize::try_from(options::number("EVENTS", 20_000) / 8).expect("a small number");
    let settings: Vec<(String, String)> =
        std::env::vars().filter(|(name, _)| name.starts_with(SETTINGS)).collect();
    for repetition in 1..=options.repetitions {
        let databases = databases::all();
        let kinds = databases.iter().flat_map(|kind| EVENTS_PER_REQUEST.map(|max| (kind, max)));
        for ((name, create), max_events) in kinds {
            let database = create();
            backlog::fill_with(&database, trades, trades, &ONLY_TRADE_EXECUTED).await;
            let provider = Provider::start();
            let port = provider.port.to_string();
            let mut variables = provider::variables(&port).to_vec();
            variables.extend(ONLY_TRADE_EXECUTED);
            variables.push(("MATCHCAST__PUSHER__MAX_EVENTS_PER_REQUEST", max_events));
            variables.push(("MATCHCAST__PUSHER__REQUEST_LIMIT_BYTES", "0"));
            variables.extend(settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let server = Server::start(&database, &variables);
            let started = Instant::now();
            let received = provider.received(trades).await;
            let stats = provider.stats();
            let elapsed = stats.elapsed_since(started).as_secs_f64();
            assert_eq!(received::out_of_order(&received), 0, "trades arrive in their order");
            received::wait_until_delivered(&database).await;
            drop(server);
            database.audit();
            let parameters = json!({ "database": name, "max_events": max_events });
            let rate = received.len() as f64 / elapsed;
            recorder.record("events_per_second", parameters.clone(), repetition, rate);
            let per_request = received.len() as f64 / stats.count as f64;
            recorder.record("events_per_request", parameters, repetition, per_request);
        }
    }
}
