//! The publisher's side of the database.
//!
//! [`Outbox`] decides when the database is used: to record completions together, to renew the share
//! of this process, to poll for events. Guarantees: there is one request at a time; completions are
//! recorded at most [`FLUSH_INTERVAL`] after they became known, as long as the database is
//! available, and are kept until then; after an error there is a pause.

pub mod completions;
mod connection;
mod share;
pub mod worker;

use std::future;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};

use crate::config;
use crate::store::outbox::ShardSet;
use crate::store::{Store, StoreError};
use completions::Completions;
use share::Term;
use worker::{OutboxRequest, OutboxResponse, OutboxWorker};

/// How long completions are collected before they are recorded together. If the process dies, the
/// events that were completed in this time are sent again.
const FLUSH_INTERVAL: Duration = Duration::from_millis(20);
/// The pause between two requests for events. Under load each commit of the engine writes some, and
/// each request is a transaction that competes with the next batch: this way it takes the events of
/// several. An event that comes alone does not wait.
const READ_INTERVAL: Duration = Duration::from_millis(5);
/// How long the database is not used after an error.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

/// The state of the outbox between requests to the database.
pub struct Outbox {
    store: Store,
    worker: Worker,
    term: Term,
    completions: Completions,
    /// Since when there are completions. `Some` exactly while there are any.
    oldest_completion: Option<Instant>,
    flush_interval: Duration,
    read_interval: Duration,
    poll_interval: Duration,
    next_poll: Instant,
    /// No request for events starts before.
    next_read: Instant,
    /// No request starts before.
    paused_until: Instant,
}

enum Worker {
    Idle(Box<OutboxWorker>),
    Busy(BoxFuture<'static, WorkerResult>),
}

type WorkerResult = (OutboxWorker, Result<OutboxResponse, (StoreError, Completions)>);

impl Outbox {
    pub fn new(store: Store, settings: &config::Publisher) -> Self {
        let now = Instant::now();
        let worker = OutboxWorker::new(store.clone(), settings.lease);
        Self {
            store,
            term: Term::new(worker.renewal_interval(), now),
            worker: Worker::Idle(Box::new(worker)),
            completions: Completions::default(),
            oldest_completion: None,
            flush_interval: FLUSH_INTERVAL,
            read_interval: READ_INTERVAL,
            poll_interval: settings.poll,
            next_poll: now,
            next_read: now,
            paused_until: now,
        }
    }

    /// Whether this process has a share, and so may publish.
    pub fn may_publish(&self, now: Instant) -> bool {
        self.term.is_held(now)
    }

    /// The shards that this process is to give up, because others have fewer.
    pub fn surplus(&self) -> ShardSet {
        self.term.surplus()
    }

    /// Adds completions, to be recorded with the next request.
    pub fn add(&mut self, completions: Completions, now: Instant) {
        self.completions.append(completions);
        if !self.completions.is_empty() {
            self.oldest_completion.get_or_insert(now);
        }
    }

    /// Whether attempts have failed that are not recorded yet.
    pub fn has_failed_attempts(&self) -> bool {
        !self.completions.failed_attempts.is_empty()
    }

    /// Records completions, and reads events, without delay from now on.
    pub fn hurry(&mut self) {
        (self.flush_interval, self.read_interval) = (Duration::ZERO, Duration::ZERO);
        self.next_read = Instant::now();
    }

    /// Whether it is time to look for new events.
    pub fn is_poll_due(&self, now: Instant) -> bool {
        self.next_poll <= now
    }

    /// Postpones the next poll, because the outbox is about to be read.
    pub fn postpone_poll(&mut self, now: Instant) {
        self.next_poll = now + self.poll_interval;
    }

    /// Whether the next request may read events: this process has a share, or tries to acquire it.
    pub fn may_read(&self, now: Instant) -> bool {
        self.term.is_held(now) || self.term.renew_at() <= now
    }

    /// Whether a request should start: the worker is idle and the database is not paused, and the
    /// share or the completions are due, or one is wanted, for events or to give up shards.
    pub fn is_request_due(&self, now: Instant, is_wanted: bool) -> bool {
        let is_due = self.term.renew_at() <= now
            || self.flush_at().is_some_and(|at| at <= now)
            || (is_wanted && self.next_read <= now && self.may_read(now));
        self.is_idle() && self.paused_until <= now && is_due
    }

    /// Starts a request, which also records the completions.
    ///
    /// # Panics
    /// If the worker is busy.
    pub fn start(&mut self, request: OutboxRequest) {
        if !request.heads.shards.is_empty() {
            self.next_read = Instant::now() + self.read_interval;
        }
        let completions = std::mem::take(&mut self.completions);
        self.oldest_completion = None;
        let placeholder = Worker::Busy(future::pending().boxed());
        let Worker::Idle(worker) = std::mem::replace(&mut self.worker, placeholder) else {
            unreachable!("a request started while another one was running");
        };
        self.worker = Worker::Busy(worker.run(completions, request).boxed());
    }

    /// Waits for the response to the running request; forever if there is none. May be dropped and
    /// called again.
    ///
    /// After an error the completions are kept, and the database is not used for a while.
    pub async fn response(&mut self) -> Result<OutboxResponse, StoreError> {
        let (worker, result) = match &mut self.worker {
            Worker::Idle(_) => future::pending().await,
            Worker::Busy(running) => running.await,
        };
        self.worker = Worker::Idle(Box::new(worker));
        let now = Instant::now();
        match result {
            Ok(response) => {
                self.term.update(response.held, now);
                self.store.set_published(response.shards());
                Ok(response)
            }
            Err((error, unrecorded)) => {
                self.paused_until = now + PAUSE_AFTER_ERROR;
                let later = std::mem::replace(&mut self.completions, unrecorded);
                self.add(later, now);
                Err(error)
            }
        }
    }

