//! `matchcast demo-traffic`: a load for any running server, through its API alone.
//!
//! Users place orders at a steady rate, whatever the server's pace: the latency of an order is
//! measured from the time at which it was to be sent, so a server that stalls is charged for what
//! had to wait. The users listen to their events at the provider that the server names. In the end
//! every trade is compared with the events that were heard, every acknowledged order with the lists
//! of the server, and open orders are cancelled.

mod api;
mod expected;
mod instance;
mod latency;
mod listener;
mod load;
mod orders;
mod participants;
mod report;
mod settle;
mod tally;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, value_parser};
use rand::Rng;
use tokio::runtime;

use api::Api;
use expected::Expected;
use instance::Instance;
use load::Load;
use orders::Planner;
use participants::Participant;
use report::Report;
use tally::Tally;

/// Everything that is remembered of an order is kept in memory.
const MAX_ORDERS: u64 = 1_000_000;

#[derive(Args)]
pub struct Arguments {
    /// The address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Orders per second
    #[arg(long, value_name = "N", default_value_t = 50,
        value_parser = value_parser!(u32).range(1..=2_000))]
    rate: u32,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 60,
        value_parser = value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// The market: ETH if there is one, otherwise the first
    #[arg(long, value_name = "SYMBOL")]
    market: Option<String>,
    /// The number of users, who register and get money from the demo's faucet
    #[arg(long, value_name = "N", default_value_t = 4,
        value_parser = value_parser!(u32).range(2..=50))]
    traders: u32,
    /// The token of a user who takes part with the money that there is; at least two. Without the
    /// demo there is no other way
    #[arg(long = "token", value_name = "TOKEN", conflicts_with = "traders")]
    tokens: Vec<String>,
    /// Repeats the decisions of an earlier run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// What the tasks of a run share.
struct Run {
    api: Api,
    instance: Instance,
    participants: Vec<Participant>,
    tally: Tally,
    expected: Expected,
}

pub fn demo_traffic(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let orders = u64::from(arguments.rate) * u64::from(arguments.seconds);
    anyhow::ensure!(orders <= MAX_ORDERS, "--rate × --seconds may be at most {MAX_ORDERS}");
    anyhow::ensure!(arguments.tokens.len() != 1, "orders of one user match none: give two tokens");
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(run(arguments, orders))?;
    // Nothing that still waits is of interest.
    runtime.shutdown_background();
    let text = if arguments.json { format!("{}\n", report.json()) } else { report.text() };
    out.write_all(text.as_bytes())?;
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(arguments: &Arguments, orders: u64) -> anyhow::Result<Report> {
    let api = Api::new(&arguments.url)?;
    let instance = Instance::find(&api, arguments.market.as_deref()).await?;
    let participants = if arguments.tokens.is_empty() {
        anyhow::ensure!(
            instance.has_faucet,
            "{} has no demo: give the tokens of at least two users with --token",
            arguments.url
        );
        participants::register(&api, &instance, arguments.traders).await?
    } else {
        participants::of_tokens(&api, &instance, &arguments.tokens).await?
    };
    let seed = arguments.seed.unwrap_or_else(|| rand::rng().random_range(0..1 << 32));
    let planner = Planner::new(seed, &instance, &participants)?;
    let run = Arc::new(Run {
        api,
        instance,
        participants,
        tally: Tally::default(),
        expected: Expected::default(),
    });
    let listeners = listener::listen(&run).await?;
    let load = Load { interval: Duration::from_secs(1) / arguments.rate, orders };
    let sent = load.send(&run, planner).await;
    settle::settle(&run, &listeners).await;
    Ok(Report::new(arguments, seed, sent, &run, &listeners))
}
