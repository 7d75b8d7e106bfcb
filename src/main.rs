//! The `matchcast` binary: arguments → configuration → telemetry → [`App`] → run until a signal.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use matchcast::app::{self, App, desk};
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

#[derive(Clone, Subcommand)]
enum Command {
    /// Serve the API and publish events (the default)
    Serve,
    /// Bring the database's schema up to date, and end
    Migrate,
    /// Ask the provider for its channels, and say what is wrong if it refuses
    Check,
    /// Check that every balance, order, trade and event adds up; exit code 1 if not
    Audit,
    /// Revoke every token and session of a user, and end the user's connections
    LogOut {
        /// The user's e-mail address or id
        #[arg(value_name = "EMAIL|ID")]
        user: String,
    },
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
        Command::LogOut { user } => desk::log_out(&config, &user, &mut std::io::stdout()),
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
