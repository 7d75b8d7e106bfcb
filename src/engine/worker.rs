//! The thread of a lane: executes batches and replies.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::field::display;

use super::batch::{Batch, Requests};
use super::batch_events::{self, BatchEvents, ExecutedBatch, OversizedEvent};
use super::failure::{self, Failure, panic_text};
use super::lane::{Lane, count_expired};
use super::measures;
use super::reply::{Executed, RenderedResponse, StoredResponse, Times};
use super::request::QueuedRequest;
use super::steps::Steps;
use super::{
    EngineError, EngineSettings, Notifiers, OriginatingSocket, as_metric, recording, repetitions,
};
use crate::market::{Command, Done, MarketId, OrderId, Plan, State, Trade, execute};
use crate::store::idempotency::{ExecutedRequest, IdempotencyKey};
use crate::store::markets::{Catalog, SharedCatalog};
use crate::store::trading::Additions;
use crate::store::webhook_endpoints::SharedSubscriptions;
use crate::store::{AnyConnection, LockedMarkets, Store, StoreError, now, outbox, trading};

/// How long a lane looks for repetitions after it has met one.
const LOOK_UP_PERIOD: Duration = Duration::from_secs(60);

/// What all lanes share.
pub struct Context {
    pub store: Store,
    pub catalog: SharedCatalog,
    pub notifiers: Notifiers,
    pub subscriptions: SharedSubscriptions,
    pub settings: EngineSettings,
}

pub struct Worker {
    context: Arc<Context>,
    lane: Arc<Lane>,
    /// The number of this thread among those of the lane.
    number: u64,
    /// `None` after a failure that may have left it in a bad state.
    connection: Option<AnyConnection>,
    /// Until when repetitions are looked for before a batch is executed, see [`repetitions`].
    looks_up_until: Option<Instant>,
}

/// The result of a committed transaction. A request of the batch that is in neither of the first
/// two was left.
struct Committed {
    /// Positions of requests, in order. Those beyond the outcomes of the plan were not executed.
    executed: Vec<usize>,
    /// Requests whose key was found, by position. `None`: with another request.
    repeated: BTreeMap<usize, Option<StoredResponse>>,
    /// The responses of executed requests with a key, by position.
    responses: BTreeMap<usize, RenderedResponse>,
    plan: Plan,
    times: Times,
    steps: Steps,
    /// Open markets with triggered stop orders that are left for the next batch.
    triggering: Vec<MarketId>,
    has_changed_books: bool,
    has_events: bool,
    has_webhook_messages: bool,
    oversized: Vec<OversizedEvent>,
}

impl Worker {
    pub fn new(context: Arc<Context>, lane: Arc<Lane>, number: u64) -> Self {
        Self { context, lane, number, connection: None, looks_up_until: None }
    }

    /// Executes batches until the lane stops, or another thread takes over.
    pub fn run(mut self) {
        // Opened before it is needed, while there are descriptors left.
        match self.connect() {
            Ok(connection) => self.connection = Some(connection),
            Err(error) => tracing::debug!(%error, "a lane opens its connection later"),
        }
        let batch_len = self.context.settings.batch_len;
        while let Some(batch) = self.lane.next_batch(self.number, batch_len) {
            let started = Instant::now();
            let span = Batch::span(&self.lane.name);
            let _entered = span.enter();
            let outcome = self.commit(&batch);
            let ended = Instant::now();
            batch.describe_once();
            if let Ok(committed) = &outcome {
                let len = as_metric(committed.executed.len());
                let lane = || self.lane.name.clone();
                metrics::histogram!("matchcast_engine_batch_len", "lane" => lane()).record(len);
                metrics::histogram!("matchcast_engine_batch_seconds", "lane" => lane())
                    .record(ended - started);
                committed.steps.record(&self.lane.name, started, ended);
                let (requests, catalog) = (batch.requests(), self.context.catalog.current());
                let executed = committed.executed.iter().zip(&committed.plan.outcomes);
                let commands = executed.filter_map(|(at, _)| Some(&requests.get(*at)?.1.command));
                measures::count(&catalog, commands, &committed.plan.trades);
                failure::recovered();
                self.notify(committed);
            }
            let Some(requests) = self.lane.finish(self.number, batch) else { return };
            self.reply(requests, outcome);
        }
    }

