//! Runs pgbench, with the program that scripts/bench.sh has found.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Transactions per second of this script, with prepared statements.
///
/// # Panics
/// If a client stopped early: pgbench would report the rate of the others.
pub fn transactions_per_second(
    database_url: &str,
    script: &Path,
    clients: usize,
    duration: Duration,
) -> f64 {
    let program = std::env::var("PGBENCH").unwrap_or_else(|_| "pgbench".to_owned());
    let output = Command::new(&program)
        .args(["--no-vacuum", "--protocol=prepared"])
        .arg(format!("--client={clients}"))
        .arg(format!("--jobs={}", clients.min(2)))
        .arg(format!("--time={}", duration.as_secs().max(1)))
        .arg("--file")
        .arg(script)
        .args(["-d", database_url])
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; scripts/bench.sh installs it"));
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = rate.and_then(|rest| rest.split(' ').next()?.parse().ok());
    match rate {
        Some(rate) if output.status.success() => rate,
        _ => panic!("pgbench failed: {text}{}", String::from_utf8_lossy(&output.stderr)),
    }
}
