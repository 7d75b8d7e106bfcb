//! A server whose provider is unreachable, so that every event stays in the outbox, where tests can
//! read it.

use diesel::prelude::*;
use matchcast::store::schema::{dead_letters, outbox};
use serde_json::Value;

use super::app::TestApp;
use super::database::Database;
use super::provider::Provider;

/// Each event and the environment variable that turns it on.
pub const EVENT_VARIABLES: [(&str, &str); 5] = [
    ("order.matched", "MATCHCAST__EVENTS__ORDER_MATCHED"),
    ("order.updated", "MATCHCAST__EVENTS__ORDER_UPDATED"),
    ("balance.updated", "MATCHCAST__EVENTS__BALANCE_UPDATED"),
    ("trade.executed", "MATCHCAST__EVENTS__TRADE_EXECUTED"),
    ("book.updated", "MATCHCAST__EVENTS__BOOK_UPDATED"),
];

/// An event in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct OutboxRow {
    pub channel: String,
    pub name: String,
    pub data: String,
    pub socket_id: Option<String>,
    /// The time of the batch, in microseconds.
    pub created_at: chrono::NaiveDateTime,
}

impl OutboxRow {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect(&self.data)
    }

    pub fn event_id(&self) -> String {
        self.json()["event_id"].as_str().expect("each event has an id").to_owned()
    }
}

/// Starts a server with exactly these events turned on and an unreachable provider.
pub async fn start_with_events(
    database: &Database,
    events: &[&str],
    more: &[(&str, &str)],
) -> (TestApp, Provider) {
    let provider = Provider::down();
    let given = provider.variables();
    let given = given.iter().map(|(name, value)| (*name, value.as_str()));
    let events = EVENT_VARIABLES
        .map(|(name, variable)| (variable, if events.contains(&name) { "true" } else { "false" }));
    // Enough for the last events to be written, even on a busy machine.
    let shutdown = [("MATCHCAST__HTTP__SHUTDOWN_SECONDS", "20")];
    let given = given.chain(shutdown).chain(events);
    let all: Vec<(&str, &str)> = given.chain(more.iter().copied()).collect();
    (TestApp::start_with(database, &all).await, provider)
}

impl Database {
    /// The pending events, in the order in which they were written.
    pub fn events(&self) -> Vec<OutboxRow> {
        let columns =
            (outbox::channel, outbox::name, outbox::data, outbox::socket_id, outbox::created_at);
        let rows = outbox::table.select(columns).order(outbox::id);
        rows.load(&mut self.connect()).expect("events are read")
    }

    /// The pending events with this name.
    pub fn events_named(&self, name: &str) -> Vec<OutboxRow> {
        self.events().into_iter().filter(|row| row.name == name).collect()
    }

    /// Name, data and error of each dead letter, by ascending id.
    pub fn dead_letter_rows(&self) -> Vec<(String, String, String)> {
        let columns = (dead_letters::name, dead_letters::data, dead_letters::error);
        let rows = dead_letters::table.select(columns).order(dead_letters::id);
        rows.load(&mut self.connect()).expect("events are read")
    }
}
