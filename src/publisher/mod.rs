//! From the outbox to the provider. Guarantees:
//!
//! - at least once: an event leaves the outbox after the provider has accepted it, never before;
//! - in order per channel: one process publishes at a time (a lease); the events of one channel are
//!   in one lane, which has one call under way; what fails is tried again before what comes after;
//! - an order never waits for it: nothing is sent with a transaction open, and a dead provider
//!   costs rows in the outbox, nothing else.
//!
//! One task owns everything ([`Publisher::run`]): lanes and the back-off of the destination
//! ([`delivery`]), and what is to be written down ([`outbox`]). Calls, and errands to the database,
//! are futures that it drives; none of them shares anything with it. It is woken by the commit that
//! wrote an event, and looks by itself as a fallback.

mod delivery;
mod dispatch;
mod failure;
mod occupancy;
mod outbox;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, Fuse};
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, watch};

use crate::config;
use crate::pusher::{Client, Diagnosis, Outcome};
use crate::store::outbox::{OutboxEvent, SHARDS};
use crate::store::{Store, StoreError};
use delivery::backoff::Backoff;
use delivery::circuit_breaker::{Circuit, Ticket};
use delivery::lane::Lane;
use failure::{Complaint, Suspicion};
use occupancy::{Listeners, Listing};
use outbox::completions::Results;
use outbox::worker::{Clerk, Report};

/// Waiting after the database could not be used.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);
/// How long outcomes are gathered before they are written down together, while lanes are busy. So
/// long after a call its events may be sent a second time if the process dies.
const GATHERING: Duration = Duration::from_millis(20);

/// Where events go.
pub enum Sink {
    Provider(Arc<Client>),
    /// Into the log, for development.
    Log,
    Nowhere,
}

/// The publisher of one process.
pub struct Publisher {
    /// Away while it runs an errand.
    clerk: Option<Clerk>,
    sink: Sink,
    wake: Arc<Notify>,
    poll: Duration,
    page_len: i64,
    renewal: Duration,
    lanes: Vec<LanePlace>,
    circuit: Circuit,
    results: Results,
    /// Since when there are results.
    gathering_since: Option<Instant>,
    /// Until when this process has the role.
    held_until: Option<Instant>,
    /// When the lease must be kept.
    next_keep: Instant,
    /// When every lane looks for events by itself.
    next_look: Instant,
    /// Not at all before then: the database could not be used.
    no_errand_before: Instant,
    /// The lane of the last probe, so that the next one is another's.
    last_probe: usize,
    suspicions: Vec<Suspicion>,
    /// How many calls were accepted.
    accepted: u64,
    /// What the provider said, for which the likely cause is asked for.
    unexplained: Option<(u16, String)>,
    complaint: Option<Complaint>,
    /// `None`: every event is sent, whether anybody listens or not.
    listeners: Option<Listeners>,
    is_stopping: bool,
}

/// A lane, its shards, and whether the database may have more for it.
struct LanePlace {
    lane: Lane,
    shards: Vec<i16>,
    look: bool,
    /// The clerk is on its way for it.
    is_asked_for: bool,
    /// The first event of a call that was refused, with the number of calls that had been accepted
    /// by then, where nobody could tell whose fault that was.
    refused: Option<(i64, u64)>,
}

/// A call that has ended.
struct Ended {
    lane: usize,
    events: Vec<OutboxEvent>,
    ticket: Ticket,
    outcome: Outcome,
}

type Calls = FuturesUnordered<BoxFuture<'static, Ended>>;
type Question = Fuse<BoxFuture<'static, Result<(), Diagnosis>>>;
type Errands = Fuse<BoxFuture<'static, (Clerk, Result<Report, (StoreError, Results)>)>>;

impl Publisher {
    pub fn new(store: Store, sink: Sink, settings: config::Publisher, wake: Arc<Notify>) -> Self {
        let count = settings.lanes.get();
        let place = |lane: i16| LanePlace {
            lane: Lane::default(),
            shards: (0..SHARDS).filter(|shard| shard % count == lane).collect(),
            look: true,
            is_asked_for: false,
            refused: None,
        };
        let clerk = Clerk::new(store, settings.lease);
        let now = Instant::now();
        Self {
            renewal: clerk.renewal(),
            clerk: Some(clerk),
            sink,
            wake,
            poll: settings.poll,
            page_len: settings.page_len.get().into(),
            lanes: (0..count).map(place).collect(),
            circuit: Circuit::new(Backoff::new(&settings.backoff), settings.hold),
            results: Results::default(),
            gathering_since: None,
            held_until: None,
            next_keep: now,
            next_look: now,
            no_errand_before: now,
            last_probe: 0,
            suspicions: Vec::new(),
            accepted: 0,
            unexplained: None,
            complaint: None,
            listeners: None,
            is_stopping: false,
        }
    }

    /// The same publisher, which skips events on channels without subscribers and asks for the
    /// occupied ones this often.
    #[must_use]
    pub fn only_to_listeners(mut self, refresh: Duration) -> Self {
        self.listeners = Some(Listeners::new(refresh));
        self
    }

    /// Publishes until `stop` turns true, then until the outbox is empty, something fails or the
    /// future is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let wake = self.wake.clone();
        let mut calls = Calls::new();
        let mut question: Question = Fuse::terminated();
        let mut errand: Errands = Fuse::terminated();
        let mut listing: Listing = Fuse::terminated();
        loop {
            let now = Instant::now();
            self.start_calls(&mut calls, now);
            if let Some(asked) = self.next_question(&question) {
                question = asked;
            }
            if let Some(asked) = self.next_listing(&listing, now) {
                listing = asked;
            }
            if let Some(sent) = self.next_errand(now) {
                errand = sent;
            }
            if self.is_stopping && self.is_done(&calls, now) {
                break;
            }
            tokio::select! {
                Some(ended) = calls.next(), if !calls.is_empty() => self.ended(ended),
                answer = &mut question => self.answered(answer),
                list = &mut listing => self.listed(list),
                (clerk, outcome) = &mut errand => self.back(clerk, outcome),
                () = wake.notified() => self.look_everywhere(),
                () = tokio::time::sleep_until(self.next_moment(now).into()) => {}
                _ = stop.changed(), if !self.is_stopping => {
                    self.is_stopping = true;
                    self.look_everywhere();
                }
            }
        }
        if let Some(clerk) = self.clerk
            && let Err(error) = clerk.leave().await
        {
            tracing::warn!(%error, "the publisher's lease was not given back");
        }
    }
}
