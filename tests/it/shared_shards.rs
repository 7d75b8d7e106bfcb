//! Processes share the channels: each has about as many, each channel has one of them at a time,
//! and its events stay in order while channels move because a process has joined, left or died.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use matchcast::store::schema::{publisher_shards, publishers};

use crate::crash::short_timeouts;
use crate::on_both;
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::provider::{Action, Provider, ok};
use crate::support::published::{
    Kill, assert_order_per_channel, assert_well_behaved, count_duplicates, wait_until_outbox_empty,
};
use crate::support::{rounds, wait_for};
use crate::takeover::{self, write_events_of};

const CHANNELS: usize = 320;

async fn start(database: &Database, provider: &Provider, name: &str) -> Process {
    let mut variables = short_timeouts(provider);
    variables.push(("MATCHCAST__PUSHER__PATH", format!("/{name}")));
    // So long that a process on a busy machine neither loses its shards nor repeats a request: that
    // would be allowed, and is not what these tests are about.
    variables.push(("MATCHCAST__PUBLISHER__LEASE_MS", "6000".to_owned()));
    variables.push(("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", "10000".to_owned()));
    Process::start(database, &variables).await
}

/// Waits until this many processes have all shards, about the same number each.
async fn wait_until_shared(database: &Database, processes: usize) {
    wait_for("shards that are shared out", || async {
        let mut connection = database.connect();
        let living = publishers::table.select(publishers::holder);
        let living: BTreeSet<String> =
            living.load(&mut connection).expect("publishers").into_iter().collect();
        let holders = publisher_shards::table.select(publisher_shards::holder);
        let mut counts = BTreeMap::<String, usize>::new();
        for holder in holders.load::<String>(&mut connection).expect("shards") {
            *counts.entry(holder).or_default() += 1;
        }
        let fewest = 64 / processes;
        let are_even = counts.values().all(|count| (fewest..=fewest + 1).contains(count));
        let are_all = counts.len() == processes && counts.values().sum::<usize>() == 64;
        (are_even && are_all && counts.keys().eq(&living)).then_some(())
    })
    .await;
}

on_both! {
    async fn processes_share_the_channels_and_each_channel_has_one_of_them(database: Database) {
        let provider = Provider::start().await;
        let first = start(&database, &provider, "first").await;
        wait_until_shared(&database, 1).await;
        let second = start(&database, &provider, "second").await;
        wait_until_shared(&database, 2).await;
        write_events_of(&database, CHANNELS, 1, 3);
        let all = database.pending_keys();
        wait_until_outbox_empty(&database).await;

        let mut senders = BTreeMap::<String, BTreeSet<String>>::new();
        for call in provider.posts() {
            for event in call.events {
                senders.entry(event.channel).or_default().insert(call.prefix.clone());
            }
        }
        assert_eq!(senders.len(), CHANNELS);
        assert!(senders.values().all(|names| names.len() == 1), "{senders:?}");
        let of_first = senders.values().filter(|names| names.contains("/first")).count();
        assert!((CHANNELS / 3..CHANNELS * 2 / 3).contains(&of_first), "{of_first} of {CHANNELS}");
        assert_eq!(takeover::received(&provider), all);
        assert_eq!(provider.received_count(), all.len(), "each event once");
        assert_order_per_channel(&provider);
        assert_well_behaved(&provider);

        // What one leaves, the other one has at once.
        first.stop().await;
        wait_until_shared(&database, 1).await;
        let before = provider.post_count();
        write_events_of(&database, CHANNELS, 10_000, 1);
        wait_until_outbox_empty(&database).await;
        assert!(provider.posts()[before..].iter().all(|call| call.prefix == "/second"));
        second.stop().await;
        for rows in ["publishers", "publisher_shards"] {
            database.assert(&format!("NOT EXISTS (SELECT 1 FROM {rows})"));
        }
        database.assert("NOT EXISTS (SELECT 1 FROM leases WHERE name = 'publisher')");
    }

    async fn events_stay_in_order_while_their_channels_move(database: Database) {
        let provider = Provider::start().await;
        // There are requests in flight whenever something moves.
        provider.always(Action::RespondAfter(Duration::from_millis(20), ok()));
        let mut processes = vec![start(&database, &provider, "first").await];
        let (mut written, mut kills) = (0, Vec::new());
        let mut write = |database: &Database| {
            write_events_of(database, CHANNELS, 1 + written, 2);
            written += 2 * CHANNELS;
        };
        for round in 0..rounds(2) {
            write(&database);
            for name in ["joined", "joined too"] {
                let name = format!("{}-{round}", name.replace(' ', "-"));
                processes.push(start(&database, &provider, &name).await);
                write(&database);
            }
            wait_until_shared(&database, 3).await;
            write(&database);
            // The oldest one leaves, the next one dies.
            processes.remove(0).stop().await;
            write(&database);
            let at = Instant::now();
            processes.remove(0).kill();
            kills.push(Kill { at, pending: database.pending_keys() });
            write(&database);
            wait_until_shared(&database, 1).await;
        }
        wait_until_outbox_empty(&database).await;
        for process in processes {
            process.stop().await;
        }
        // On a busy machine a response may come too late for its request.
        let duplicates = count_duplicates(&provider, &kills);
        let again = duplicates.after_kill + duplicates.after_lost_response;
        let received = takeover::received(&provider).len();
        assert_eq!(received, written, "no event is missing");
        assert_eq!(provider.received_count(), written + again);
        assert_order_per_channel(&provider);
        assert_well_behaved(&provider);
    }
}
