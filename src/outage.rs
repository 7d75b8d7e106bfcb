//! Outages: failures that repeat until their cause has ended. The log has one line when an outage
//! begins and one when it ends, with the number of failures, instead of a line per request, batch
//! or poll.
//!
//! An outage begins with a failure. It ends when something has succeeded and the last failure was
//! [`QUIET`] ago, so that it is one outage although some calls succeed in between. While it lasts,
//! failures are counted, and a line per [`REMINDER_INTERVAL`] repeats the count. So each kind has
//! at most two lines per [`QUIET`]. With the level `debug` the log has every failure.
//!
//! Each kind is a `static`, next to the code that fails:
//!
//! ```text
//! static DATABASE: Outage = Outage::warning(
//!     "publisher_database",
//!     "the publisher cannot use the database",
//!     "the publisher uses the database again",
//! );
//!
//! match response {
//!     Ok(_) => DATABASE.recovered(),
//!     Err(error) => DATABASE.failed(&error),
//! }
//! ```
//!
//! [`report`] has to run as long as the process: it writes the lines that nothing else triggers.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long nothing must have failed before an outage has ended.
pub const QUIET: Duration = Duration::from_secs(5);
/// The time between two lines of an outage that lasts.
pub const REMINDER_INTERVAL: Duration = Duration::from_secs(60);
/// How often [`report`] looks for outages that have ended.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The outages that have begun and not ended.
static ONGOING: Mutex<Vec<&'static Outage>> = Mutex::new(Vec::new());

/// A kind of failure, and its outage if there is one. Threads may share it.
#[derive(Debug)]
pub struct Outage {
    kind: &'static str,
    severity: Severity,
    begins: &'static str,
    ends: &'static str,
    state: Mutex<State>,
    /// Whether `state` has an outage, so that a success costs next to nothing.
    is_ongoing: AtomicBool,
}

/// The level of the lines of an outage that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Warning,
    Error,
}

impl Outage {
    /// An outage that ends without anybody's help, in most cases.
    ///
    /// `kind` is the label of its failures in `matchcast_failures_total`. `begins` and `ends` are
    /// the messages in the log.
    pub const fn warning(kind: &'static str, begins: &'static str, ends: &'static str) -> Self {
        Self::new(kind, Severity::Warning, begins, ends)
    }

    /// An outage that a person has to end.
    pub const fn error(kind: &'static str, begins: &'static str, ends: &'static str) -> Self {
        Self::new(kind, Severity::Error, begins, ends)
    }

    const fn new(
        kind: &'static str,
        severity: Severity,
        begins: &'static str,
        ends: &'static str,
    ) -> Self {
        let is_ongoing = AtomicBool::new(false);
        Self { kind, severity, begins, ends, state: Mutex::new(State(None)), is_ongoing }
    }

    /// Counts a failure, and logs it if a line is due.
    pub fn failed(&'static self, cause: &dyn Display) {
        tracing::debug!(outage = self.kind, %cause, "a failure");
        if let Some(line) = self.count(Instant::now()) {
            self.log(line, cause);
        }
    }

    /// [`Self::failed`] for code that must not log, because it is called by the log itself:
    /// [`report`] writes the line.
    pub fn failed_in_log(&'static self, cause: &dyn Display) {
        if let Some(line) = self.count(Instant::now()) {
            let mut state = self.state.lock();
            if let Some(ongoing) = &mut state.0 {
                ongoing.unlogged = Some((line, cause.to_string()));
            }
        }
    }

    /// Notes that what has failed has succeeded.
    pub fn recovered(&self) {
        if self.is_ongoing.load(Ordering::Relaxed) {
            self.state.lock().recovered();
        }
    }

    fn count(&'static self, now: Instant) -> Option<Line> {
        metrics::counter!("matchcast_failures_total", "kind" => self.kind).increment(1);
        let line = self.state.lock().failed(now);
        if !self.is_ongoing.swap(true, Ordering::Relaxed) {
            ONGOING.lock().push(self);
        }
        line
    }

    /// Logs what is due; returns whether the outage goes on.
    fn check(&self, now: Instant) -> bool {
        let (unlogged, end) = {
            let mut state = self.state.lock();
            let unlogged = state.0.as_mut().and_then(|ongoing| ongoing.unlogged.take());
            let end = state.end(now);
            if end.is_some() {
                self.is_ongoing.store(false, Ordering::Relaxed);
            }
            (unlogged, end)
        };
        if let Some((line, cause)) = unlogged {
            self.log(line, &cause);
        }
        let Some(Line { failures, lasted }) = end else { return true };
        tracing::info!(outage = self.kind, failures, lasted_s = lasted.as_secs(), "{}", self.ends);
        false
    }

    fn log(&self, Line { failures, lasted }: Line, cause: &dyn Display) {
        let (outage, lasted_s) = (self.kind, lasted.as_secs());
        match self.severity {
            Severity::Warning => {
                tracing::warn!(outage, %cause, failures, lasted_s, "{}", self.begins);
            }
            Severity::Error => {
                tracing::error!(outage, %cause, failures, lasted_s, "{}", self.begins);
            }
        }
    }
}

