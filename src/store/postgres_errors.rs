//! Errors of PostgreSQL for which Diesel has no kind, told apart whatever language the server
//! speaks.
//!
//! The server writes its messages in the language of `lc_messages`, and Diesel gives no access to
//! the SQLSTATE. Two errors have other marks: the detail of a deadlock names lock modes, which are
//! not translated, and a statement that a time limit has cancelled has taken that long.

use std::cell::Cell;
use std::time::{Duration, Instant};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

/// In the detail of a deadlock: `Process … waits for ShareLock on …`.
/// Source: `lock_mode_names` in PostgreSQL's `lock.c`.
const LOCK_MODES: [&str; 8] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

/// Why the server has cancelled a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// SQLSTATE 40P01.
    Deadlock,
    /// SQLSTATE 55P03 (a lock was not available in time) or 57014 (the statement took too long).
    TimeLimit,
}

thread_local! {
    /// Of the statement that failed last on this thread. An error becomes a
    /// [`StoreError`](super::StoreError) on the thread of its statement.
    static LAST: Cell<Option<Cancellation>> = const { Cell::new(None) };
}

/// Takes the reason for which the statement that has just failed on this thread was cancelled.
pub fn take_last() -> Option<Cancellation> {
    LAST.take()
}

/// Observes the statements of a connection whose time limits are at least `shortest_limit`, and
/// reports that one begins.
pub struct Observer {
    shortest_limit: Duration,
    begins: Box<dyn Fn() + Send>,
    started: Instant,
}

impl Observer {
    pub fn new(shortest_limit: Duration, begins: impl Fn() + Send + 'static) -> Self {
        Self { shortest_limit, begins: Box::new(begins), started: Instant::now() }
    }
}

impl Instrumentation for Observer {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => {
                self.started = Instant::now();
                (self.begins)();
            }
            InstrumentationEvent::FinishQuery { error: Some(error), .. } => {
                let has_timed_out = self.started.elapsed() >= self.shortest_limit;
                LAST.set(cancellation(error, has_timed_out));
            }
            _ => {}
        }
    }
}

fn cancellation(error: &Error, has_timed_out: bool) -> Option<Cancellation> {
    let Error::DatabaseError(DatabaseErrorKind::Unknown, information) = error else { return None };
    if is_deadlock(information.as_ref()) {
        Some(Cancellation::Deadlock)
    } else {
        has_timed_out.then_some(Cancellation::TimeLimit)
    }
}

fn is_deadlock(information: &dyn DatabaseErrorInformation) -> bool {
    let detail = information.details().unwrap_or_default();
    // A line for each of the transactions, of which there are at least two.
    let has_mode = |line: &&str| LOCK_MODES.iter().any(|mode| line.contains(mode));
    detail.lines().filter(has_mode).count() >= 2
}
