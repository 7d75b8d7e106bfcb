//! The `matchcast` binary: arguments → configuration → telemetry → [`App`] → run until a signal.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, value_parser};
use matchcast::app::{self, App};
use matchcast::cli::{self, events};
use matchcast::config::{Broadcasting, Config};
use matchcast::store::{self, AnyConnection, audit};
use matchcast::telemetry;
use tokio::signal::unix::{SignalKind, signal};

/// A trading backend whose users hear of their trades at once.
#[derive(Parser)]
#[command(version, about, after_help = "Settings: config/default.toml names every one of them.")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and publish events (the default)
    Serve,
    /// Bring the database's schema up to date, and end
    Migrate,
    /// Ask the provider for its channels, and say what is wrong if it refuses
    Check,
    /// Check that every balance, order, trade and event adds up; exit code 1 if not
    Audit,
    /// List the events that wait and those that were set aside, or do something about them
    Events(Events),
    /// Revoke every token and session of a user, and end the user's connections
    LogOut {
        /// The user's e-mail address or id
        #[arg(value_name = "EMAIL|ID")]
        user: String,
    },
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct Events {
    #[command(subcommand)]
    action: Option<EventsAction>,
    /// Most events of each kind that are listed, the oldest
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = value_parser!(i64).range(1..=100_000))]
    limit: i64,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum EventsAction {
    /// Send what was set aside once more, before what came later on its channel
    Retry(Retry),
    /// Give an event up, whether it waits or was set aside
    Drop {
        /// The event's id
        id: i64,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Retry {
    /// The event's id
    id: Option<i64>,
    /// Every event that was set aside
    #[arg(long)]
    all: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command.unwrap_or(Command::Serve)) {
        Ok(code) => code,
        Err(error) => {
            // The log may not have started, so this goes to standard error itself.
            let _ = writeln!(std::io::stderr(), "matchcast: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let config = Config::from_process()?;
    telemetry::start_log(&config.log)?;
    match command {
        Command::Serve => actix_web::rt::System::new().block_on(serve(config)),
        Command::Migrate => migrate(&config),
        Command::Check => actix_web::rt::System::new().block_on(check(config)),
        Command::Audit => run_audit(&config),
        Command::Events(events) => run_events(&config, &events),
        Command::LogOut { user } => cli::log_out(&config, &user, &mut std::io::stdout()),
    }
}

fn run_events(config: &Config, arguments: &Events) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    match &arguments.action {
        None => {
            let format = if arguments.json { events::Format::Json } else { events::Format::Tables };
            events::list(config, arguments.limit, format, &mut out)
        }
        Some(EventsAction::Retry(Retry { id: Some(id), .. })) => {
            events::retry(config, *id, &mut out)
        }
        // Either an id or all: the arguments are checked before.
        Some(EventsAction::Retry(Retry { id: None, .. })) => events::retry_all(config, &mut out),
        Some(EventsAction::Drop { id }) => events::give_up(config, *id, &mut out),
    }
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let metrics = telemetry::start_metrics()?;
    let app = App::build(config.clone(), Some(metrics)).await?;
    // Whoever started it may not read: that is no reason to end.
    let _ = std::io::stdout().write_all(greeting(&config, app.address()).as_bytes());
    app.run(stop_signal()?).await?;
    Ok(ExitCode::SUCCESS)
}

/// What to open, and how to log in.
fn greeting(config: &Config, address: SocketAddr) -> String {
    let mut text = format!("matchcast listens: open http://{address}\n");
    if config.demo.enabled {
        for (email, password) in app::demo_log_ins() {
            text.push_str(&format!("  demo log-in: {email} / {password}\n"));
        }
    }
    if config.broadcasting == Broadcasting::Embedded {
        let key = &config.pusher.key;
        text.push_str(&format!(
            "  events: embedded provider, key {key} (for a first look and for tests)\n"
        ));
    }
    text
}

/// Ends at SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    let applied = store::migrate(&config.database)?;
    writeln!(std::io::stdout(), "{applied} migrations applied")?;
    Ok(ExitCode::SUCCESS)
}

async fn check(config: Config) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    if matches!(config.broadcasting, Broadcasting::Log | Broadcasting::Null) {
        writeln!(out, "BROADCAST_CONNECTION names no provider: there is nothing to check")?;
        return Ok(ExitCode::SUCCESS);
    }
    let address = SocketAddr::new(config.http.host, config.http.port);
    let client = app::client(&config, address)?;
    let destination = client.destination();
    match client.diagnose().await {
        Ok(()) => {
            writeln!(out, "{destination} accepts this app's signed requests")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(diagnosis) => {
            writeln!(out, "{destination}: {diagnosis}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn run_audit(config: &Config) -> anyhow::Result<ExitCode> {
    let mut connection =
        AnyConnection::open(&config.database).context("the database cannot be opened")?;
    let findings = audit::run(&mut connection)?;
    let mut out = std::io::stdout();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    if findings.is_empty() {
        writeln!(out, "everything adds up")?;
        Ok(ExitCode::SUCCESS)
    } else {
        writeln!(out, "{} differences", findings.len())?;
        Ok(ExitCode::FAILURE)
    }
}
