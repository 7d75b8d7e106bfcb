//! `matchcast check`: whether the provider accepts this app's signed requests, and if not, why.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use crate::app;
use crate::config::{Broadcasting, Config};

pub fn check(config: Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    actix_web::rt::System::new().block_on(check_provider(config, out))
}

async fn check_provider(config: Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
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
