//! Random faults of the provider and repeated kills of the process while orders are placed: no
//! event is missing or out of order, and every duplicate has a reason.

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
const KILLS: usize = 2;

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
    async fn random_faults_and_kills_lose_no_event(database: Database) {
        let (seed, started) = (Seed::new(), Instant::now());
        let provider = Provider::start().await;
        let mut faults = FaultInjection::new(&seed);
        provider.on_request(move |request| faults.action_for(request));
        let (events, runs) = (rounds(EVENTS), rounds(KILLS) + 1);
        let variables = short_timeouts(&provider);
        let mut numbers = seed.numbers(1);
        let (mut people, mut outcome, mut kills) = (Vec::new(), Outcome::default(), Vec::new());
        for run in 1..=runs {
            let process = Process::start(&database, &variables).await;
            if people.is_empty() {
                people = register(&process).await;
            }
            people = people.iter().map(|person| person.at(process.address)).collect();
            // About every second order trades, which causes two events.
            let wanted = (events * run / runs).saturating_sub(2 * outcome.trades.len());
            let load = Load::start(&people, &["BTC", "ETH"]);
            load.wait_for_acknowledged(wanted.max(1)).await;
            if run == runs {
                outcome.add(load.stop().await);
                wait_until_outbox_empty(&database).await;
                process.stop().await;
                break;
            }
            if numbers.random() {
                // Kill it when an event was accepted and probably not yet recorded.
                let so_far = provider.received_count();
                let received = || async { (provider.received_count() > so_far).then_some(()) };
                wait_for("another received event", received).await;
            }
            let at = Instant::now();
            let log = process.kill();
            assert!(!log.contains("panicked"), "run {run}: {log}");
            outcome.add(load.join().await);
            kills.push(Kill { at, pending: database.pending_keys() });
        }

        assert_persisted(&database, &outcome);
        assert_published(&database, &provider);
        assert_order_per_channel(&provider);
        assert_well_behaved(&provider);
        assert_eq!(database.dead_letters(), [], "no event becomes a dead letter");
        let duplicates = count_duplicates(&provider, &kills);
        let published = 2 * database.trades().len();
        assert!(published >= events * 9 / 10, "only {published} events were published");
        let (code, output) = process::run("audit", &database.url, &[]).await;
        assert_eq!(code, 0, "{output}");
        let requests = provider.posts();
        let failed = requests.iter().filter(|request| !request.accepted).count();
        let summary = format!(
            "{published} events, {} requests of which {failed} were not accepted, {} kills, \
             {duplicates:?}, {:?}",
            requests.len(), kills.len(), started.elapsed()
        );
        // `make torture` prints this.
        if rounds(1) > 1 {
            let _ = writeln!(std::io::stderr(), "{summary}");
        }
    }
}
