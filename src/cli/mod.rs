//! The command line: parses arguments, reads the configuration and runs one command.
//!
//! The commands for operators work beside running servers. Each writes its result to standard
//! output and exits with 1 if there was nothing by the given name.

mod adjustment;
mod audit;
mod candles;
mod check;
mod database;
mod demo_traffic;
mod deposit;
mod events;
mod import_laravel;
mod log_out;
mod market;
mod migrate;
mod serve;
mod table;
mod token;
mod user;
mod webhook;
mod withdrawals;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Parser, value_parser};
use serde::Serialize;

use crate::config::Config;
use crate::http::openapi_document;
use crate::telemetry;

/// A trading backend that publishes every trade to both counterparties.
#[derive(Parser)]
#[command(name = "matchcast", version, about)]
#[command(after_help = "Every setting is described in config/default.toml.")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Subcommand>,
}

#[derive(clap::Subcommand)]
enum Subcommand {
    /// Serve the API and publish events (the default)
    Serve,
    /// Migrate the database schema and exit
    Migrate,
    /// Send the provider a signed request and explain the problem if it is rejected
    Check,
    /// Verify every balance, order, trade and event count; exit with 1 on a difference
    Audit {
        /// Write one JSON object
        #[arg(long)]
        json: bool,
        /// Read from a server of DATABASE_READ_URL; DATABASE_URL records the result
        #[arg(long)]
        replica: bool,
    },
    /// Maintain the candles of the markets
    #[command(subcommand)]
    Candles(CandlesAction),
    /// Print the OpenAPI document of the API
    Openapi,
    /// List pending events and dead letters, or retry or drop them
    Events(EventsArguments),
    /// Revoke every token and session of a user, and terminate the connections that have signed in
    LogOut {
        /// The user's e-mail address or id
        #[arg(value_name = "EMAIL|ID")]
        user: String,
    },
    /// Manage the webhooks that get the events of all users
    Webhook {
        #[command(subcommand)]
        action: webhook::Action,
    },
    /// Credit the account of a user, once per reference
    Deposit(deposit::Arguments),
    /// List withdrawals, and settle or reject them
    Withdrawals {
        #[command(subcommand)]
        action: withdrawals::Action,
    },
    /// Correct the balances of users
    Adjustment {
        #[command(subcommand)]
        action: adjustment::Action,
    },
    /// Manage the tokens of administrators, who use the calls under /api/admin
    Token {
        #[command(subcommand)]
        action: token::Action,
    },
    /// Find, create, freeze and close users
    User {
        #[command(subcommand)]
        action: user::Action,
    },
    /// Read the database of a Laravel application, report what does not add up, and import it
    ImportLaravel(import_laravel::Arguments),
    /// Send orders to a running server at a steady rate, and report latencies and events
    DemoTraffic(demo_traffic::Arguments),
    /// Set which commands a market accepts, and publish the event market.updated
    Market {
        /// The market, such as BTC
        symbol: String,
        #[arg(value_enum)]
        status: market::Status,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Subcommand)]
enum CandlesAction {
    /// Make the candles of all markets anew from their trades; the orders of a market wait
    Rebuild,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct EventsArguments {
    #[command(subcommand)]
    action: Option<EventsAction>,
    /// List at most N pending events and N dead letters, oldest first
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = value_parser!(i64).range(1..=100_000))]
    limit: i64,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum EventsAction {
    /// Queue a dead letter again, ahead of later events on its channel
    Retry(RetryArguments),
    /// Drop a pending event or a dead letter
    Drop {
        /// The event's id
        id: i64,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct RetryArguments {
    #[command(flatten)]
    which: Retried,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Retried {
    /// The event's id
    id: Option<i64>,
    /// Every dead letter
    #[arg(long)]
    all: bool,
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Subcommand::Serve);
    match run_command(command) {
        Ok(code) => code,
        Err(error) => {
            // The log may not have started, so the error goes to standard error directly.
            let _ = writeln!(std::io::stderr(), "matchcast: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_command(command: Subcommand) -> anyhow::Result<ExitCode> {
    let config = Config::from_process()?;
    telemetry::start_log(&config.log)?;
    let mut out = std::io::stdout();
    match command {
        Subcommand::Serve => serve::serve(config),
        Subcommand::Migrate => migrate::migrate(&config, &mut out),
        Subcommand::Check => check::check(config, &mut out),
        Subcommand::Audit { json, replica } => audit::audit(&config, json, replica, &mut out),
        Subcommand::Openapi => {
            let document: serde_json::Value = serde_json::from_str(openapi_document())?;
            writeln!(out, "{document:#}")?;
            Ok(ExitCode::SUCCESS)
        }
        Subcommand::Candles(CandlesAction::Rebuild) => candles::rebuild(&config, &mut out),
        Subcommand::Events(arguments) => run_events(&config, &arguments, &mut out),
        Subcommand::Market { symbol, status, json } => {
            market::set_status(&config, &symbol, status, json, &mut out)
        }
        Subcommand::Webhook { action } => webhook::run(&config, action, &mut out),
        Subcommand::Deposit(arguments) => deposit::deposit(&config, &arguments, &mut out),
        Subcommand::Withdrawals { action } => withdrawals::run(&config, action, &mut out),
        Subcommand::Adjustment { action } => adjustment::run(&config, action, &mut out),
        Subcommand::Token { action } => token::run(&config, action, &mut out),
        Subcommand::User { action } => user::run(&config, action, &mut out),
        Subcommand::ImportLaravel(arguments) => {
            import_laravel::import_laravel(&config, &arguments, &mut out)
        }
        Subcommand::DemoTraffic(arguments) => demo_traffic::demo_traffic(&arguments, &mut out),
        Subcommand::LogOut { user } => log_out::log_out(&config, &user, &mut out),
    }
}

fn run_events(
    config: &Config,
    arguments: &EventsArguments,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let format = |json: bool| if json { events::Format::Json } else { events::Format::Tables };
    match &arguments.action {
        None => events::list(config, arguments.limit, format(arguments.json), out),
        Some(EventsAction::Retry(RetryArguments { which, json })) => match which.id {
            Some(id) => events::retry(config, id, format(*json), out),
            // The argument group requires either an id or --all.
            None => events::retry_all(config, format(*json), out),
        },
        Some(EventsAction::Drop { id, json }) => {
            events::drop_event(config, *id, format(*json), out)
        }
    }
}

/// `1 event`, `2 events`.
fn counted(count: usize, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if count == 1 => format!("1 {noun}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {noun}s"),
    }
}

/// One line.
fn write_json(out: &mut impl Write, body: &impl Serialize) -> anyhow::Result<()> {
    writeln!(out, "{}", serde_json::to_string(body)?)?;
    Ok(())
}
