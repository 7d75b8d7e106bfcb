//! A matchcast whose events nobody takes, so that all of them can be read where they wait.

use diesel::prelude::*;
use matchcast::store::schema::{dead_letters, outbox};
use serde_json::Value;

use super::app::TestApp;
use super::database::Database;
use super::provider::Provider;

/// The switches of events, as variables; the names of the events are theirs in capital letters.
pub const EVENT_VARIABLES: [(&str, &str); 5] = [
    ("order.matched", "MATCHCAST__EVENTS__ORDER_MATCHED"),
    ("order.updated", "MATCHCAST__EVENTS__ORDER_UPDATED"),
    ("balance.updated", "MATCHCAST__EVENTS__BALANCE_UPDATED"),
    ("trade.executed", "MATCHCAST__EVENTS__TRADE_EXECUTED"),
    ("book.updated", "MATCHCAST__EVENTS__BOOK_UPDATED"),
];

/// An event as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct OutboxRow {
    pub channel: String,
    pub name: String,
    pub data: String,
    pub socket_id: Option<String>,
    /// In microseconds: the time of the batch.
    pub created_at: chrono::NaiveDateTime,
}

impl OutboxRow {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect(&self.data)
    }

    pub fn event_id(&self) -> String {
        self.json()["event_id"].as_str().expect("each event has one").to_owned()
    }
}

/// With exactly these events switched on, and a provider that is not there.
pub async fn start_with_events(
    database: &Database,
    events: &[&str],
    more: &[(&str, &str)],
) -> (TestApp, Provider) {
    let provider = Provider::down();
    let given = provider.variables();
    let given = given.iter().map(|(name, value)| (*name, value.as_str()));
    let switches = EVENT_VARIABLES
        .map(|(name, variable)| (variable, if events.contains(&name) { "true" } else { "false" }));
    // Whatever is to be told in the end is told, however busy the machine is.
    let patience = [("MATCHCAST__HTTP__SHUTDOWN_SECONDS", "20")];
    let given = given.chain(patience).chain(switches);
    let all: Vec<(&str, &str)> = given.chain(more.iter().copied()).collect();
    (TestApp::start_with(database, &all).await, provider)
}

impl Database {
    /// The events that wait, in the order in which they were written.
    pub fn events(&self) -> Vec<OutboxRow> {
        let columns =
            (outbox::channel, outbox::name, outbox::data, outbox::socket_id, outbox::created_at);
        let rows = outbox::table.select(columns).order(outbox::id);
        rows.load(&mut self.connect()).expect("events are read")
    }

    /// Those of one name.
    pub fn events_named(&self, name: &str) -> Vec<OutboxRow> {
        self.events().into_iter().filter(|row| row.name == name).collect()
    }

    /// Name, data and answer of what was set aside, in order.
    pub fn dead_letter_rows(&self) -> Vec<(String, String, String)> {
        use dead_letters as aside;
        let rows = aside::table.select((aside::name, aside::data, aside::error)).order(aside::id);
        rows.load(&mut self.connect()).expect("events are read")
    }
}