    fn connect(&self) -> Result<AnyConnection, StoreError> {
        self.context.store.connect_with(self.context.settings.max_wait)
    }

    /// Replies to each request, or gives it back to the lane.
    fn reply(&self, requests: Requests, outcome: Result<Committed, Failure>) {
        let fail_all = |requests: &[(usize, QueuedRequest)], error| {
            requests.iter().for_each(|(_, request)| request.fail(error));
        };
        match outcome {
            Ok(committed) => self.complete(requests, committed),
            Err(Failure::Batch(error)) => fail_all(&requests, error),
            Err(Failure::NothingToDo) => {
                count_expired(requests.len() as u64);
                fail_all(&requests, EngineError::Expired);
            }
            Err(Failure::OneRequest(cause)) if requests.len() == 1 => {
                let request = requests.first().map(|(_, request)| request);
                let command = request.map(|request| &request.command);
                let request_id = request.and_then(|request| request.id.as_ref());
                let request_id = request_id.map(display);
                tracing::error!(request_id, cause, ?command, "a request failed");
                metrics::counter!("matchcast_engine_failed_total").increment(1);
                fail_all(&requests, EngineError::Failed);
            }
            Err(Failure::OneRequest(cause)) => {
                tracing::warn!(cause, batch.len = requests.len(), "a batch failed and is halved");
                self.lane.halve(requests);
            }
        }
    }

    /// Replies to the requests of a committed batch. Those that were not executed, because the
    /// fills of a batch are limited, go back to the lane.
    fn complete(&self, requests: Requests, committed: Committed) {
        let Committed {
            executed, mut repeated, mut responses, mut plan, times, triggering, ..
        } = committed;
        let queue = requests.first().map_or(0, |(queue, _)| *queue);
        let mut outcomes = std::mem::take(&mut plan.outcomes).into_iter();
        let mut executed = executed.into_iter().peekable();
        let (mut expired, mut postponed) = (0, Vec::new());
        for (position, (queue, request)) in requests.into_iter().enumerate() {
            if let Some(response) = repeated.remove(&position) {
                request.replay(response);
            } else if executed.next_if_eq(&position).is_none() {
                expired += 1;
                request.fail(EngineError::Expired);
            } else if let Some(outcome) = outcomes.next() {
                if let Some(reply) = request.take_reply() {
                    reply.complete(outcome, responses.remove(&position), &plan, &times);
                }
            } else if request.has_caller() {
                postponed.push((queue, request));
            }
        }
        if expired > 0 {
            count_expired(expired);
        }
        self.lane.put_back(postponed);
        for market in triggering {
            self.lane.continue_with(queue, market);
        }
    }

    /// Notifies the publishers of events and books. The log line connects requests and trades.
    fn notify(&self, committed: &Committed) {
        let trades = &committed.plan.trades;
        let trade_id = |trade: Option<&Trade>| trade.map(|trade| trade.id.0);
        tracing::debug!(
            trades = trades.len(),
            first_trade_id = trade_id(trades.first()),
            last_trade_id = trade_id(trades.last()),
            "a batch was committed"
        );
        if committed.has_events {
            self.context.notifiers.events.notify_one();
        }
        if committed.has_webhook_messages {
            self.context.notifiers.webhooks.notify_one();
        }
        if committed.has_changed_books {
            self.context.notifiers.books.notify_one();
        }
        for OversizedEvent { event, limit } in &committed.oversized {
            let (name, bytes) = (event.name(), event.data.len());
            tracing::error!(name, bytes, limit, "an event is too large and becomes a dead letter");
            metrics::counter!("matchcast_events_too_large_total").increment(1);
        }
    }

