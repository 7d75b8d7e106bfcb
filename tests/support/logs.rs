//! Saves the logs of all tests in the folder `MATCHCAST_TEST_LOGS`, so that they can be searched
//! for secrets afterwards. Without that variable no log is saved.
//!
//! The secrets that the tests use are recorded in the same folder, for that search.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, Once};

use tracing_subscriber::EnvFilter;

/// Everything from matchcast, and warnings from its dependencies.
const FILTER: &str = "warn,matchcast=trace";
/// The log level of processes whose test does not set one.
pub const LEVEL: &str = "debug";
/// A shorter text may appear in a log for other reasons.
const MIN_SECRET_LEN: usize = 12;
/// The file with the recorded secrets, one per line.
const SECRETS_FILE: &str = "known-secrets";

pub fn folder() -> Option<PathBuf> {
    std::env::var_os("MATCHCAST_TEST_LOGS").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Saves everything that this process logs from now on.
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

/// Saves the log of another process.
pub fn save(log: &str) {
    let Some(folder) = folder() else { return };
    let path = folder.join(format!("process-{:016x}.log", rand::random::<u64>()));
    std::fs::write(path, log).expect("MATCHCAST_TEST_LOGS names a folder");
}

/// Records the secrets among the environment variables of a server.
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

/// Records a text that must not appear in any log.
pub fn record_secret(secret: &str) {
    let Some(folder) = folder().filter(|_| secret.len() >= MIN_SECRET_LEN) else { return };
    let file = OpenOptions::new().append(true).create(true).open(folder.join(SECRETS_FILE));
    let mut file = file.expect("MATCHCAST_TEST_LOGS names a folder");
    // In a single write, because other processes append to the same file.
    file.write_all(format!("{secret}\n").as_bytes()).expect("a line can be written");
}