    /// When a request or a poll will be due although nothing else happens.
    pub fn next_deadline(&self, now: Instant, is_wanted: bool) -> Instant {
        if !self.is_idle() {
            return self.next_poll;
        }
        let reads_at = (is_wanted && self.may_read(now)).then_some(self.next_read);
        let due = [reads_at, self.flush_at()].into_iter().flatten().chain([self.term.renew_at()]);
        let due = due.min().unwrap_or(self.next_poll);
        self.next_poll.min(due.max(self.paused_until))
    }

    /// Whether nothing is left to record, or nothing can be recorded now.
    pub fn is_settled(&self, now: Instant) -> bool {
        self.is_idle() && (self.completions.is_empty() || now < self.paused_until)
    }

    /// Leaves the share to the other processes, so that they need not wait for its end.
    pub async fn leave(self) -> Result<(), StoreError> {
        match self.worker {
            Worker::Idle(worker) => worker.leave().await,
            // Its request holds the connection.
            Worker::Busy(_) => Ok(()),
        }
    }

    fn is_idle(&self) -> bool {
        matches!(self.worker, Worker::Idle(_))
    }

    fn flush_at(&self) -> Option<Instant> {
        self.oldest_completion.map(|since| since + self.flush_interval)
    }
}

#[cfg(test)]
mod tests {
    use super::worker::HeadsQuery;
    use super::*;
    use crate::publisher::fixtures::{event, settings};
    use crate::store::fixtures::temporary;

    /// An outbox on a database of its own, which is removed with the folder.
    fn outbox() -> (Outbox, tempfile::TempDir) {
        let (folder, store) = temporary(1);
        (Outbox::new(store, &settings()), folder)
    }

    fn failed_attempt() -> Completions {
        let events = [event(1, 0, "trade.executed")];
        Completions::failed_attempt(&events, Duration::ZERO, "503".to_owned())
    }

    #[tokio::test]
    async fn the_first_request_acquires_a_share() {
        let (mut outbox, _folder) = outbox();
        let now = Instant::now();
        assert!(outbox.is_request_due(now, false) && outbox.may_read(now));
        assert!(!outbox.may_publish(now));
        outbox.start(OutboxRequest::default());
        assert!(!outbox.is_request_due(now, true), "the worker is busy");
        let response = outbox.response().await.unwrap();
        let now = Instant::now();
        assert!(outbox.may_publish(now));
        let until = response.held.unwrap().until;
        assert!(!outbox.may_publish(until), "not after its end");
        assert!(!outbox.is_request_due(now, false), "nothing to do");
        assert!(outbox.is_request_due(now, true), "events are wanted");
        assert!(outbox.next_deadline(now, false) < until, "it is renewed in time");
    }

    #[tokio::test]
    async fn reads_have_a_pause_between_them_unless_the_process_is_stopping() {
        let (mut outbox, _folder) = outbox();
        let all = || HeadsQuery { shards: vec![0], page_len: 1 };
        for _ in 0..2 {
            outbox.start(OutboxRequest { heads: all(), ..OutboxRequest::default() });
            outbox.response().await.unwrap();
        }
        let end = outbox.next_read;
        outbox.postpone_poll(end);
        let before = end.checked_sub(Duration::from_millis(1)).unwrap();
        assert!(!outbox.is_request_due(before, true) && outbox.is_request_due(end, true));
        assert_eq!(outbox.next_deadline(before, true), end);
        assert!(outbox.next_deadline(before, false) > end, "nothing is wanted");
        outbox.hurry();
        assert!(outbox.is_request_due(Instant::now(), true));
    }

    #[tokio::test]
    async fn completions_are_recorded_together_after_the_flush_interval() {
        let (mut outbox, _folder) = outbox();
        outbox.start(OutboxRequest::default());
        outbox.response().await.unwrap();
        outbox.postpone_poll(Instant::now());
        let now = Instant::now();
        outbox.add(Completions::default(), now);
        assert!(outbox.is_settled(now), "nothing was added");
        outbox.add(failed_attempt(), now);
        let later = now + FLUSH_INTERVAL;
        outbox.add(failed_attempt(), later);
        assert!(!outbox.is_settled(now) && outbox.has_failed_attempts());
        assert!(!outbox.is_request_due(now, false));
        assert!(outbox.is_request_due(later, false) && outbox.next_deadline(now, false) <= later);
        outbox.hurry();
        assert!(outbox.is_request_due(now, false), "a shutdown does not wait");
        outbox.start(OutboxRequest::default());
        outbox.response().await.unwrap();
        assert!(outbox.is_settled(now) && !outbox.has_failed_attempts());
    }

    #[tokio::test]
    async fn completions_survive_an_error_and_the_database_is_left_alone_for_a_while() {
        let (mut outbox, folder) = outbox();
        folder.close().unwrap();
        outbox.add(failed_attempt(), Instant::now());
        outbox.start(OutboxRequest::default());
        assert!(!outbox.has_failed_attempts(), "the request has them");
        let before = Instant::now();
        outbox.response().await.expect_err("the file is gone");
        assert!(outbox.has_failed_attempts());
        let end = before + PAUSE_AFTER_ERROR;
        assert!(!outbox.is_request_due(before, true) && outbox.is_settled(before));
        assert!(outbox.is_request_due(end + PAUSE_AFTER_ERROR, false));
    }
}
