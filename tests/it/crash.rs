//! kill -9 under load, again and again: what was acknowledged is there, what was committed is told.

use std::collections::BTreeSet;

use crate::on_both;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::load::{Load, Outcome};
use crate::support::process::{self, Process};
use crate::support::provider::Provider;
use crate::support::{rounds, wait_for};

/// Small waits: the role of the dead process must be free again before the test loses patience.
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

/// Everything that was promised to clients is in the database.
pub fn assert_persisted(database: &Database, outcome: &Outcome) {
    let stored = database.order_ids();
    let lost: Vec<i64> =
        outcome.all_orders().into_iter().filter(|id| stored.binary_search(id).is_err()).collect();
    assert!(lost.is_empty(), "acknowledged and lost: orders {lost:?}");
    let trades: BTreeSet<i64> = database.trades().into_iter().map(|(id, ..)| id).collect();
    assert!(outcome.trades.iter().all(|id| trades.contains(id)), "a trade was lost");
}

/// Buyer and seller of every trade have heard of it: at least once, and of nothing else.
pub fn assert_published(database: &Database, provider: &Provider) {
    let heard: BTreeSet<(String, String)> =
        provider.received().into_iter().map(|event| (event.channel, event.event_id)).collect();
    let told = database.trades().into_iter().flat_map(|(id, buyer, seller)| {
        [buyer, seller].map(|user| (format!("private-user.{user}"), format!("order.matched-{id}")))
    });
    let expected: BTreeSet<(String, String)> = told.collect();
    let missing: Vec<_> = expected.difference(&heard).collect();
    assert!(missing.is_empty(), "committed and never told: {missing:?}");
    let invented: Vec<_> = heard.difference(&expected).collect();
    assert!(invented.is_empty(), "told and not committed: {invented:?}");
}

on_both! {
    async fn a_power_cut_loses_nothing_that_was_acknowledged(database: Database) {
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
        wait_for("the rest of the events", || async {
            (database.pending_count() == 0).then_some(())
        })
        .await;
        process.stop().await;

        assert_persisted(&database, &outcome);
        assert_published(&database, &provider);
        assert!(!database.trades().is_empty() && outcome.without_response > 0);
        for refusal in &outcome.error_responses {
            // Money can run out on one side; nothing else may be refused.
            assert_eq!(refusal.status, 400, "{}", refusal.body);
        }
        let (code, said) = process::run("audit", &database.url, &[]).await;
        assert_eq!(code, 0, "{said}");
    }
}
