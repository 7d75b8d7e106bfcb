//! Delivery to the provider: which requests may start now, and the consequences of their outcomes.
//!
//! Guarantees: a lane has at most one request in flight; no request starts while the circuit
//! breaker is open, except its probe; a lane with an ambiguous refusal sends nothing until the
//! provider has been diagnosed.
//!
//! Delivery reads no clock for its decisions and has no network connection. The caller reads the
//! outbox, sends the requests and writes the completions.

mod backoff;
mod circuit_breaker;
mod lane;
mod lanes;
mod refusals;
pub mod request;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::config;
use crate::publisher::outbox::completions::{Completions, Rejection};
use crate::publisher::outbox::worker::HeadsQuery;
use crate::pusher::{Diagnosis, Outcome};
use crate::store::outbox::{OutboxEvent, ShardSet};
use backoff::Backoff;
use circuit_breaker::{CircuitBreaker, Generation};
use lane::Refusal;
use lanes::Lanes;
use refusals::{Refusals, is_temporary};

pub use circuit_breaker::Permit;

/// The lanes and the circuit breaker of a publisher.
pub struct Delivery {
    lanes: Lanes,
    breaker: CircuitBreaker,
    refusals: Refusals,
    /// The lane of the last probe. The next one is sent by another lane.
    last_probed: usize,
}

/// A request to the provider, started by a lane.
#[derive(Debug)]
pub struct Request {
    lane: usize,
    generation: Generation,
    pub events: Vec<OutboxEvent>,
}

/// What an outcome says about the provider, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// It accepts events.
    Accepting,
    /// It cannot process requests now.
    Unavailable { reason: String },
    /// It refuses requests, and will until an operator acts.
    Refusing { status: u16, message: String },
}

/// The consequences of an outcome.
#[derive(Debug, Default)]
pub struct Consequences {
    pub completions: Completions,
    /// `None`: nothing new.
    pub provider: Option<ProviderState>,
}

impl Delivery {
    pub fn new(settings: &config::Publisher) -> Self {
        let hold = settings.hold;
        Self {
            lanes: Lanes::new(settings.lanes.get(), settings.page_len.get().into()),
            breaker: CircuitBreaker::new(Backoff::new(&settings.backoff), hold),
            refusals: Refusals::default(),
            last_probed: 0,
        }
    }

    /// What the circuit breaker allows now.
    pub fn permit(&self, now: Instant) -> Permit {
        self.breaker.permit(now)
    }

    /// Starts every request that may start now. `fitting` says how many of the first of some events
    /// fit into one request.
    pub fn start_requests(
        &mut self,
        now: Instant,
        fitting: impl Fn(&[OutboxEvent]) -> usize,
    ) -> Vec<Request> {
        let mut requests = Vec::new();
        let count = self.lanes.len();
        // Each probe is sent by another lane, so a lane that only has bad events does not keep the
        // breaker open for all.
        let last_probed = self.last_probed;
        for lane in (1..=count).map(|step| (last_probed + step) % count) {
            let permit = self.breaker.permit(now);
            if !permit.is_granted() {
                break;
            }
            if self.refusals.includes(lane) {
                continue;
            }
            let Some(events) = self.lanes[lane].next_request(&fitting) else { continue };
            if permit == Permit::Probe {
                self.last_probed = lane;
            }
            requests.push(Request { lane, generation: self.breaker.start_request(now), events });
        }
        requests
    }

    /// Ends a request. `random` is from 0 to 1 and decides the jitter of the backoff.
    pub fn complete(
        &mut self,
        request: Request,
        outcome: Outcome,
        now: Instant,
        random: f64,
    ) -> Consequences {
        let generation = request.generation;
        match outcome {
            Outcome::Delivered => self.delivered(request, now),
            Outcome::Rejected { status, message } => self.rejected(request, status, message, now),
            Outcome::Retry { after, reason, .. } => {
                let until = self.breaker.record_failure(generation, after, random, now);
                let completions = self.retry(request, until - now, reason.clone());
                let provider = Some(ProviderState::Unavailable { reason });
                Consequences { completions, provider }
            }
            Outcome::Held { status, message } => self.hold(request, status, message, now),
            Outcome::Refused { status, message } => self.refused(request, status, message, now),
        }
    }

