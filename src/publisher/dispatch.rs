//! The publisher's loop: it starts the work that its parts ask for, and passes each result to the
//! parts that it concerns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use tokio::sync::{Notify, watch};

use super::delivery::request::fitting;
use super::delivery::{Delivery, Permit, Request};
use super::failure::FailureMonitor;
use super::in_flight::{Completed, InFlight};
use super::occupancy::OccupancyMonitor;
use super::outbox::Outbox;
use super::outbox::completions::Completions;
use super::outbox::worker::{OutboxRequest, OutboxResponse};
use crate::config;
use crate::outage::Outage;
use crate::pusher::{Client, Diagnosis, Outcome};
use crate::store::outbox::{OutboxEvent, ShardSet};
use crate::store::{Store, StoreError};

static DATABASE: Outage = Outage::error(
    "publisher_database",
    "the publisher cannot use the database",
    "the publisher uses the database again",
);
static CHANNEL_LIST: Outage = Outage::warning(
    "channel_list",
    "the provider does not list its occupied channels",
    "the provider lists its occupied channels again",
);

/// The destination of events.
pub enum Sink {
    Provider(Arc<Client>),
    /// The log, for development.
    Log,
    Nowhere,
}

/// The publisher of one process.
pub struct Publisher {
    sink: Sink,
    notify: Arc<Notify>,
    delivery: Delivery,
    outbox: Outbox,
    failures: FailureMonitor,
    /// `None`: every event is sent.
    occupancy: Option<OccupancyMonitor>,
    in_flight: InFlight,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Stopping,
}

impl Publisher {
    /// A publisher that starts with [`Self::run`]. `notify` is notified after each commit that
    /// wrote events.
    pub fn new(store: Store, sink: Sink, settings: config::Publisher, notify: Arc<Notify>) -> Self {
        Self {
            sink,
            notify,
            delivery: Delivery::new(&settings),
            outbox: Outbox::new(store, &settings),
            failures: FailureMonitor::default(),
            occupancy: None,
            in_flight: InFlight::new(),
            stage: Stage::Running,
        }
    }

    /// The same publisher, which skips events on unoccupied channels and requests the list of
    /// occupied ones once per `refresh`.
    #[must_use]
    pub fn skip_unoccupied(mut self, refresh: Duration) -> Self {
        self.occupancy = Some(OccupancyMonitor::new(refresh, Instant::now()));
        self
    }

