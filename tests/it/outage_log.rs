//! The log during outages: one line when an outage begins and one when it ends, however many
//! requests, polls and attempts fail.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::crash::short_timeouts;
use crate::on_both;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::provider::{Provider, respond};
use crate::support::wait_for;

/// The log as programs read it, at the default level.
const LOG: [(&str, &str); 2] =
    [("MATCHCAST__LOG__FORMAT", "json"), ("MATCHCAST__LOG__LEVEL", "info,actix_server=warn")];

async fn start(database: &Database, provider: &Provider, more: &[(&'static str, &str)]) -> Process {
    let mut variables = short_timeouts(provider);
    let more = LOG.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned()));
    variables.extend(more);
    Process::start(database, &variables).await
}

/// How often the log has each message.
fn messages(log: &str) -> BTreeMap<String, usize> {
    let mut messages = BTreeMap::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).expect(line);
        let message = line["fields"]["message"].as_str().expect("a message").to_owned();
        *messages.entry(message).or_default() += 1;
    }
    messages
}

async fn wait_for_message(process: &Process, message: &str) {
    wait_for(message, || async { process.log().contains(message).then_some(()) }).await;
}

/// Sends this many requests at once until their sum is `count`; returns how many got 5xx.
async fn get_many(client: &Client, path: &str, count: usize) -> usize {
    let mut failed = 0;
    for _ in 0..count.div_ceil(20) {
        let calls = futures_util::future::join_all((0..20).map(|_| client.get(path))).await;
        failed += calls.iter().filter(|response| response.status >= 500).count();
    }
    failed
}

on_both! {
    async fn an_outage_of_the_provider_is_two_lines(database: Database) {
        let provider = Provider::start().await;
        provider.always(respond("503 Service Unavailable", ""));
        let process = start(&database, &provider, &[]).await;
        database.write_events(1, ["private-user.1", "private-user.2"]);
        wait_for("many attempts", || async { (provider.post_count() > 20).then_some(()) }).await;
        provider.accept_all();
        wait_for_message(&process, "the provider is available again").await;
        let messages = messages(&process.stop().await);
        for message in
            ["the provider is unavailable; events are kept", "the provider is available again"]
        {
            assert_eq!(messages.get(message), Some(&1), "{messages:?}");
        }
    }

    async fn requests_that_fail_alike_are_two_lines(database: Database) {
        let provider = Provider::start().await;
        let process = start(&database, &provider, &[]).await;
        let alice = process.log_in("alice").await;
        database.execute("ALTER TABLE trades RENAME TO elsewhere");
        assert_eq!(get_many(&alice, "/api/trades?symbol=BTC", 100).await, 100);
        database.execute("ALTER TABLE elsewhere RENAME TO trades");
        assert_eq!(get_many(&alice, "/api/trades?symbol=BTC", 20).await, 0);
        wait_for_message(&process, "requests get 500 no more").await;
        let log = process.stop().await;
        let end = log.lines().find(|line| line.contains("requests get 500 no more")).unwrap();
        let end: Value = serde_json::from_str(end).unwrap();
        assert_eq!(end["fields"]["failures"], 100);
        let messages = messages(&log);
        assert_eq!(messages.get("requests get 500: an internal error"), Some(&1), "{messages:?}");
    }
}

#[cfg(feature = "postgres-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_database_is_two_lines_of_each_kind() {
    use crate::support::proxy::Proxy;

    let database = Database::postgres();
    let provider = Provider::start().await;
    let proxy = Proxy::start(&database.url).await;
    let more = [
        ("DATABASE_URL", proxy.url.as_str()),
        ("MATCHCAST__DATABASE__TIMEOUT_MS", "200"),
        ("MATCHCAST__EVENTS__BOOK_UPDATED", "true"),
    ];
    let process = start(&database, &provider, &more).await;
    let alice = process.log_in("alice").await;
    let ready = || async { (alice.get("/ready").await.status == 200).then_some(()) };
    wait_for("a process that is ready", ready).await;
    alice.place("BTC", "sell", "100", "0.01").await.data();
    let before = process.log().lines().count();

    proxy.interrupt();
    let mut failed = 0;
    while failed < 200 {
        failed += get_many(&alice, "/api/profile", 20).await;
        failed += usize::from(alice.place("BTC", "sell", "100", "0.01").await.status >= 500);
        failed += usize::from(alice.get("/ready").await.status >= 500);
    }
    proxy.restore();
    wait_for("a process that is ready again", ready).await;
    for message in [
        "the publisher uses the database again",
        "order books are published again",
        "this process is ready again",
        "requests are answered again",
    ] {
        wait_for(message, || async {
            // Somebody uses the process.
            alice.get("/api/profile").await;
            ready().await;
            process.log().contains(message).then_some(())
        })
        .await;
    }
    let log = process.stop().await;
    let during: Vec<&str> = log.lines().skip(before).collect();
    let messages = messages(&during.join("\n"));
    let repeated: Vec<_> = messages.iter().filter(|(_, count)| **count > 1).collect();
    assert!(repeated.is_empty(), "{failed} requests failed: {messages:#?}");
    assert!(messages.len() <= 16, "{messages:#?}");
    database.audit();
}