    fn delivered(&mut self, request: Request, now: Instant) -> Consequences {
        self.refusals.record_accepted();
        self.breaker.record_success(request.generation);
        self.lanes[request.lane].complete();
        let completions = Completions { delivered: request.events, ..Completions::default() };
        // An old request may be accepted while the breaker is open.
        let is_closed = self.breaker.permit(now) == Permit::Unlimited;
        Consequences { completions, provider: is_closed.then_some(ProviderState::Accepting) }
    }

    /// The provider will never accept this payload. A single event becomes a dead letter; several
    /// are sent one by one, to find the unacceptable one.
    fn rejected(
        &mut self,
        request: Request,
        status: Option<u16>,
        message: String,
        now: Instant,
    ) -> Consequences {
        match status {
            Some(_) => self.breaker.record_success(request.generation),
            // It was not even sent, so it says nothing about the provider.
            None => self.breaker.discard(request.generation, now),
        }
        if request.events.len() == 1 {
            return self.dead_letter(request, status, message);
        }
        let ids = ids_of(&request.events);
        self.lanes[request.lane].requeue(request.events);
        self.lanes[request.lane].isolate(&ids);
        Consequences::default()
    }

    /// The provider refused these events: because of one of them, or because it refuses every
    /// request.
    fn refused(
        &mut self,
        request: Request,
        status: u16,
        message: String,
        now: Instant,
    ) -> Consequences {
        let (lane, generation) = (request.lane, request.generation);
        let terminates = request.events.iter().any(OutboxEvent::terminates_connections);
        match self.lanes[lane].refusal_of(&request.events) {
            Refusal::Confirmed if terminates || self.refusals.may_dead_letter() => {
                self.breaker.record_success(generation);
                self.dead_letter(request, Some(status), message)
            }
            Refusal::Confirmed => self.hold(request, status, message, now),
            Refusal::Ambiguous => {
                let error = with_status(Some(status), &message);
                let wait = if self.breaker.is_stale(generation) {
                    self.breaker.retry_at(now) - now
                } else {
                    let ids = ids_of(&request.events);
                    self.refusals.add(lane, ids, generation, (status, message));
                    Duration::ZERO
                };
                let completions = self.retry(request, wait, error);
                Consequences { completions, provider: None }
            }
        }
    }

    /// Everything is kept until an operator acts.
    fn hold(
        &mut self,
        request: Request,
        status: u16,
        message: String,
        now: Instant,
    ) -> Consequences {
        let until = self.breaker.hold(request.generation, now);
        let completions = self.retry(request, until - now, with_status(Some(status), &message));
        Consequences { completions, provider: Some(ProviderState::Refusing { status, message }) }
    }

    /// Puts the events back into their lane; they are sent again after `wait` at the earliest.
    fn retry(&mut self, mut request: Request, wait: Duration, error: String) -> Completions {
        request.events.iter_mut().for_each(|event| event.attempts += 1);
        let completions = Completions::failed_attempt(&request.events, wait, error);
        self.lanes[request.lane].requeue(request.events);
        completions
    }

    /// The events leave their lane and become dead letters.
    fn dead_letter(
        &mut self,
        request: Request,
        status: Option<u16>,
        message: String,
    ) -> Consequences {
        self.lanes[request.lane].complete();
        let error = with_status(status, &message);
        let reject = |event| Rejection { event, status, error: error.clone() };
        let rejected = request.events.into_iter().map(reject).collect();
        let completions = Completions { rejected, ..Completions::default() };
        Consequences { completions, provider: None }
    }

    /// Whether a lane waits until the provider is diagnosed.
    pub fn needs_diagnosis(&self) -> bool {
        !self.refusals.is_empty()
    }