    /// Publishes until `stop` turns true, and then until the outbox is empty, something fails or
    /// the future is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let notify = self.notify.clone();
        loop {
            let now = Instant::now();
            self.start_work(now);
            if self.stage == Stage::Stopping && self.is_finished(now) {
                break;
            }
            let deadline = self.next_deadline(now);
            tokio::select! {
                completed = self.in_flight.next() => self.request_completed(completed),
                response = self.outbox.response() => self.outbox_responded(response),
                () = notify.notified() => self.expect_events(),
                () = tokio::time::sleep_until(deadline.into()) => {}
                _ = stop.changed(), if self.stage == Stage::Running => self.stop(),
            }
        }
        if let Err(error) = self.outbox.leave().await {
            tracing::warn!(%error, "the publisher did not leave its shards to other processes");
        }
    }

    /// Starts everything that may start now.
    fn start_work(&mut self, now: Instant) {
        if self.outbox.may_publish(now) {
            self.start_requests(now);
            self.start_listing_channels(now);
        }
        self.start_diagnosis();
        self.start_outbox_request(now);
    }

    fn start_requests(&mut self, now: Instant) {
        let Sink::Provider(client) = &self.sink else { return };
        // A shutdown does not wait for a probe.
        if self.stage == Stage::Stopping && self.delivery.permit(now) == Permit::Probe {
            return;
        }
        for request in self.delivery.start_requests(now, |events| fitting(client, events)) {
            self.in_flight.send(client, request);
        }
    }

    fn start_listing_channels(&mut self, now: Instant) {
        let (Some(occupancy), Sink::Provider(client)) = (&mut self.occupancy, &self.sink) else {
            return;
        };
        if !self.in_flight.is_listing_channels() && occupancy.take_due(now) {
            self.in_flight.list_channels(client);
        }
    }

    /// Asks the provider whether it accepts our requests, if anything depends on that.
    fn start_diagnosis(&mut self) {
        let Sink::Provider(client) = &self.sink else { return };
        let is_needed = self.delivery.needs_diagnosis() || self.failures.needs_diagnosis();
        if is_needed && !self.in_flight.is_diagnosing() {
            self.in_flight.diagnose(client);
        }
    }

    fn start_outbox_request(&mut self, now: Instant) {
        if self.outbox.is_poll_due(now) {
            self.expect_events();
        }
        if !self.outbox.is_request_due(now, self.wants_request()) {
            return;
        }
        if !self.outbox.may_publish(now) {
            // Another process may have sent these events.
            self.delivery.clear(now);
        }
        let mut request = OutboxRequest { given_up: self.given_up(), ..OutboxRequest::default() };
        if self.outbox.may_read(now) {
            request.heads = self.delivery.start_reading();
        }
        if self.outbox.has_failed_attempts() {
            // An operator may have dropped events that wait for their next attempt.
            request.queued = self.delivery.queued_ids();
        }
        if let Some(occupancy) = &mut self.occupancy {
            request.unoccupied = occupancy.unoccupied(now);
            request.occupied_channels = occupancy.take_received();
        }
        self.outbox.start(request);
    }

    /// Whether the outbox is to be read, or shards are to be given up.
    fn wants_request(&self) -> bool {
        self.delivery.wants_events() || !self.given_up().is_empty()
    }

    /// The shards that are to be given up, and of which nothing is in flight.
    fn given_up(&self) -> ShardSet {
        self.delivery.without_requests(self.outbox.surplus())
    }

    /// A request to the provider has ended.
    fn request_completed(&mut self, completed: Completed) {
        match completed {
            Completed::Events(request, outcome) => self.events_completed(request, outcome),
            Completed::Diagnosis(diagnosis) => self.diagnosed(&diagnosis),
            Completed::Channels(Ok(list)) => {
                CHANNEL_LIST.recovered();
                if let Some(occupancy) = &mut self.occupancy {
                    occupancy.received(list);
                }
            }
            Completed::Channels(Err(outcome)) => {
                CHANNEL_LIST.failed(&format_args!("{outcome:?}"));
            }
        }
    }

    fn events_completed(&mut self, request: Request, outcome: Outcome) {
        let (now, random) = (Instant::now(), rand::rng().random());
        let consequences = self.delivery.complete(request, outcome, now, random);
        self.outbox.add(consequences.completions, now);
        if let Some(state) = consequences.provider {
            self.failures.observe(state);
        }
    }

    fn diagnosed(&mut self, diagnosis: &Result<(), Diagnosis>) {
        let (now, random) = (Instant::now(), rand::rng().random());
        let states = self.delivery.resolve_refusals(diagnosis, now, random);
        self.failures.explain(diagnosis, states);
    }

    /// A request to the database has ended.
    fn outbox_responded(&mut self, response: Result<OutboxResponse, StoreError>) {
        let now = Instant::now();
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                DATABASE.failed(&error);
                return self.delivery.abort_reading();
            }
        };
        DATABASE.recovered();
        self.delivery.restrict(response.shards());
        if response.held.is_none() {
            self.delivery.clear(now);
        }
        if let Some(occupancy) = self.occupancy.as_mut().filter(|_| response.stored_channels) {
            occupancy.stored(now);
        }
        self.delivery.remove(&response.gone);
        self.delivery.skip(&response.unoccupied);
        let skipped = Completions { skipped: response.unoccupied, ..Completions::default() };
        self.outbox.add(skipped, now);
        match &self.sink {
            Sink::Provider(_) => self.delivery.fill(response.events),
            Sink::Log => {
                response.events.iter().for_each(log);
                self.deliver_nowhere(response.events, now);
            }
            Sink::Nowhere => self.deliver_nowhere(response.events, now),
        }
    }

    /// Without a provider, events are delivered as soon as they are read.
    fn deliver_nowhere(&mut self, events: Vec<OutboxEvent>, now: Instant) {
        self.delivery.end_reading(&events);
        let delivered = Completions { delivered: events, ..Completions::default() };
        self.outbox.add(delivered, now);
    }

    /// The outbox may hold new events.
    fn expect_events(&mut self) {
        self.delivery.mark_all_unread();
        self.outbox.postpone_poll(Instant::now());
    }

    /// Begins the shutdown.
    fn stop(&mut self) {
        self.stage = Stage::Stopping;
        self.outbox.hurry();
        self.expect_events();
    }

    /// Whether the shutdown need not wait: everything is sent, or cannot be sent now.
    fn is_finished(&self, now: Instant) -> bool {
        let can_send =
            self.outbox.may_publish(now) && self.delivery.permit(now) == Permit::Unlimited;
        !self.in_flight.has_events()
            && self.outbox.is_settled(now)
            && (!can_send || self.delivery.is_exhausted())
    }

    /// When there is work although nothing happens.
    fn next_deadline(&self, now: Instant) -> Instant {
        let deadline = self.outbox.next_deadline(now, self.wants_request());
        match self.delivery.permit(now) {
            Permit::NoneUntil(until) => deadline.min(until),
            Permit::Unlimited | Permit::Probe | Permit::NoneDuringProbe => deadline,
        }
    }
}

/// Writes an event to the log.
fn log(event: &OutboxEvent) {
    let OutboxEvent { id, channel, name, data, .. } = event;
    tracing::info!(event.id = id, channel, name, data, "event");
}
