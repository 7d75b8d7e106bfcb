//! A provider that fails in every way, and a process that is killed again and again, while orders
//! are placed: nothing is missing, nothing is out of order, and what is heard twice has a reason.

use std::io::Write;
use std::time::Instant;

use rand::Rng;

use crate::crash::{assert_persisted, assert_published, short_timeouts};
use crate::on_both;
use crate::support::client::Client;
use crate::support::fault_injection::{FaultInjection, Seed};
use crate::support::load::{Load, Outcome};
use crate::support::process::{self, Process};
use crate::support::provider::Provider;
use crate::support::published::{
    Kill, assert_order_per_channel, assert_well_behaved, count_duplicates, wait_until_outbox_empty,
};
use crate::support::{rounds, wait_for};

const PEOPLE: usize = 8;
const EVENTS: usize = 600;
const DEATHS: usize = 2;

async fn register(process: &Process) -> Vec<Client> {
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let mut client = Client::new(process.address);
        client.register(&format!("person-{number}")).await;
        for currency in ["USD", "BTC", "ETH"] {
            let wanted = format!(r#"{{"currency":"{currency}"}}"#);
            assert_eq!(client.post("/api/faucet", &wanted).await.status, 200);
        }
        people.push(client);
    }
    people
}

on_both! {
    async fn random_faults_and_random_deaths_lose_nothing(database: Database) {
        let (seed, started) = (Seed::new(), Instant::now());
        let provider = Provider::start().await;
        let mut faults = FaultInjection::new(&seed);
        provider.on_request(move |call| faults.action_for(call));
        let (events, lives) = (rounds(EVENTS), rounds(DEATHS) + 1);
        let variables = short_timeouts(&provider);
        let mut numbers = seed.numbers(1);
        let (mut people, mut outcome, mut deaths) = (Vec::new(), Outcome::default(), Vec::new());
        for life in 1..=lives {
            let process = Process::start(&database, &variables).await;
            if people.is_empty() {
                people = register(&process).await;
            }
            people = people.iter().map(|person| person.at(process.address)).collect();
            // About every second order trades, which makes two events.
            let wanted = (events * life / lives).saturating_sub(2 * outcome.trades.len());
            let load = Load::start(&people, &["BTC", "ETH"]);
            load.wait_for_acknowledged(wanted.max(1)).await;
            if life == lives {
                outcome.add(load.stop().await);
                wait_until_outbox_empty(&database).await;
                process.stop().await;
                break;
            }
            if numbers.random() {
                // Just told, and hardly written down.
                let so_far = provider.received_count();
                let told = || async { (provider.received_count() > so_far).then_some(()) };
                wait_for("another event that is told", told).await;
            }
            let at = Instant::now();
            let log = process.kill();
            assert!(!log.contains("panicked"), "life {life}: {log}");
            outcome.add(load.join().await);
            deaths.push(Kill { at, pending: database.pending_keys() });
        }

        assert_persisted(&database, &outcome);
        assert_published(&database, &provider);
        assert_order_per_channel(&provider);
        assert_well_behaved(&provider);
        assert_eq!(database.dead_letters(), [], "nothing is given up");
        let repeated = count_duplicates(&provider, &deaths);
        let told = 2 * database.trades().len();
        assert!(told >= events * 9 / 10, "{told} events are too few to show anything");
        let (code, said) = process::run("audit", &database.url, &[]).await;
        assert_eq!(code, 0, "{said}");
        let calls = provider.posts();
        let failed = calls.iter().filter(|call| !call.accepted).count();
        let summary = format!(
            "{told} events, {} calls of which {failed} were not accepted, {} deaths, \
             {repeated:?}, {:?}",
            calls.len(), deaths.len(), started.elapsed()
        );
        // For `make torture`; nobody sees it otherwise.
        if rounds(1) > 1 {
            let _ = writeln!(std::io::stderr(), "{summary}");
        }
    }
}