    /// Resolves the ambiguous refusals. `diagnosis` tells whether the provider accepts our
    /// requests. Returns the provider's state as each of them shows it.
    pub fn resolve_refusals(
        &mut self,
        diagnosis: &Result<(), Diagnosis>,
        now: Instant,
        random: f64,
    ) -> Vec<ProviderState> {
        let mut states = Vec::new();
        for refusal in self.refusals.take() {
            match diagnosis {
                _ if self.refusals.accepts_others(&refusal, diagnosis) => {
                    self.breaker.record_success(refusal.generation);
                    self.lanes[refusal.lane].suspect(&refusal.event_ids);
                }
                Err(diagnosis) if is_temporary(diagnosis) => {
                    self.breaker.record_failure(refusal.generation, None, random, now);
                    states.push(ProviderState::Unavailable { reason: diagnosis.to_string() });
                }
                _ => {
                    self.breaker.hold(refusal.generation, now);
                    self.refusals.keep_unexplained(&refusal);
                    let (status, message) = (refusal.status, refusal.message);
                    states.push(ProviderState::Refusing { status, message });
                }
            }
        }
        states
    }

    /// Notes that the outbox may hold more events for every lane.
    pub fn mark_all_unread(&mut self) {
        self.lanes.mark_all_unread();
    }

    /// Whether the outbox should be read.
    pub fn wants_events(&self) -> bool {
        self.lanes.want_events()
    }

    /// Starts to read the outbox for every lane that is idle and may have more events there.
    /// [`Self::fill`], [`Self::end_reading`] or [`Self::abort_reading`] must follow.
    pub fn start_reading(&mut self) -> HeadsQuery {
        self.lanes.start_reading()
    }

    /// Gives the events that were read, oldest first, to their lanes.
    pub fn fill(&mut self, events: Vec<OutboxEvent>) {
        self.lanes.fill(events);
    }

    /// Ends a read whose events are not sent. If there were any, there may be more behind them.
    pub fn end_reading(&mut self, events: &[OutboxEvent]) {
        self.lanes.end_reading(!events.is_empty());
    }

    /// Ends a read that failed, so that it is repeated.
    pub fn abort_reading(&mut self) {
        self.lanes.abort_reading();
    }

    /// Notes that these events were read and are not sent, so there may be more behind them.
    pub fn skip(&mut self, events: &[OutboxEvent]) {
        self.lanes.mark_unread_for(events);
    }

    /// The ids of all queued events, without those in flight.
    pub fn queued_ids(&self) -> Vec<i64> {
        self.lanes.queued_ids()
    }

    /// Removes queued events that have left the outbox.
    pub fn remove(&mut self, ids: &BTreeSet<i64>) {
        self.lanes.remove(ids);
    }

    /// From now on only the events of these shards are sent. Those of others stay in the outbox.
    pub fn restrict(&mut self, shards: ShardSet) {
        self.lanes.restrict(shards);
    }

    /// Those of these shards whose lanes have no request in flight.
    pub fn without_requests(&self, shards: ShardSet) -> ShardSet {
        self.lanes.without_requests(shards)
    }

    /// Removes all events, because another process may have sent them. They stay in the outbox.
    pub fn clear(&mut self, now: Instant) {
        self.lanes.clear();
        for refusal in self.refusals.take() {
            self.breaker.discard(refusal.generation, now);
        }
    }

    /// Whether there is nothing to send, here or in the outbox.
    pub fn is_exhausted(&self) -> bool {
        self.lanes.are_exhausted()
    }
}

fn ids_of(events: &[OutboxEvent]) -> Vec<i64> {
    events.iter().map(|event| event.id).collect()
}

/// An error as it is kept with an event: the provider's status, if there is one, and its message.
fn with_status(status: Option<u16>, message: &str) -> String {
    status.map_or_else(|| message.to_owned(), |status| format!("{status} {message}"))
}

#[cfg(test)]
mod tests;