    /// One transaction, on the kept connection or on a new one; a second one if the first has
    /// failed in a way that the second may not.
    fn commit(&mut self, batch: &Batch) -> Result<Committed, Failure> {
        let kept = self.connection.take();
        let is_kept = kept.is_some();
        let connection = kept.map_or_else(|| self.connect(), Ok)?;
        match self.attempt(connection, batch) {
            // The connection broke before the commit: nothing was written.
            Err(StoreError::Unavailable(cause)) if is_kept => {
                tracing::debug!(cause, "a lane lost its connection and opens a new one");
            }
            Err(StoreError::Duplicate(cause)) => self.look_up(&cause),
            done => return Ok(done?),
        }
        let connection = self.connection.take().map_or_else(|| self.connect(), Ok)?;
        match self.attempt(connection, batch) {
            // Another transaction has inserted a key that this one looked for and did not see. Now
            // it is seen.
            Err(StoreError::Duplicate(cause)) => self.look_up(&cause),
            done => return Ok(done?),
        }
        let connection = self.connection.take().map_or_else(|| self.connect(), Ok)?;
        Ok(self.attempt(connection, batch)?)
    }

    /// Something is or may be a repetition. Nothing was written, and from now on for a while
    /// repetitions are looked for before a batch is executed.
    fn look_up(&mut self, cause: &str) {
        tracing::debug!(cause, "a batch is executed again after a duplicate");
        self.looks_up_until = Some(Instant::now() + LOOK_UP_PERIOD);
    }

    fn looks_up(&self) -> bool {
        self.looks_up_until.is_some_and(|until| Instant::now() < until)
    }

    /// One transaction: load, decide, apply. A panic is an error like any other.
    fn attempt(
        &mut self,
        mut connection: AnyConnection,
        batch: &Batch,
    ) -> Result<Committed, StoreError> {
        let attempt = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let store = self.context.store.for_call(&batch.call);
            let markets = batch.markets();
            let catalog = self.catalog_with(&mut connection, &markets)?;
            store.write_locking(&mut connection, markets, |connection, locked| {
                let len = self.context.settings.batch_len;
                let may_join = |command: &Command| command.markets().all(|m| locked.contains(m));
                self.lane.join(self.number, batch, len, may_join);
                batch.describe_once();
                self.execute(connection, locked, &catalog, batch)
            })
        }));
        let committed =
            attempt.unwrap_or_else(|panic| Err(StoreError::Other(panic_text(panic.as_ref()))));
        // A connection that has seen another failure is not used again: opening one is cheap.
        if matches!(committed, Ok(_) | Err(StoreError::Duplicate(_))) {
            self.connection = Some(connection);
        }
        committed
    }

    /// The catalog, read again if one of these markets was created after it was read.
    fn catalog_with(
        &self,
        connection: &mut AnyConnection,
        markets: &BTreeSet<MarketId>,
    ) -> Result<Arc<Catalog>, StoreError> {
        let catalog = self.context.catalog.current();
        if markets.iter().all(|market| catalog.markets.contains_key(market)) {
            return Ok(catalog);
        }
        self.context.catalog.reload(connection)
    }

    /// The work inside the transaction.
    fn execute(
        &self,
        connection: &mut AnyConnection,
        locked: &LockedMarkets,
        catalog: &Catalog,
        batch: &Batch,
    ) -> Result<Committed, StoreError> {
        let settings = &self.context.settings;
        let (requests, commands) = (&*batch.requests(), &batch.commands());
        if requests.iter().all(|(_, request)| request.is_left()) {
            return Err(StoreError::Abandoned);
        }
        let (markets, looks_up) = (&catalog.markets, self.looks_up());
        let max_fills = settings.max_fills;
        let locked_at = Instant::now();
        let mut loaded =
            trading::load(connection, locked, markets, commands, max_fills, looks_up, now())?;
        let loaded_at = Instant::now();
        let repeated =
            if looks_up { repetitions::find(connection, requests)? } else { BTreeMap::new() };
        // The locks are held. What has been left meanwhile is not executed.
        let begun = Instant::now();
        let executed: Vec<usize> = (0..requests.len())
            .filter(|position| !repeated.contains_key(position))
            .filter(|position| requests[*position].1.begin(settings.max_wait, begun))
            .collect();
        if executed.is_empty() && repeated.is_empty() {
            return Err(StoreError::Abandoned);
        }
        let commands: Vec<Command> =
            executed.iter().map(|position| commands[*position].clone()).collect();
        let sockets = executed.iter().map(|position| requests[*position].1.socket.as_ref());
        let sockets: Vec<Option<&OriginatingSocket>> =
            sockets.filter(|_| settings.events.to_others).collect();
        // Read while the locks are held: later batches of a market have later times.
        let at = now();
        let mut plan = execute(&mut loaded.state, &commands, max_fills);
        let ids = loaded.trade_ids(connection, plan.trades.len())?;
        plan.number_trades(&ids);
        let (sockets, subscriptions) = (&sockets, &self.context.subscriptions.current());
        let records = recording::record(connection, catalog, requests, &executed, &plan, at)?;
        let events = {
            let (state, plan, records) = (&loaded.state, &plan, &records);
            let shape = &settings.events.matched_shape;
            let users = &batch_events::users::read(connection, shape, catalog, state, plan)?;
            let batch =
                ExecutedBatch { state, plan, catalog, records, users, sockets, subscriptions, at };
            batch_events::of_batch(&settings.events, &batch)
        };
        let BatchEvents { new_events, oversized, webhook_messages } = events;
        let placed_at = loaded.placed_at(connection, amended_orders(&plan))?;
        let times = Times { executed_at: at, placed_at, records };
        let responses = render(catalog, requests, &executed, &plan, &times);
        if !looks_up {
            repetitions::check_refused(connection, requests, &executed, &plan, &responses)?;
        }
        let additions = Additions {
            responses: &stored_responses(requests, &responses),
            webhook_messages: &webhook_messages,
        };
        let decided_at = Instant::now();
        trading::apply(connection, &loaded.state, &plan, &new_events, &additions, at)?;
        for event in &oversized {
            outbox::write_dead_letter(connection, &event.event, &event.error())?;
        }
        let written_at = Instant::now();
        Ok(Committed {
            has_changed_books: !plan.is_empty() && !loaded.state.market_states.is_empty(),
            executed,
            repeated,
            responses,
            plan,
            times,
            steps: Steps { locked_at, loaded_at, decided_at, written_at },
            triggering: triggering_markets(&loaded.state),
            has_events: !new_events.events.is_empty(),
            has_webhook_messages: !webhook_messages.is_empty(),
            oversized,
        })
    }
}

