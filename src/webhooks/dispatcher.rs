//! Delivers the messages of all endpoints, in one process at a time.
//!
//! The process that holds the lease posts; all processes read the subscriptions again once a
//! second. A process that loses the lease during an attempt may deliver a message that its
//! successor delivers as well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{NaiveDateTime, TimeDelta};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::destinations::Destinations;
use super::schedule;
use super::sender::{Outcome, Sender};
use crate::outage::Outage;
use crate::store::webhook_endpoints::{Destination, SharedSubscriptions};
use crate::store::webhook_messages::{Attempt, MessageStatus, PendingMessage};
use crate::store::{
    AnyConnection, Store, StoreError, leases, now, webhook_endpoints, webhook_messages,
};

/// How often messages that other processes wrote are looked for.
const POLL: Duration = Duration::from_millis(500);
/// How often the subscriptions are read again.
const REFRESH: Duration = Duration::from_secs(1);
/// How long another process waits for the lease after this one has died.
const LEASE: Duration = Duration::from_secs(10);
/// An endpoint that fails is disabled when more messages than this wait for it.
const MOST_PENDING: i64 = 100_000;

static OUTAGE: Outage = Outage::warning(
    "webhooks_database",
    "webhooks cannot use the database",
    "webhooks use the database again",
);

/// How messages are delivered.
#[derive(Clone, Copy, Debug)]
pub struct DispatcherSettings {
    /// Of one attempt.
    pub timeout: Duration,
    /// URLs without TLS and private addresses are allowed.
    pub allows_private: bool,
    /// An endpoint that has failed for so long is disabled.
    pub disable_after: TimeDelta,
}

/// Delivers messages as long as the process runs.
pub struct Dispatcher {
    store: Store,
    sender: Sender,
    settings: DispatcherSettings,
    subscriptions: SharedSubscriptions,
    /// Wakes it when this process has written messages.
    written: Arc<Notify>,
    /// Identifies this process.
    holder: String,
    /// `None`: this process does not hold the lease.
    held_until: Option<Instant>,
    refresh_at: Instant,
    destinations: Destinations,
    in_flight: JoinSet<Completed>,
}

/// An attempt that has ended.
struct Completed {
    destination: Destination,
    message: PendingMessage,
    at: NaiveDateTime,
    outcome: Outcome,
}

/// What is recorded of an attempt.
struct Recorded {
    endpoint: i64,
    attempt: Attempt,
    /// Why nothing more is posted to the endpoint.
    disabled: Option<String>,
}

