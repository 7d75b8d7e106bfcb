//! Repeated `kill -9` under load: every acknowledged order is in the database, and every committed
//! trade is published.

use std::collections::BTreeSet;

use crate::on_both;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::load::{Load, Outcome};
use crate::support::process::{self, Process};
use crate::support::provider::Provider;
use crate::support::{rounds, wait_for};

/// Short timeouts: the lease of a killed process must expire well within the deadline of a test.
pub fn short_timeouts(provider: &Provider) -> Vec<(&'static str, String)> {
    let mut variables = provider.variables();
    for (name, value) in [
        ("MATCHCAST__PUBLISHER__LEASE_MS", "1500"),
        ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", "20"),
        ("MATCHCAST__PUBLISHER__BACKOFF_CAP_MS", "100"),
        ("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", "700"),
    ] {
        variables.push((name, value.to_owned()));
    }
    variables
}

/// Every acknowledged order and trade is in the database.
pub fn assert_persisted(database: &Database, outcome: &Outcome) {
    let stored = database.order_ids();
    let lost: Vec<i64> =
        outcome.all_orders().into_iter().filter(|id| stored.binary_search(id).is_err()).collect();
    assert!(lost.is_empty(), "acknowledged orders were lost: {lost:?}");
    let trades: BTreeSet<i64> = database.trades().into_iter().map(|(id, ..)| id).collect();
    assert!(outcome.trades.iter().all(|id| trades.contains(id)), "a trade was lost");
}

/// Every trade was published to its buyer and its seller at least once, and nothing else was
/// published.
pub fn assert_published(database: &Database, provider: &Provider) {
    let received: BTreeSet<(String, String)> =
        provider.received().into_iter().map(|event| (event.channel, event.event_id)).collect();
    let events = database.trades().into_iter().flat_map(|(id, buyer, seller)| {
        [buyer, seller].map(|user| (format!("private-user.{user}"), format!("order.matched-{id}")))
    });
    let expected: BTreeSet<(String, String)> = events.collect();
    let missing: Vec<_> = expected.difference(&received).collect();
    assert!(missing.is_empty(), "committed and not published: {missing:?}");
    let extra: Vec<_> = received.difference(&expected).collect();
    assert!(extra.is_empty(), "published and not committed: {extra:?}");
}

on_both! {
    async fn a_crash_loses_no_acknowledged_order(database: Database) {
        let provider = Provider::start().await;
        let variables = short_timeouts(&provider);
        let mut people: Vec<Client> = Vec::new();
        let mut outcome = Outcome::default();
        for round in 0..rounds(3) {
            let process = Process::start(&database, &variables).await;
            if people.is_empty() {
                for name in ["alice", "bob", "charlie"] {
                    people.push(process.log_in(name).await);
                }
            }
            people = people.iter().map(|person| person.at(process.address)).collect();
            let load = Load::start(&people, &["BTC", "ETH"]);
            load.wait_for_acknowledged(rand::random_range(1..=60)).await;
            let log = process.kill();
            assert!(!log.contains("panicked"), "round {round}: {log}");
            outcome.add(load.join().await);
            assert_persisted(&database, &outcome);
        }
        let process = Process::start(&database, &variables).await;
        wait_for("an empty outbox", || async {
            (database.pending_count() == 0).then_some(())
        })
        .await;
        process.stop().await;

        assert_persisted(&database, &outcome);
        assert_published(&database, &provider);
        assert!(!database.trades().is_empty() && outcome.without_response > 0);
        for response in &outcome.error_responses {
            // A user can run out of funds; no other error is expected.
            assert_eq!(response.status, 400, "{}", response.body);
        }
        let (code, output) = process::run("audit", &database.url, &[]).await;
        assert_eq!(code, 0, "{output}");
    }
}
