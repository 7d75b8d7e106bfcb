//! All lanes of the engine, and the thread that owns and watches their threads.
//!
//! On PostgreSQL the markets are distributed over several lanes, so that a market that is locked or
//! busy delays no other, and requests without a market (deposits) have a lane of their own. SQLite
//! has one writer, so there one lane serves all queues, in turn.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock};

use super::EngineError;
use super::lane::Lane;
use super::request::QueuedRequest;
use super::worker::{Context, Worker};
use crate::market::MarketId;

/// How often the threads are checked when none of them has ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// The most threads that may still wait for the database after they were given up. At this bound a
/// lane waits for one of them.
const MAX_GIVEN_UP: usize = 16;

/// The place of a queue: its lane, and its number there.
type Place = (usize, usize);

/// The lanes, and which requests belong to which.
pub struct Lanes {
    lanes: Vec<Arc<Lane>>,
    /// The number of those that have markets.
    market_lanes: usize,
    of_markets: RwLock<BTreeMap<MarketId, Place>>,
    of_accounts: Place,
    /// Set when a thread has ended, or everything is to stop.
    changed: Mutex<bool>,
    wake: Condvar,
}

impl Lanes {
    /// Distributes the markets over at most `count` lanes, each with a queue per market.
    pub fn new(markets: &[MarketId], count: usize, has_one_writer: bool, queue_len: usize) -> Self {
        let count = if has_one_writer { 1 } else { count.clamp(1, markets.len().max(1)) };
        let place = |(index, market): (usize, &MarketId)| (*market, (index % count, index / count));
        let of_markets: BTreeMap<_, _> = markets.iter().enumerate().map(place).collect();
        let queues_of = |lane| of_markets.values().filter(|(of, _)| *of == lane).count();
        let mut queues: Vec<usize> = (0..count).map(queues_of).collect();
        let of_accounts = if has_one_writer { (0, queues[0]) } else { (count, 0) };
        match queues.get_mut(of_accounts.0) {
            Some(queues) => *queues += 1,
            None => queues.push(1),
        }
        let lane = |(index, queues): (usize, usize)| {
            let is_of_accounts = !has_one_writer && index == of_accounts.0;
            let name = if is_of_accounts { "accounts".to_owned() } else { index.to_string() };
            Arc::new(Lane::new(name, queues, queue_len))
        };
        let lanes = queues.into_iter().enumerate().map(lane).collect();
        Self {
            lanes,
            market_lanes: count,
            of_markets: RwLock::new(of_markets),
            of_accounts,
            changed: Mutex::new(false),
            wake: Condvar::new(),
        }
    }

    /// Adds a request to the queue of its market.
    ///
    /// # Errors
    /// Those of [`Lane::push`].
    pub fn push(&self, request: QueuedRequest) -> Result<(), EngineError> {
        let place = request.command.market().map(|market| self.place(market));
        let (lane, queue) = place.unwrap_or(self.of_accounts);
        self.lanes[lane].push(queue, request)
    }

    /// A market that was created after this process started gets a queue when it is met.
    fn place(&self, market: MarketId) -> Place {
        if let Some(place) = self.of_markets.read().get(&market) {
            return *place;
        }
        let mut of_markets = self.of_markets.write();
        let lane = of_markets.len() % self.market_lanes;
        *of_markets.entry(market).or_insert_with(|| (lane, self.lanes[lane].add_queue()))
    }

    pub fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting()).sum()
    }

    /// Whether a lane with markets has a thread, and its batch takes no longer than `at_most`.
    pub fn is_responsive(&self, at_most: Duration) -> bool {
        let of_markets = self.of_markets.read();
        let has_markets = |lane: usize| of_markets.values().any(|(of, _)| *of == lane);
        let mut lanes = self.lanes.iter().enumerate().filter(|(index, _)| has_markets(*index));
        lanes.any(|(_, lane)| lane.is_responsive(at_most))
    }

    pub fn stop(&self) {
        self.lanes.iter().for_each(|lane| lane.stop());
        self.notify();
    }

    /// Wakes the thread that watches.
    pub fn notify(&self) {
        *self.changed.lock() = true;
        self.wake.notify_one();
    }

    fn wait_for_change(&self) {
        let mut changed = self.changed.lock();
        if !*changed {
            self.wake.wait_for(&mut changed, CHECK_INTERVAL);
        }
        *changed = false;
    }
}

/// The thread of a lane.
enum LaneThread {
    Running(JoinHandle<()>),
    /// The last one was given up, and too many are: this is the number of the next one.
    Missing(u64),
    Ended,
}