impl Dispatcher {
    pub fn new(
        store: Store,
        settings: DispatcherSettings,
        subscriptions: SharedSubscriptions,
        written: Arc<Notify>,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            store,
            sender: Sender::new(settings.timeout, settings.allows_private)?,
            settings,
            subscriptions,
            written,
            holder: leases::new_holder(),
            held_until: None,
            refresh_at: Instant::now(),
            destinations: Destinations::default(),
            in_flight: JoinSet::new(),
        })
    }

    /// Runs until `stopped` is true. Attempts that are in flight then are made again by the next
    /// process.
    pub async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let written = Arc::clone(&self.written);
        while !*stopped.borrow() {
            if let Err(error) = self.step().await {
                OUTAGE.failed(&error);
            } else {
                OUTAGE.recovered();
            }
            let pause_ends = self.destinations.next_end_of_pause(Instant::now());
            let wake_at = Instant::now() + POLL;
            let wake_at = pause_ends.map_or(wake_at, |at| at.min(wake_at));
            tokio::select! {
                Some(completed) = self.in_flight.join_next() => self.take_in(completed.ok()).await,
                () = written.notified() => {}
                () = tokio::time::sleep_until(wake_at.into()) => {}
                _ = stopped.changed() => {}
            }
        }
        self.in_flight.abort_all();
        let holder = self.holder;
        let released =
            self.store.transact(move |c| leases::release(c, leases::WEBHOOKS, &holder)).await;
        if let Err(error) = released {
            tracing::debug!(%error, "the lease of webhooks was not released");
        }
    }

    /// Reads what is due and posts it.
    async fn step(&mut self) -> Result<(), StoreError> {
        if Instant::now() >= self.refresh_at {
            let subscriptions = self.store.read(webhook_endpoints::subscriptions).await?;
            self.subscriptions.replace(subscriptions);
            self.refresh_at = Instant::now() + REFRESH;
        }
        if self.subscriptions.current().is_empty() || !self.holds_lease().await? {
            return Ok(());
        }
        let started = Instant::now();
        let destinations = self.store.read(webhook_endpoints::destinations).await?;
        let wanted: Vec<(Destination, Vec<i64>, usize)> = destinations
            .into_iter()
            .map(|one| {
                let in_flight = self.destinations.in_flight(one.id);
                let room = self.destinations.room(one.id, started);
                (one, in_flight, room)
            })
            .filter(|(_, _, room)| *room > 0)
            .collect();
        let at = now();
        let due = self
            .store
            .read(move |c| {
                let mut due = Vec::new();
                for (destination, in_flight, room) in &wanted {
                    let room = i64::try_from(*room).unwrap_or(i64::MAX);
                    let found = webhook_messages::due(c, destination.id, at, in_flight, room)?;
                    due.extend(found.into_iter().map(|message| (destination.clone(), message)));
                }
                Ok(due)
            })
            .await?;
        for (destination, message) in due {
            self.destinations.begin(destination.id, message.id);
            let sender = self.sender.clone();
            self.in_flight.spawn(async move {
                let at = now();
                let outcome = sender.send(&destination, &message, at).await;
                Completed { destination, message, at, outcome }
            });
        }
        Ok(())
    }

    /// Takes or renews the lease when a third of it has passed.
    async fn holds_lease(&mut self) -> Result<bool, StoreError> {
        let requested_at = Instant::now();
        if self.held_until.is_some_and(|until| requested_at + LEASE * 2 / 3 < until) {
            return Ok(true);
        }
        let holder = self.holder.clone();
        let taken =
            self.store.transact(move |c| leases::take(c, leases::WEBHOOKS, &holder, LEASE)).await?;
        self.held_until = taken.then(|| requested_at + LEASE);
        Ok(taken)
    }

    /// Records an attempt that has ended, together with those that have ended as well.
    async fn take_in(&mut self, first: Option<Completed>) {
        let mut completed: Vec<Completed> = first.into_iter().collect();
        while let Some(next) = self.in_flight.try_join_next() {
            completed.extend(next.ok());
        }
        let ended = Instant::now();
        let mut recorded = Vec::with_capacity(completed.len());
        for one in completed {
            let has_failed = one.outcome.failure.is_some();
            self.destinations.end(one.destination.id, one.message.id, has_failed, ended);
            metrics::counter!("matchcast_webhook_attempts_total",
                "outcome" => if has_failed { "failed" } else { "delivered" })
            .increment(1);
            recorded.push(recorded_attempt(one, self.settings.disable_after));
        }
        if let Err(error) = self.store.transact(move |c| record(c, &recorded)).await {
            // They are made again: the receiver recognizes the ids.
            OUTAGE.failed(&error);
        }
    }
}

