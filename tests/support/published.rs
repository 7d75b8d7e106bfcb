//! Checks of the events that a provider received: their order, and the reason for each duplicate.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::database::Database;
use super::provider::{EventKey, Provider, ReceivedRequest};
use super::wait_until_zero;

/// A process that was killed.
pub struct Kill {
    /// The time immediately before the kill.
    pub at: Instant,
    /// The events that were pending afterwards.
    pub pending: BTreeSet<EventKey>,
}

/// The longest time until the provider notices that a client was killed.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);
/// The longest time from the response of the provider until the event is removed from the outbox,
/// even on a busy machine.
const RECORDED_WITHIN: Duration = Duration::from_secs(5);

/// Waits until every event is delivered or a dead letter.
pub async fn wait_until_outbox_empty(database: &Database) {
    wait_until_zero("an empty outbox", || database.pending_count()).await;
}

/// Each channel received its events in the order of their trade ids. Duplicates do not count.
pub fn assert_order_per_channel(provider: &Provider) {
    let mut last = BTreeMap::<String, i64>::new();
    let mut known = BTreeSet::new();
    for event in provider.received() {
        if known.insert(event.key()) {
            let before = last.insert(event.channel.clone(), event.trade_id).unwrap_or(0);
            assert!(before < event.trade_id, "{} after {before}: {event:?}", event.trade_id);
        }
    }
}

/// Every request was signed, carried 1 to 10 events, and was alone on its channels.
pub fn assert_well_behaved(provider: &Provider) {
    assert_well_behaved_up_to(provider, 10);
}

/// [`assert_well_behaved`], with up to this number of events in a request.
pub fn assert_well_behaved_up_to(provider: &Provider, max_events: usize) {
    let mut signatures = BTreeMap::<String, String>::new();
    for request in provider.posts() {
        assert_eq!(request.verified, Ok(()), "{request:?}");
        let len = request.events.len();
        assert!((1..=max_events).contains(&len), "{len} events");
        // A retry in a later second has a new signature: the request is signed again.
        let timestamp = request.timestamp;
        let known = signatures.entry(request.signature).or_insert_with(|| timestamp.clone());
        assert_eq!(*known, timestamp);
    }
    assert_eq!(provider.max_in_flight_per_channel(), 1, "one request per channel at a time");
}

/// The number of duplicates by reason.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Duplicates of events whose response the sender may not have received.
    pub after_lost_response: usize,
    /// Duplicates of events that were accepted shortly before their sender was killed.
    pub after_kill: usize,
    /// The longest time from the response for such an event until the kill.
    pub unrecorded_for: Duration,
}

/// Counts duplicates. Each must have a reason: either the sender may not have received the response
/// to an accepted request, or the sender was killed before it recorded that the event was accepted.
///
/// # Panics
/// If a duplicate has no reason.
pub fn count_duplicates(provider: &Provider, kills: &[Kill]) -> Duplicates {
    let mut accepted = BTreeMap::<EventKey, Vec<ReceivedRequest>>::new();
    for request in provider.posts().into_iter().filter(|request| request.accepted) {
        for event in &request.events {
            accepted.entry(event.key()).or_default().push(request.clone());
        }
    }
    let mut found = Duplicates::default();
    for (event, requests) in &accepted {
        let repeated = requests.len() - 1;
        let lost = requests.iter().filter(|request| may_lack_response(request, kills)).count();
        let unrecorded: Vec<Duration> = (0..kills.len())
            .filter_map(|last| unrecorded_at_kill(event, requests, &kills[..=last]))
            .collect();
        assert!(
            repeated <= lost + unrecorded.len(),
            "{event:?} was accepted {} times; {lost} responses were lost, its sender was killed \
             {} times: {requests:#?}",
            requests.len(),
            unrecorded.len()
        );
        found.after_lost_response += repeated.min(lost);
        found.after_kill += repeated.saturating_sub(lost);
        let longest = unrecorded.into_iter().chain([found.unrecorded_for]).max();
        found.unrecorded_for = longest.unwrap_or_default();
    }
    found
}

/// Whether the sender may not have received the response, for another reason than a kill.
fn may_lack_response(request: &ReceivedRequest, kills: &[Kill]) -> bool {
    let by_kill = |closed: Instant| {
        kills.iter().any(|kill| (kill.at..kill.at + NOTICED_WITHIN).contains(&closed))
    };
    request.responded_at.is_none() || request.closed_at.is_some_and(|closed| !by_kill(closed))
}

/// If the last of these kills hit the process that sent this event after the provider had accepted
/// it and before the process recorded that: the time from the response until the kill.
fn unrecorded_at_kill(
    event: &EventKey,
    requests: &[ReceivedRequest],
    kills: &[Kill],
) -> Option<Duration> {
    let (kill, earlier) = kills.split_last()?;
    if !kill.pending.contains(event) {
        return None;
    }
    let started = earlier.last().map(|kill| kill.at + NOTICED_WITHIN);
    let by_killed = |request: &&ReceivedRequest| {
        started.is_none_or(|started| started <= request.at) && request.at < kill.at + NOTICED_WITHIN
    };
    let last = requests.iter().rfind(by_killed)?;
    let responded = last.responded_at.filter(|_| !may_lack_response(last, kills));
    let unrecorded = responded.map(|at| kill.at.saturating_duration_since(at)).unwrap_or_default();
    let in_time = unrecorded < RECORDED_WITHIN;
    assert!(in_time, "{event:?} was accepted and not recorded for {unrecorded:?}: {last:?}");
    Some(unrecorded)
}