/// Starts the threads of all lanes, replaces those that are given up, and ends with them.
pub struct Watch {
    lanes: Arc<Lanes>,
    context: Arc<Context>,
    threads: Vec<LaneThread>,
    given_up: Vec<JoinHandle<()>>,
}

impl Watch {
    pub fn start(lanes: Arc<Lanes>, context: Arc<Context>) -> std::io::Result<Self> {
        let mut watch = Self { lanes, context, threads: Vec::new(), given_up: Vec::new() };
        for lane in 0..watch.lanes.lanes.len() {
            let thread = watch.spawn(lane, 0)?;
            watch.threads.push(LaneThread::Running(thread));
        }
        Ok(watch)
    }

    fn spawn(&self, lane: usize, number: u64) -> std::io::Result<JoinHandle<()>> {
        let (lanes, lane) = (Arc::clone(&self.lanes), Arc::clone(&self.lanes.lanes[lane]));
        let worker = Worker::new(Arc::clone(&self.context), lane, number);
        std::thread::Builder::new().name(format!("engine-{number}")).spawn(move || {
            // Also if the thread panics.
            let _on_end = NotifyOnDrop(lanes);
            worker.run();
        })
    }

    /// Runs until all lanes have ended.
    ///
    /// # Panics
    /// As soon as the thread of a lane panics.
    pub fn run(mut self) {
        while !self.threads.iter().all(|thread| matches!(thread, LaneThread::Ended)) {
            self.lanes.wait_for_change();
            self.forget_ended();
            for lane in 0..self.threads.len() {
                self.check(lane);
            }
        }
    }

    /// Threads that were given up and have ended nevertheless make room for others.
    fn forget_ended(&mut self) {
        for index in (0..self.given_up.len()).rev() {
            if self.given_up[index].is_finished() {
                join(self.given_up.swap_remove(index));
            }
        }
        metrics::gauge!("matchcast_engine_given_up_threads")
            .set(super::as_metric(self.given_up.len()));
    }

    fn check(&mut self, index: usize) {
        let lane = Arc::clone(&self.lanes.lanes[index]);
        if let Some(next) = lane.give_up(self.context.settings.batch_timeout) {
            let last = std::mem::replace(&mut self.threads[index], LaneThread::Missing(next));
            if let LaneThread::Running(thread) = last {
                self.given_up.push(thread);
            }
        }
        match &self.threads[index] {
            LaneThread::Missing(_) if lane.is_stopped() => {
                lane.refuse_waiting();
                self.threads[index] = LaneThread::Ended;
            }
            LaneThread::Missing(next) if self.given_up.len() < MAX_GIVEN_UP => {
                match self.spawn(index, *next) {
                    Ok(thread) => self.threads[index] = LaneThread::Running(thread),
                    // It is tried again with the next check.
                    Err(error) => tracing::error!(%error, "a thread could not be started"),
                }
            }
            LaneThread::Running(thread) if thread.is_finished() => {
                let ended = std::mem::replace(&mut self.threads[index], LaneThread::Ended);
                if let LaneThread::Running(thread) = ended {
                    join(thread);
                }
            }
            LaneThread::Running(_) | LaneThread::Missing(_) | LaneThread::Ended => {}
        }
        lane.set_has_thread(!matches!(self.threads[index], LaneThread::Missing(_)));
    }
}

/// # Panics
/// If the thread has panicked.
fn join(thread: JoinHandle<()>) {
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}

struct NotifyOnDrop(Arc<Lanes>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify();
    }
}

#[cfg(test)]
mod tests {
    use super::Lanes;
    use crate::market::MarketId;

    fn places(count: usize, has_one_writer: bool) -> (Vec<(usize, usize)>, (usize, usize), usize) {
        let markets: Vec<MarketId> = (1..=3).map(MarketId).collect();
        let lanes = Lanes::new(&markets, count, has_one_writer, 1);
        let places = lanes.of_markets.read().values().copied().collect();
        (places, lanes.of_accounts, lanes.lanes.len())
    }

    #[test]
    fn markets_are_distributed_over_lanes_and_accounts_have_their_own() {
        assert_eq!(places(8, false), (vec![(0, 0), (1, 0), (2, 0)], (3, 0), 4));
        assert_eq!(places(2, false), (vec![(0, 0), (1, 0), (0, 1)], (2, 0), 3));
    }

    #[test]
    fn one_writer_has_one_lane_with_a_queue_for_each_market_and_for_accounts() {
        assert_eq!(places(8, true), (vec![(0, 0), (0, 1), (0, 2)], (0, 3), 1));
    }
}
