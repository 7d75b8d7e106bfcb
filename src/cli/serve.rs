//! `matchcast serve`: runs the server until SIGTERM or SIGINT, or until a part of it ends by
//! itself.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::rt::System;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{self, App, PartEnded};
use crate::config::{Broadcasting, Config};
use crate::telemetry;

/// The exit code when a part of the process ended by itself.
const PART_ENDED_CODE: u8 = 3;

pub fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let runtime = Arc::new(runtime::Builder::new_current_thread().enable_all().build()?);
    let system = System::with_tokio_rt(|| Arc::clone(&runtime));
    let code = system.block_on(run_server(config));
    // The system ends before the threads of the HTTP server may outlive this one.
    drop(system);
    if let Some(runtime) = Arc::into_inner(runtime) {
        // Dropping it would wait for threads that wait for a database that does not respond.
        runtime.shutdown_background();
    }
    code
}

async fn run_server(mut config: Config) -> anyhow::Result<ExitCode> {
    let metrics = config.http.metrics.then(telemetry::start_metrics).transpose()?;
    app::limit_connections(&mut config);
    let app = App::build(config.clone(), metrics).await?;
    // A closed standard output is no reason to stop.
    let _ = std::io::stdout().write_all(greeting(&config, app.address()).as_bytes());
    match app.run(stop_signal()?).await {
        // It is in the log.
        Err(error) if error.is::<PartEnded>() => Ok(ExitCode::from(PART_ENDED_CODE)),
        ended => ended.map(|()| ExitCode::SUCCESS),
    }
}

/// Where to point the browser, and how to log in.
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
            "  events: embedded provider, key {key} (for evaluation and tests)\n"
        ));
    }
    text
}

/// Completes on SIGTERM or SIGINT.
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