fn recorded_attempt(completed: Completed, disable_after: TimeDelta) -> Recorded {
    let Completed { destination, message, at, outcome } = completed;
    let response_status = outcome.response_status.and_then(|status| i16::try_from(status).ok());
    let attempts = u32::try_from(message.attempts).unwrap_or(u32::MAX).saturating_add(1);
    let Some(failure) = outcome.failure else {
        let attempt = Attempt {
            message: message.id,
            at,
            status: MessageStatus::Delivered,
            next_attempt_at: at,
            response_status,
            error: None,
        };
        return Recorded { endpoint: destination.id, attempt, disabled: None };
    };
    let delay = schedule::delay_after(attempts, failure.retry_after);
    let next = delay.and_then(|delay| TimeDelta::from_std(delay).ok()).map(|delay| at + delay);
    let is_failing_for_long =
        destination.failing_since.is_some_and(|since| at - since >= disable_after);
    let disabled = match destination.failing_since {
        _ if failure.is_gone => Some(failure.cause.clone()),
        Some(since) if is_failing_for_long => {
            let since = since.format("%F %T");
            Some(format!("Every attempt since {since} UTC has failed. {}", failure.cause))
        }
        _ => None,
    };
    let attempt = Attempt {
        message: message.id,
        at,
        status: if next.is_some() { MessageStatus::Pending } else { MessageStatus::Failed },
        next_attempt_at: next.unwrap_or(at),
        response_status,
        error: Some(failure.cause),
    };
    Recorded { endpoint: destination.id, attempt, disabled }
}

fn record(connection: &mut AnyConnection, recorded: &[Recorded]) -> Result<(), StoreError> {
    let attempts: Vec<Attempt> = recorded.iter().map(|one| one.attempt.clone()).collect();
    webhook_messages::record(connection, &attempts)?;
    for Recorded { endpoint, attempt, disabled } in recorded {
        let failed_at = attempt.error.as_ref().map(|_| attempt.at);
        webhook_endpoints::note_outcome(connection, *endpoint, failed_at)?;
        let too_many = failed_at.is_some()
            && webhook_messages::has_more_pending_than(connection, *endpoint, MOST_PENDING)?;
        let too_many = too_many.then(|| format!("More than {MOST_PENDING} messages wait for it."));
        if let Some(reason) = disabled.as_ref().or(too_many.as_ref()) {
            webhook_endpoints::disable(connection, *endpoint, reason)?;
            tracing::warn!(endpoint, reason, "a webhook endpoint was disabled");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::sender::Failure;

    fn completed(attempts: i32, failing_since: Option<NaiveDateTime>, is_gone: bool) -> Completed {
        let failure = Failure { cause: "It failed.".to_owned(), retry_after: None, is_gone };
        Completed {
            destination: Destination {
                id: 1,
                url: "https://example.com".to_owned(),
                secret: String::new(),
                previous_secret: None,
                previous_secret_until: None,
                failing_since,
            },
            message: PendingMessage {
                id: 2,
                endpoint_id: 1,
                event: "order.matched".to_owned(),
                user_id: None,
                data: "{}".to_owned(),
                created_at: now(),
                attempts,
            },
            at: now(),
            outcome: Outcome { response_status: Some(500), failure: Some(failure) },
        }
    }

    #[test]
    fn a_message_is_tried_again_until_it_is_given_up() {
        let day = TimeDelta::days(1);
        let first = recorded_attempt(completed(0, None, false), day);
        assert_eq!(first.attempt.status, MessageStatus::Pending);
        assert!(first.attempt.next_attempt_at > first.attempt.at);
        assert_eq!((first.attempt.response_status, first.disabled), (Some(500), None));
        let last = recorded_attempt(completed(10, None, false), day);
        assert_eq!(last.attempt.status, MessageStatus::Failed);
    }

    #[test]
    fn an_endpoint_is_disabled_when_it_is_gone_or_fails_for_long() {
        let day = TimeDelta::days(1);
        let reason = |since, is_gone| recorded_attempt(completed(0, since, is_gone), day).disabled;
        assert_eq!(reason(Some(now() - TimeDelta::hours(23)), false), None);
        let text = reason(Some(now() - TimeDelta::hours(25)), false).unwrap();
        assert!(text.starts_with("Every attempt since ") && text.ends_with("It failed."), "{text}");
        assert_eq!(reason(None, true).as_deref(), Some("It failed."));
    }
}
