//! What matchcast logs in tests, kept in the folder that `MATCHCAST_TEST_LOGS` names, so that all
//! of it can be searched for secrets after the tests. Without that variable nothing is kept.
//!
//! The secrets that tests use are noted there too: the search need not know them beforehand.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, Once};

use tracing_subscriber::EnvFilter;

/// Everything of ours, and what others find worth a warning.
const FILTER: &str = "warn,matchcast=trace";
/// What processes are told to log, unless a test wants something else.
pub const LEVEL: &str = "debug";
/// A shorter text may stand in a log for other reasons.
const SHORTEST: usize = 12;
/// Where secrets are noted, each in a line of its own.
const SECRETS: &str = "known-secrets";

pub fn folder() -> Option<PathBuf> {
    std::env::var_os("MATCHCAST_TEST_LOGS").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Keeps what is logged in this process from now on.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let Some(folder) = folder() else { return };
        let program = std::env::current_exe().expect("the test binary has a path");
        let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = folder.join(format!("{program}-{}.log", std::process::id()));
        let file = File::create(path).expect("MATCHCAST_TEST_LOGS names a folder");
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(FILTER))
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .init();
    });
}

/// Keeps what another process has said.
pub fn save(said: &str) {
    let Some(folder) = folder() else { return };
    let path = folder.join(format!("process-{:016x}.log", rand::random::<u64>()));
    std::fs::write(path, said).expect("MATCHCAST_TEST_LOGS names a folder");
}

/// Notes the secrets among the variables of a matchcast.
pub fn record_secrets<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, value) in variables {
        match name {
            "APP_KEY" | "PUSHER_APP_SECRET" | "PUSHER_ENCRYPTION_MASTER_KEY_BASE64" => {
                record_secret(value)
            }
            "DATABASE_URL" => {
                let user = value.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
                if let Some((_, password)) = user.and_then(|(user, _)| user.split_once(':')) {
                    record_secret(password);
                }
            }
            _ => {}
        }
    }
}

/// Notes a text that must not be in any log.
pub fn record_secret(secret: &str) {
    let Some(folder) = folder().filter(|_| secret.len() >= SHORTEST) else { return };
    let file = OpenOptions::new().append(true).create(true).open(folder.join(SECRETS));
    let mut file = file.expect("MATCHCAST_TEST_LOGS names a folder");
    // In one piece, because others write there as well.
    file.write_all(format!("{secret}\n").as_bytes()).expect("a line can be written");
}