/// Logs the ends of outages. Never completes.
pub async fn report() {
    let mut ticks = tokio::time::interval(CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Removed first: one that ends now and begins again is added again.
        let ongoing = std::mem::take(&mut *ONGOING.lock());
        for outage in ongoing {
            if outage.check(Instant::now()) {
                ONGOING.lock().push(outage);
            }
        }
    }
}

/// The facts of a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    /// Since the outage began.
    failures: u64,
    /// From the first failure to the last one.
    lasted: Duration,
}

/// The outage of a kind, if there is one. Reads no clock.
#[derive(Debug)]
struct State(Option<Ongoing>);

#[derive(Debug)]
struct Ongoing {
    began: Instant,
    last_failure: Instant,
    last_line: Instant,
    failures: u64,
    /// Whether something has succeeded since the last failure.
    has_recovered: bool,
    /// A line that is left to [`report`], with the cause.
    unlogged: Option<(Line, String)>,
}

impl Ongoing {
    fn line(&self) -> Line {
        Line { failures: self.failures, lasted: self.last_failure - self.began }
    }
}

impl State {
    /// Counts a failure. Returns the line that is due.
    fn failed(&mut self, now: Instant) -> Option<Line> {
        let Some(ongoing) = &mut self.0 else {
            let ongoing = self.0.insert(Ongoing {
                began: now,
                last_failure: now,
                last_line: now,
                failures: 1,
                has_recovered: false,
                unlogged: None,
            });
            return Some(ongoing.line());
        };
        ongoing.failures += 1;
        ongoing.last_failure = now;
        ongoing.has_recovered = false;
        if now < ongoing.last_line + REMINDER_INTERVAL {
            return None;
        }
        ongoing.last_line = now;
        Some(ongoing.line())
    }

    fn recovered(&mut self) {
        if let Some(ongoing) = &mut self.0 {
            ongoing.has_recovered = true;
        }
    }

    /// Ends the outage if it is over.
    fn end(&mut self, now: Instant) -> Option<Line> {
        let is_over =
            |ongoing: &mut Ongoing| ongoing.has_recovered && ongoing.last_failure + QUIET <= now;
        self.0.take_if(is_over).map(|ongoing| ongoing.line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn line(failures: u64, lasted: Duration) -> Option<Line> {
        Some(Line { failures, lasted })
    }

    #[test]
    fn an_outage_is_a_line_when_it_begins_and_one_when_it_ends() {
        let (mut state, began) = (State(None), Instant::now());
        assert_eq!(state.end(began), None, "there is none");
        assert_eq!(state.failed(began), line(1, Duration::ZERO));
        for number in 1..=50 {
            // Some calls succeed in between.
            state.recovered();
            assert_eq!(state.end(began + SECOND * number), None, "{number}");
            assert_eq!(state.failed(began + SECOND * number), None, "{number}");
        }
        let last = began + SECOND * 50;
        assert_eq!(state.end(last + QUIET), None, "nothing has succeeded since");
        state.recovered();
        assert_eq!(state.end(last + QUIET - SECOND), None);
        assert_eq!(state.end(last + QUIET), line(51, SECOND * 50));
        assert_eq!(state.end(last + QUIET), None, "it has ended");
        assert_eq!(state.failed(last + QUIET * 2), line(1, Duration::ZERO), "another one");
    }

    #[test]
    fn an_outage_that_lasts_is_repeated_once_a_minute() {
        let (mut state, began) = (State(None), Instant::now());
        let step = Duration::from_millis(1);
        let lines = (0..600_000).filter_map(|number| state.failed(began + step * number));
        let failures: Vec<u64> = lines.map(|line| line.failures).collect();
        let minutes: Vec<u64> = (0..10).map(|minute| minute * 60_000 + 1).collect();
        assert_eq!(failures, minutes);
    }

    #[test]
    fn something_that_fails_again_and_again_writes_two_lines_each_time_it_was_quiet() {
        let (mut state, began) = (State(None), Instant::now());
        let mut lines = 0;
        for number in 0..6_000 {
            let now = began + SECOND * number / 100;
            lines += usize::from(state.failed(now).is_some());
            state.recovered();
            lines += usize::from(state.end(now).is_some());
        }
        assert_eq!(lines, 1, "a minute of failures and successes");
        state.recovered();
        assert!(state.end(began + SECOND * 60 + QUIET).is_some());
    }

    #[test]
    fn a_failure_within_the_log_is_reported_later() {
        static IN_LOG: Outage = Outage::warning("in_log", "it begins", "it ends");
        IN_LOG.failed_in_log(&"a cause");
        IN_LOG.failed_in_log(&"another cause");
        let unlogged = || IN_LOG.state.lock().0.as_ref().and_then(|o| o.unlogged.clone());
        let first = Line { failures: 1, lasted: Duration::ZERO };
        assert_eq!(unlogged(), Some((first, "a cause".to_owned())));
        let now = Instant::now();
        assert!(IN_LOG.check(now) && unlogged().is_none());
        IN_LOG.recovered();
        assert!(!IN_LOG.check(now + QUIET * 2), "it has ended");
        IN_LOG.failed(&"a third cause");
        assert!(IN_LOG.is_ongoing.load(Ordering::Relaxed));
    }
}
