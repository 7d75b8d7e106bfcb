//! What tests stand on: a database of their own, and matchcast on a port of its own.
//!
//! Each test binary takes what it needs.
#![allow(dead_code, reason = "no test binary needs everything")]

pub mod app;
pub mod client;
pub mod database;
pub mod fault_injection;
pub mod load;
pub mod logs;
pub mod outbox;
pub mod process;
pub mod provider;
pub mod proxy;
pub mod published;

use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `predicate` gives a value.
///
/// # Panics
/// When it has not within [`DEADLINE`].
pub async fn wait_for<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut predicate: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = predicate().await {
            return value;
        }
        assert!(started.elapsed() < DEADLINE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until nothing is left of what `left` counts: as long as it becomes less now and then, as
/// with much work on a busy machine.
///
/// # Panics
/// When it has not become less for [`DEADLINE`].
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
        assert!(since.elapsed() < DEADLINE, "waited in vain for {what}: {now} are left");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs everything at once, each in a task of its own, and gives what came out, in order.
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

/// How often a test that looks for races does what it does: `MATCHCAST_TORTURE` multiplies it.
pub fn rounds(usual: usize) -> usize {
    let times = std::env::var("MATCHCAST_TORTURE").ok().and_then(|text| text.parse().ok());
    usual * times.unwrap_or(1)
}

/// Makes one test for each database. The one for PostgreSQL needs the feature `postgres-tests` and
/// `TEST_DATABASE_URL`; `make test` sees to both.
///
/// ```ignore
/// on_both! {
///     async fn what_is_true(database: Database) { … }
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
