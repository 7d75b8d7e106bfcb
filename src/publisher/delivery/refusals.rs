//! Ambiguous refusals (400, 404): the configuration is wrong, or one event is.
//!
//! A lane whose request was refused waits until the provider has been diagnosed. If the provider
//! accepts our requests, the events are sent again one by one, and an event that is refused both
//! before and after the diagnosis is the cause. Only a few events in a row are judged like this: if
//! more are refused and nothing is accepted in between, the cause must be something else.

use std::collections::BTreeMap;

use super::circuit_breaker::Generation;
use crate::pusher::Diagnosis;

/// How many events in a row become dead letters because of a refusal.
const MAX_IN_A_ROW: u32 = 3;

/// A refused request whose cause is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousRefusal {
    pub lane: usize,
    pub event_ids: Vec<i64>,
    pub generation: Generation,
    pub status: u16,
    pub message: String,
    /// The number of accepted requests when the first of these events was first refused.
    accepted_before: u64,
}

/// The refusals that wait for a diagnosis, and the facts by which they are judged.
#[derive(Default)]
pub struct Refusals {
    pending: Vec<AmbiguousRefusal>,
    /// Accepted requests.
    accepted: u64,
    /// Events that became dead letters because of a refusal since a request was accepted.
    in_a_row: u32,
    /// Per lane, the first event of a refused request that no diagnosis explained, and the number
    /// of requests that had been accepted before it was first refused.
    unexplained: BTreeMap<usize, (i64, u64)>,
}

impl Refusals {
    pub fn record_accepted(&mut self) {
        self.accepted += 1;
        self.in_a_row = 0;
    }

    /// Whether one more event may become a dead letter because of a refusal. Counts it if so.
    pub fn may_dead_letter(&mut self) -> bool {
        let may = self.in_a_row < MAX_IN_A_ROW;
        self.in_a_row += u32::from(may);
        may
    }

    /// Adds a refusal of `lane`, which waits for the next diagnosis from now on.
    pub fn add(
        &mut self,
        lane: usize,
        event_ids: Vec<i64>,
        generation: Generation,
        (status, message): (u16, String),
    ) {
        let earlier = self.unexplained.get(&lane).filter(|(id, _)| event_ids.first() == Some(id));
        let accepted_before = earlier.map_or(self.accepted, |(_, accepted)| *accepted);
        let refusal =
            AmbiguousRefusal { lane, event_ids, generation, status, message, accepted_before };
        self.pending.push(refusal);
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether this lane waits for a diagnosis.
    pub fn includes(&self, lane: usize) -> bool {
        self.pending.iter().any(|refusal| refusal.lane == lane)
    }

    /// Removes and returns all refusals that wait.
    pub fn take(&mut self) -> Vec<AmbiguousRefusal> {
        std::mem::take(&mut self.pending)
    }

    /// Whether the provider accepts our requests, so that the events must be at fault.
    ///
    /// Not every provider lists its channels for the diagnosis. A request that it has accepted
    /// since the first refusal shows the same.
    pub fn accepts_others(
        &self,
        refusal: &AmbiguousRefusal,
        diagnosis: &Result<(), Diagnosis>,
    ) -> bool {
        diagnosis.is_ok() || self.accepted > refusal.accepted_before
    }

    /// Remembers a refusal that the diagnosis did not explain, in case it happens again.
    pub fn keep_unexplained(&mut self, refusal: &AmbiguousRefusal) {
        if let Some(id) = refusal.event_ids.first() {
            self.unexplained.insert(refusal.lane, (*id, refusal.accepted_before));
        }
    }
}

/// Whether the condition may end without anybody's help.
pub fn is_temporary(diagnosis: &Diagnosis) -> bool {
    matches!(
        diagnosis,
        Diagnosis::HostUnknown { .. }
            | Diagnosis::Unreachable { .. }
            | Diagnosis::Tls { .. }
            | Diagnosis::NoResponse { .. }
            | Diagnosis::Busy { .. }
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::publisher::delivery::backoff::Backoff;
    use crate::publisher::delivery::circuit_breaker::CircuitBreaker;
    use crate::publisher::fixtures::settings;

    fn generation() -> Generation {
        let backoff = Backoff::new(&settings().backoff);
        CircuitBreaker::new(backoff, Duration::ZERO).start_request(Instant::now())
    }

    /// Refuses one event of lane 0, and returns the refusal.
    fn refuse(refusals: &mut Refusals, id: i64) -> AmbiguousRefusal {
        refusals.add(0, vec![id], generation(), (404, "no".to_owned()));
        refusals.take().remove(0)
    }

    fn undiagnosed() -> Result<(), Diagnosis> {
        let (destination, message) = ("http://127.0.0.1".to_owned(), "no".to_owned());
        Err(Diagnosis::NotAProvider { destination, status: 404, message })
    }

    #[test]
    fn three_events_in_a_row_become_dead_letters_before_one_is_accepted() {
        let mut refusals = Refusals::default();
        assert_eq!((0..5).filter(|_| refusals.may_dead_letter()).count(), 3);
        refusals.record_accepted();
        assert_eq!((0..5).filter(|_| refusals.may_dead_letter()).count(), 3);
    }

    #[test]
    fn a_lane_waits_until_its_refusal_is_taken() {
        let mut refusals = Refusals::default();
        refusals.add(2, vec![7], generation(), (400, "no".to_owned()));
        assert_eq!((refusals.includes(1), refusals.includes(2)), (false, true));
        assert_eq!(refusals.take().len(), 1);
        assert!(refusals.is_empty() && !refusals.includes(2));
    }

    #[test]
    fn a_diagnosis_or_a_request_accepted_since_the_first_refusal_blames_the_event() {
        let mut refusals = Refusals::default();
        refusals.record_accepted();
        let first = refuse(&mut refusals, 7);
        assert!(refusals.accepts_others(&first, &Ok(())));
        assert!(!refusals.accepts_others(&first, &undiagnosed()));
        refusals.keep_unexplained(&first);
        refusals.record_accepted();
        let again = refuse(&mut refusals, 7);
        assert!(refusals.accepts_others(&again, &undiagnosed()), "accepted since the first time");
        let other = refuse(&mut refusals, 8);
        assert!(!refusals.accepts_others(&other, &undiagnosed()), "nothing accepted since");
    }
}
