//! What a provider has heard, judged: in which order, and which repetitions have a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::database::Database;
use super::provider::{EventKey, Provider, ReceivedRequest};
use super::wait_until_zero;

/// A process was killed.
pub struct Kill {
    /// When it was about to be.
    pub at: Instant,
    /// What stood in the outbox afterwards.
    pub pending: BTreeSet<EventKey>,
}

/// How long it may take until the provider notices that a caller is dead.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);
/// An event whose acceptance was answered so long ago has left the outbox, even on a busy machine.
const WRITTEN_DOWN_WITHIN: Duration = Duration::from_secs(5);

/// Waits until every event is delivered or set aside.
pub async fn wait_until_outbox_empty(database: &Database) {
    wait_until_zero("events to be delivered", || database.pending_count()).await;
}

/// Each channel hears its events in the order of their numbers; after a repetition it goes on from
/// where it was.
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

/// What holds for every call, whatever the weather.
pub fn assert_well_behaved(provider: &Provider) {
    let mut signatures = BTreeMap::<String, String>::new();
    for call in provider.posts() {
        assert_eq!(call.verified, Ok(()), "{call:?}");
        assert!((1..=10).contains(&call.events.len()), "{call:?}");
        // The same events at another second have another signature: signed anew, not sent again.
        let known = signatures.entry(call.signature).or_insert_with(|| call.timestamp.clone());
        assert_eq!(*known, call.timestamp);
    }
    assert_eq!(provider.max_in_flight_per_channel(), 1, "one call of a channel at a time");
}

/// How often events were repeated, and why.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Repetitions {
    /// Accepted by a call whose answer may not have arrived.
    pub after_lost_response: usize,
    /// Accepted shortly before a process died.
    pub after_kill: usize,
    /// The longest time from the answer to an event that was then repeated until such a death.
    pub unwritten: Duration,
}

/// Every repetition of an event has a reason: a call with it was accepted and its answer may not
/// have arrived, or the process died before it had written down that it was accepted.
///
/// # Panics
/// When one has none.
pub fn repetitions(provider: &Provider, deaths: &[Kill]) -> Repetitions {
    let mut accepted = BTreeMap::<EventKey, Vec<ReceivedRequest>>::new();
    for call in provider.posts().into_iter().filter(|call| call.accepted) {
        for event in &call.events {
            accepted.entry(event.key()).or_default().push(call.clone());
        }
    }
    let mut found = Repetitions::default();
    for (event, calls) in &accepted {
        let repeated = calls.len() - 1;
        let silent = calls.iter().filter(|call| may_not_know(call, deaths)).count();
        let died: Vec<Duration> = (0..deaths.len())
            .filter_map(|last| died_with(event, calls, &deaths[..=last]))
            .collect();
        assert!(
            repeated <= silent + died.len(),
            "{event:?} was accepted {} times, {silent} times without an answer, and {} times its \
             process died: {calls:#?}",
            calls.len(),
            died.len()
        );
        found.after_lost_response += repeated.min(silent);
        found.after_kill += repeated.saturating_sub(silent);
        found.unwritten = died.into_iter().chain([found.unwritten]).max().unwrap_or_default();
    }
    found
}

/// Whether the caller, as long as it lived, may not have had the answer.
fn may_not_know(call: &ReceivedRequest, deaths: &[Kill]) -> bool {
    let was_dead = |left: Instant| {
        deaths.iter().any(|death| (death.at..death.at + NOTICED_WITHIN).contains(&left))
    };
    call.responded_at.is_none() || call.closed_at.is_some_and(|left| !was_dead(left))
}

/// Whether the last of these deaths came after the provider had accepted this event, from the same
/// process, and before that was written down; and how long after the answer.
fn died_with(event: &EventKey, calls: &[ReceivedRequest], deaths: &[Kill]) -> Option<Duration> {
    let (death, earlier) = deaths.split_last()?;
    if !death.pending.contains(event) {
        return None;
    }
    let born = earlier.last().map(|death| death.at + NOTICED_WITHIN);
    let by_it = |call: &&ReceivedRequest| {
        born.is_none_or(|born| born <= call.at) && call.at < death.at + NOTICED_WITHIN
    };
    let last = calls.iter().rfind(by_it)?;
    let known = last.responded_at.filter(|_| !may_not_know(last, deaths));
    let unwritten = known.map(|at| death.at.saturating_duration_since(at)).unwrap_or_default();
    let in_time = unwritten < WRITTEN_DOWN_WITHIN;
    assert!(in_time, "{event:?} was accepted and not written down for {unwritten:?}: {last:?}");
    Some(unwritten)
}
