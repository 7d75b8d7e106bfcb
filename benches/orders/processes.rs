//! Measures two processes that share a PostgreSQL database against one, and two markets that share
//! a lane of the engine against two lanes. The connections are spread over the processes.

use serde_json::json;

use crate::database::Database;
use crate::options::Options;
use crate::order_load;
use crate::recorder::Recorder;
use crate::server::Server;
use crate::setup;

const CONNECTIONS: usize = 256;

/// The processes, markets and lanes of one measurement.
struct Case {
    processes: usize,
    markets: usize,
    lanes: &'static str,
}

const CASES: [Case; 5] = [
    Case { processes: 1, markets: 1, lanes: "1" },
    Case { processes: 2, markets: 1, lanes: "1" },
    Case { processes: 1, markets: 2, lanes: "1" },
    Case { processes: 1, markets: 2, lanes: "2" },
    Case { processes: 2, markets: 2, lanes: "2" },
];

pub fn measure(options: Options) {
    let mut recorder = Recorder::create("processes");
    for repetition in 1..=options.repetitions {
        for Case { processes, markets, lanes } in CASES {
            let database = Database::postgres();
            setup::prepare(&database);
            let variables = [("BROADCAST_CONNECTION", "null"), ("MATCHCAST__ENGINE__LANES", lanes)];
            let servers: Vec<Server> =
                (0..processes).map(|_| Server::start(&database, &variables)).collect();
            let addresses: Vec<&str> =
                servers.iter().map(|server| server.address.as_str()).collect();
            addresses.iter().for_each(|address| order_load::use_tokens(address));
            let idle: f64 = servers.iter().map(Server::cpu_seconds).sum();
            let responses =
                order_load::in_markets(&addresses, markets, CONNECTIONS, options.duration);
            let cpu = servers.iter().map(Server::cpu_seconds).sum::<f64>() - idle;
            drop(servers);
            database.audit();
            let parameters = json!({ "processes": processes, "markets": markets, "lanes": lanes });
            let rate = responses.per_second();
            recorder.record("http", parameters.clone(), repetition, rate);
            let cpu_us = cpu * 1e6 / responses.count as f64;
            recorder.record("http_cpu_us", parameters, repetition, cpu_us);
        }
    }
}
