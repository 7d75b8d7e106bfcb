//! The limit of open files, which every connection counts towards.
//!
//! If clients could use up all descriptors, the engine and the publisher could not open a
//! connection to the database after a failure. So the HTTP server accepts fewer connections than
//! the limit allows.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Descriptors for files, logs, timers and whatever else libraries open.
const RESERVE: usize = 64;
/// SQLite opens up to three files for each connection.
const PER_DATABASE_CONNECTION: usize = 3;
/// Connections of the engine, at most: those of its lanes, and those that it has given up.
const ENGINE_EXTRA: usize = 32;

/// Raises the limit to what the system allows, and lowers `max_connections` to what then remains
/// for clients.
pub fn limit_connections(config: &mut Config) {
    let limit = raise();
    let workers = config.http.workers.or_else(|| std::thread::available_parallelism().ok());
    let workers = workers.map_or(1, NonZeroUsize::get);
    let allowed = per_worker(limit, needed(config), workers);
    if config.http.max_connections > allowed {
        tracing::info!(
            open_files = limit,
            max_connections = allowed.get(),
            "the limit of open files allows fewer connections per worker than configured"
        );
        config.http.max_connections = allowed;
    }
}

/// What the process needs apart from the connections of clients.
fn needed(config: &Config) -> usize {
    let pool = usize::try_from(config.pool_size.get()).unwrap_or(usize::MAX);
    let database = pool
        .saturating_mul(2)
        .saturating_add(config.engine.lanes.get())
        .saturating_add(ENGINE_EXTRA)
        .saturating_mul(PER_DATABASE_CONNECTION);
    let provider = usize::from(config.publisher.lanes.get().unsigned_abs());
    RESERVE.saturating_add(database).saturating_add(provider)
}

/// Half of a low limit is for clients, and at least one connection, so that the server can be
/// reached.
fn per_worker(limit: usize, needed: usize, workers: usize) -> NonZeroUsize {
    let for_clients = limit.saturating_sub(needed).max(limit / 2);
    let connections = for_clients.checked_div(workers).unwrap_or_default();
    NonZeroUsize::new(connections).unwrap_or(NonZeroUsize::MIN)
}

/// Sets the limit to its maximum and returns it.
fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { current };
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::per_worker;

    #[test]
    fn clients_share_what_the_process_does_not_need() {
        assert_eq!(per_worker(1024, 224, 2).get(), 400);
        assert_eq!(per_worker(100, 224, 2).get(), 25);
        assert_eq!(per_worker(2, 224, 2).get(), 1);
        assert_eq!(per_worker(usize::MAX, 224, 1).get(), usize::MAX - 224);
    }
}
