//! A lane: the queues of some markets and the thread that executes their requests, in batches.
//!
//! Each market has a queue of its own. A batch takes one request from each queue in turn, so that a
//! busy market does not delay the others of its lane. For the same reason batches of triggered stop
//! orders and batches of other markets take turns. The lane knows the batch that is being executed:
//! if the database does not respond in time, [`Lane::give_up`] replies to its requests, and another
//! thread takes the lane over.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::EngineError;
use super::batch::{Batch, Requests};
use super::request::QueuedRequest;
use crate::market::{Command, MarketId};
use crate::outage::Outage;
use crate::store::StoreError;

static GIVEN_UP: Outage = Outage::error(
    "engine_given_up",
    "batches are given up: the database does not respond",
    "batches are no longer given up",
);

/// The queues and the state of a lane.
pub struct Lane {
    /// For logs and metrics.
    pub name: String,
    /// The most requests that may wait.
    queue_len: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// One for each market.
    queues: Vec<VecDeque<QueuedRequest>>,
    /// The queue whose turn it is.
    turn: usize,
    /// Requests in all queues.
    waiting: usize,
    /// Parts of a batch that failed, each to be executed by itself before anything else.
    parts: VecDeque<Requests>,
    /// For each market with triggered stop orders, the request that executes more of them.
    triggering: VecDeque<(usize, QueuedRequest)>,
    /// The last batch was one of these.
    has_continued: bool,
    running: Option<(Arc<Batch>, Instant)>,
    /// The number of the thread that may execute batches; earlier ones were given up.
    thread: u64,
    /// False: the last thread was given up and the next one has not been started yet.
    has_thread: bool,
    is_stopped: bool,
}

