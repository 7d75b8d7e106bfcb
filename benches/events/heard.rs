//! Measures when the provider hears of trades that were made through one of two processes that
//! share a PostgreSQL database. Each of the two publishes half of the channels.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use matchcast::store::schema::publisher_shards;
use serde_json::json;

use crate::database::Database;
use crate::latency;
use crate::load;
use crate::options::Options;
use crate::provider::{self, Provider};
use crate::received;
use crate::recorder::Recorder;
use crate::server::Server;
use crate::setup;

const CONNECTIONS: u32 = 4;
const TRADES_PER_SECOND: u32 = 100;
/// The provider responds at once.
const RESPONSE_TIME: Duration = Duration::ZERO;
/// Shards that a process has when two share them.
const HALF: usize = 32;

pub async fn measure(options: Options) {
    let mut recorder = Recorder::create("heard");
    for repetition in 1..=options.repetitions {
        let database = Database::postgres();
        setup::prepare(&database);
        let provider = Provider::start_with(RESPONSE_TIME);
        let port = provider.port.to_string();
        let variables = provider::variables(&port);
        let servers = [(); 2].map(|()| Server::start(&database, &variables));
        wait_until_shared(&database).await;
        for (number, server) in servers.iter().enumerate() {
            let address = &server.address;
            // Each user's token is used for the first time.
            load::trades(address, CONNECTIONS as usize, 2_000).await;
            received::wait_until_delivered(&database).await;
            provider.forget();
            let traded =
                load::at_rate(address, CONNECTIONS, TRADES_PER_SECOND, options.duration).await;
            let trades: usize = traded.iter().map(|order| order.trades.len()).sum();
            let received = provider.received(2 * trades).await;
            assert_eq!(received::out_of_order(&received), 0, "trades arrive in their order");
            received::wait_until_delivered(&database).await;
            let parameters = json!({ "through": number + 1 });
            latency::record(&mut recorder, &parameters, repetition, &traded, &received);
        }
        drop(servers);
        database.audit();
    }
}

/// Waits until each of the two processes has half of the shards.
async fn wait_until_shared(database: &Database) {
    const TIMEOUT: Duration = Duration::from_secs(30);
    let started = Instant::now();
    let mut connection = database.connect();
    loop {
        let holders = publisher_shards::table.select(publisher_shards::holder);
        let holders: Vec<String> = holders.load(&mut connection).expect("shards are read");
        let of_first = holders.iter().filter(|holder| *holder == &holders[0]).count();
        if (of_first, holders.len()) == (HALF, 2 * HALF) {
            return;
        }
        assert!(
            started.elapsed() < TIMEOUT,
            "the processes share nothing: {of_first} of {} shards",
            holders.len()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