fn triggering_markets(state: &State) -> Vec<MarketId> {
    let states = state.market_states.iter();
    states.filter(|(_, state)| state.is_triggering()).map(|(id, _)| *id).collect()
}

/// The responses that are stored, with the keys of their requests.
fn stored_responses(
    requests: &[(usize, QueuedRequest)],
    responses: &BTreeMap<usize, RenderedResponse>,
) -> Vec<(IdempotencyKey, ExecutedRequest)> {
    let row = |(position, response): (&usize, &RenderedResponse)| {
        requests[*position].1.once.as_ref()?.row(response)
    };
    responses.iter().filter_map(row).collect()
}

/// The orders that a plan amends.
fn amended_orders(plan: &Plan) -> Vec<OrderId> {
    let amended = plan.outcomes.iter().filter_map(|outcome| match outcome {
        Ok(Done::Amended(amended)) => Some(amended.order.id),
        _ => None,
    });
    amended.collect()
}

/// The responses to the executed requests that have a key, by position.
fn render(
    catalog: &Catalog,
    requests: &[(usize, QueuedRequest)],
    executed: &[usize],
    plan: &Plan,
    times: &Times,
) -> BTreeMap<usize, RenderedResponse> {
    let outcomes = executed.iter().zip(&plan.outcomes);
    let responses = outcomes.filter_map(|(position, outcome)| {
        let once = requests[*position].1.once.as_ref()?;
        let outcome = outcome.clone().map(|done| Executed::new(done, plan, times));
        Some((*position, (once.render)(catalog, outcome)))
    });
    responses.collect()
}