impl Lane {
    pub fn new(name: String, queues: usize, queue_len: usize) -> Self {
        let state = State {
            queues: (0..queues).map(|_| VecDeque::new()).collect(),
            turn: 0,
            waiting: 0,
            parts: VecDeque::new(),
            triggering: VecDeque::new(),
            has_continued: false,
            running: None,
            thread: 0,
            has_thread: true,
            is_stopped: false,
        };
        Self { name, queue_len, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds a queue and returns its number.
    pub fn add_queue(&self) -> usize {
        let mut state = self.state.lock();
        state.queues.push(VecDeque::new());
        state.queues.len() - 1
    }

    /// Adds a request to a queue.
    ///
    /// # Errors
    /// [`EngineError::QueueFull`] and [`EngineError::Stopped`].
    pub fn push(&self, queue: usize, request: QueuedRequest) -> Result<(), EngineError> {
        let mut state = self.state.lock();
        if state.is_stopped {
            return Err(EngineError::Stopped);
        }
        if state.waiting >= self.queue_len {
            metrics::counter!("matchcast_engine_queue_full_total").increment(1);
            return Err(EngineError::QueueFull);
        }
        state.queues[queue].push_back(request);
        state.waiting += 1;
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for requests and makes them the batch that is being executed.
    ///
    /// `None`: the lane has stopped and nothing waits, or another thread has taken over.
    pub fn next_batch(&self, thread: u64, batch_len: usize) -> Option<Arc<Batch>> {
        let mut state = self.state.lock();
        loop {
            if state.thread != thread {
                return None;
            }
            if let Some(batch) = state.take(batch_len) {
                state.running = Some((Arc::clone(&batch), Instant::now()));
                let waiting = state.waiting;
                drop(state);
                let name = self.name.clone();
                metrics::gauge!("matchcast_engine_queue_len", "lane" => name)
                    .set(super::as_metric(waiting));
                return Some(batch);
            }
            if state.is_stopped {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Lets requests that wait join the batch that is being executed, if it is open.
    pub fn join(
        &self,
        thread: u64,
        batch: &Batch,
        batch_len: usize,
        may_join: impl Fn(&Command) -> bool,
    ) {
        let mut state = self.state.lock();
        if state.thread != thread || !batch.is_open {
            return;
        }
        let room = batch_len.saturating_sub(batch.weight());
        if let Some(requests) = state.take_from_queues(room, may_join) {
            batch.join(requests);
        }
    }

    /// The batch is no longer being executed: its requests, to be replied to. `None`: the batch was
    /// given up and another thread has taken over.
    pub fn finish(&self, thread: u64, batch: Arc<Batch>) -> Option<Requests> {
        let mut state = self.state.lock();
        if state.thread != thread {
            return None;
        }
        state.running = None;
        drop(state);
        GIVEN_UP.recovered();
        Arc::into_inner(batch).map(Batch::into_requests)
    }

    /// Puts requests that were not executed back to the front of their queues, in their order.
    pub fn put_back(&self, requests: Requests) {
        if requests.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        for (queue, request) in requests.into_iter().rev() {
            request.put_back();
            state.queues[queue].push_front(request);
            state.waiting += 1;
        }
    }

    /// Executes the triggered stop orders of a market, in turn with the requests of other markets.
    /// Those of this market wait until there are none.
    pub fn continue_with(&self, queue: usize, market: MarketId) {
        let request = QueuedRequest::unasked(Command::Advance { market });
        self.state.lock().triggering.push_back((queue, request));
    }

    /// Executes the halves of a batch that failed, one after the other, before anything else.
    pub fn halve(&self, mut requests: Requests) {
        let second = requests.split_off(requests.len() / 2);
        let mut state = self.state.lock();
        for part in [second, requests] {
            part.iter().for_each(|(_, request)| request.put_back());
            state.parts.push_front(part);
        }
    }

    /// Gives up the batch that has been executed for longer than `timeout`, and replies to its
    /// requests. Returns the number of the thread that may take over.
    pub fn give_up(&self, timeout: Duration) -> Option<u64> {
        let mut state = self.state.lock();
        let (_, since) = state.running.as_ref()?;
        if since.elapsed() <= timeout {
            return None;
        }
        let (batch, _) = state.running.take()?;
        state.thread += 1;
        let thread = state.thread;
        drop(state);
        let error = match batch.call.give_up() {
            StoreError::CommitUnknown(_) => EngineError::OutcomeUnknown,
            _ => EngineError::Unavailable,
        };
        let requests = batch.requests();
        let cause = format_args!("lane {}, {} requests: {error}", self.name, requests.len());
        let span = Batch::span(&self.name);
        batch.describe(&span);
        span.in_scope(|| GIVEN_UP.failed(&cause));
        metrics::counter!("matchcast_engine_given_up_total").increment(1);
        requests.iter().for_each(|(_, request)| request.fail(error));
        Some(thread)
    }

    /// Whether the lane has a thread, and its batch has taken no longer than `at_most`.
    pub fn is_responsive(&self, at_most: Duration) -> bool {
        let state = self.state.lock();
        let is_late = |(_, since): &(_, Instant)| since.elapsed() > at_most;
        state.has_thread && !state.running.as_ref().is_some_and(is_late)
    }

    pub fn set_has_thread(&self, has_thread: bool) {
        self.state.lock().has_thread = has_thread;
    }

    pub fn is_stopped(&self) -> bool {
        self.state.lock().is_stopped
    }

    /// Requests that wait, without those that are being executed.
    pub fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    /// Lets the lane execute what waits, and end. Later requests are refused.
    pub fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.changed.notify_all();
    }

    /// Refuses everything that waits, because no thread will execute it.
    pub fn refuse_waiting(&self) {
        let mut state = self.state.lock();
        state.is_stopped = true;
        while let Some(batch) = state.take(usize::MAX) {
            batch.requests().iter().for_each(|(_, request)| request.fail(EngineError::Stopped));
        }
    }
}

impl State {
    /// The next batch. Requests that were left are removed.
    fn take(&mut self, batch_len: usize) -> Option<Arc<Batch>> {
        if let Some(part) = self.parts.pop_front() {
            return Some(Batch::new(part, false));
        }
        if !self.has_continued
            && let Some(batch) = self.take_triggering()
        {
            return Some(batch);
        }
        self.has_continued = false;
        match self.take_from_queues(batch_len, |_| true) {
            Some(requests) => Some(Batch::new(requests, true)),
            None => self.take_triggering(),
        }
    }

    fn take_triggering(&mut self) -> Option<Arc<Batch>> {
        let next = self.triggering.pop_front()?;
        self.has_continued = true;
        Some(Batch::new(vec![next], false))
    }

    /// Without the requests of markets that are triggering, and those that must not be taken.
    fn take_from_queues(
        &mut self,
        batch_len: usize,
        may_take: impl Fn(&Command) -> bool,
    ) -> Option<Requests> {
        let markets = self.triggering.iter().filter_map(|(_, request)| request.command.market());
        let markets: Vec<MarketId> = markets.collect();
        let must_wait = |request: &QueuedRequest| {
            request.command.market().is_some_and(|market| markets.contains(&market))
                || !may_take(&request.command)
        };
        let mut skipped = 0;
        let mut requests = Vec::with_capacity(self.waiting.min(batch_len));
        let (mut left, mut weight) = (0_u64, 0_usize);
        while self.waiting > 0 && weight < batch_len && skipped < self.queues.len() {
            let queue = self.turn;
            self.turn = (self.turn + 1) % self.queues.len();
            if self.queues[queue].front().is_none_or(must_wait) {
                skipped += 1;
                continue;
            }
            skipped = 0;
            let Some(request) = self.queues[queue].pop_front() else { continue };
            self.waiting -= 1;
            if request.is_left() {
                left += 1;
            } else {
                weight = weight.saturating_add(request.command.weight());
                requests.push((queue, request));
            }
        }
        if left > 0 {
            count_expired(left);
        }
        (!requests.is_empty()).then_some(requests)
    }
}

/// Counts requests that are not executed because they waited too long or were left.
pub fn count_expired(requests: u64) {
    tracing::debug!(requests, "requests waited too long or were left, and are not executed");
    metrics::counter!("matchcast_engine_expired_total").increment(requests);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Batch, Command, Lane, MarketId, QueuedRequest};

    fn request(market: i32) -> QueuedRequest {
        QueuedRequest::unasked(Command::Advance { market: MarketId(market) })
    }

    fn markets(batch: &Batch) -> Vec<i32> {
        let markets = batch.commands().into_iter().map(|command| command.market());
        markets.map(|market| market.expect("a market").0).collect()
    }

    /// The markets of the requests of the next batch.
    fn next(lane: &Lane) -> Vec<i32> {
        let batch = lane.next_batch(0, 10).expect("a batch");
        let markets = markets(&batch);
        assert!(lane.finish(0, batch).is_some() && lane.is_responsive(Duration::ZERO));
        markets
    }

    #[test]
    fn what_waits_for_the_same_market_joins_an_open_batch() {
        let lane = Lane::new("test".to_owned(), 2, 10);
        let is_first = |command: &Command| command.market() == Some(MarketId(1));
        lane.push(0, request(1)).expect("there is room");
        let batch = lane.next_batch(0, 3).expect("a batch");
        for market in [2, 1, 1, 1] {
            lane.push(usize::from(market == 2), request(market)).expect("there is room");
        }
        lane.join(1, &batch, 3, is_first);
        assert_eq!(markets(&batch), [1], "another thread has taken over");
        lane.join(0, &batch, 3, is_first);
        assert_eq!(markets(&batch), [1, 1, 1], "as many as there is room for");
        let requests = lane.finish(0, batch).expect("they are executed");
        lane.halve(requests);
        let part = lane.next_batch(0, 3).expect("the first half");
        lane.join(0, &part, 3, is_first);
        assert_eq!(markets(&part), [1], "nothing joins a part of a batch that failed");
        assert_eq!(lane.waiting(), 2);
    }

    #[test]
    fn triggered_orders_take_turns_with_other_markets() {
        let lane = Lane::new("test".to_owned(), 2, 10);
        for market in [1, 2, 1, 2] {
            lane.push(usize::from(market == 2), request(market)).expect("there is room");
        }
        lane.continue_with(0, MarketId(1));
        assert_eq!(next(&lane), [1], "the triggered orders");
        lane.continue_with(0, MarketId(1));
        assert_eq!(next(&lane), [2, 2], "and not what waits in their market");
        assert_eq!(next(&lane), [1], "more of them");
        assert_eq!(next(&lane), [1, 1], "there are no more");
        lane.continue_with(0, MarketId(1));
        lane.continue_with(1, MarketId(2));
        assert_eq!([next(&lane), next(&lane)], [[1], [2]], "nothing else waits");
        assert_eq!(lane.waiting(), 0);
    }
}
