//! Shared test support: a new database and a matchcast server on a free port for each test,
//! clients, a fake provider, and waiting with a deadline.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod admin;
pub mod app;
pub mod client;
pub mod contract;
pub mod database;
pub mod fault_injection;
pub mod figures;
pub mod load;
pub mod logs;
pub mod outbox;
pub mod postgres_server;
pub mod process;
pub mod provider;
pub mod proxy;
pub mod published;
pub mod receiver;
pub mod relay;

use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest time that a test waits for a condition.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `predicate` returns a value. `what` describes it in the message of a failure.
///
/// # Panics
/// If that takes longer than [`DEADLINE`].
pub async fn wait_for<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut predicate: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = predicate().await {
            return value;
        }
        assert!(started.elapsed() < DEADLINE, "timed out waiting for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until `left` returns 0. On a busy machine that may take long, so the deadline starts again
/// each time the number decreases.
///
/// # Panics
/// If the number has not decreased for [`DEADLINE`].
pub async fn wait_until_zero(what: &str, mut left: impl FnMut() -> i64) {
    let (mut least, mut since) = (i64::MAX, Instant::now());
    loop {
        let now = left();
        if now == 0 {
            return;
        }
        if now < least {
            (least, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < DEADLINE, "timed out waiting for {what}: {now} left");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs the futures concurrently, each in its own task, and returns their results in order.
pub async fn run_concurrently<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let work: Vec<_> = work.into_iter().collect();
    let start = Arc::new(tokio::sync::Barrier::new(work.len().max(1)));
    let tasks: Vec<_> = work
        .into_iter()
        .map(|work| {
            let start = start.clone();
            tokio::spawn(async move {
                start.wait().await;
                work.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("no panic"));
    }
    results
}

/// The number of repetitions in a test that looks for races: `default`, multiplied by
/// `MATCHCAST_TORTURE`.
pub fn rounds(default: usize) -> usize {
    let times = std::env::var("MATCHCAST_TORTURE").ok().and_then(|text| text.parse().ok());
    default * times.unwrap_or(1)
}

/// Defines one test for each database. The one for PostgreSQL needs the feature `postgres-tests`
/// and `TEST_DATABASE_URL`; `make test` sets both.
///
/// ```ignore
/// on_both! {
///     async fn a_property_holds(database: Database) { … }
/// }
/// ```
#[macro_export]
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: Database) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn run_on($database: $crate::support::database::Database) $body

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::support::logs::start();
                run_on($crate::support::database::Database::sqlite()).await;
            }

            $(#[$attribute])*
            #[cfg(feature = "postgres-tests")]
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::support::logs::start();
                run_on($crate::support::database::Database::postgres()).await;
            }
        }
    )+};
}
