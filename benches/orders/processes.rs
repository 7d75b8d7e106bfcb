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
            let machine = MachineTime::now();
            let responses =
                order_load::in_markets(&addresses, markets, CONNECTIONS, options.duration);
            let busy = machine.busy_since();
            let cpu = servers.iter().map(Server::cpu_seconds).sum::<f64>() - idle;
            drop(servers);
            database.audit();
            let parameters = json!({ "processes": processes, "markets": markets, "lanes": lanes });
            let rate = responses.per_second();
            recorder.record("http", parameters.clone(), repetition, rate);
            let cpu_us = cpu * 1e6 / responses.count as f64;
            recorder.record("http_cpu_us", parameters.clone(), repetition, cpu_us);
            recorder.record("busy_percent", parameters, repetition, 100.0 * busy);
        }
    }
}

/// The time of all processors of the machine, in ticks.
struct MachineTime {
    idle: u64,
    all: u64,
}

impl MachineTime {
    fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").expect("Linux");
        let line = stat.lines().next().expect("the sum of all processors");
        let ticks: Vec<u64> = line.split_whitespace().filter_map(|f| f.parse().ok()).collect();
        // The fourth and fifth are without work, and those that wait for a disk. The ninth and
        // tenth are contained in the first two.
        Self { idle: ticks[3] + ticks[4], all: ticks[..8].iter().sum() }
    }

    /// The part of the time since then in which the processors had work.
    fn busy_since(&self) -> f64 {
        let Self { idle, all } = Self::now();
        1.0 - (idle - self.idle) as f64 / (all - self.all).max(1) as f64
    }
}
