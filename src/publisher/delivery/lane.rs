//! The events of some channels, in order, and what an outcome means for them.
//!
//! Pure: events go in from the database, calls come out, outcomes go in, and what is to be written
//! down comes out. A lane has one call under way at a time, so that what fails is tried again
//! before what comes after it.

use std::collections::{BTreeSet, VecDeque};

use crate::publisher::outbox::completions::Results;
use crate::store::outbox::OutboxEvent;

/// One lane.
#[derive(Debug, Default)]
pub struct Lane {
    waiting: VecDeque<OutboxEvent>,
    /// So many of the first ones go alone: a call with all of them was refused, and one of them may
    /// be the reason.
    alone: usize,
    /// The event that was refused alone, before the provider said that it accepts our requests: if
    /// it is refused again, then for its own sake.
    suspect: Option<i64>,
    has_call: bool,
    /// Whoever has the role now reads the events of that call anew.
    is_forgotten: bool,
}

/// What a refusal (400, 404) leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It may be the configuration: the provider must be asked.
    Unclear,
    /// It is this event.
    ItsOwn,
}

impl Lane {
    /// Nothing waits here and nothing is under way: the database may be asked for more.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.has_call
    }

    /// The event that is sent next.
    pub fn first(&self) -> Option<i64> {
        self.waiting.front().map(|event| event.id)
    }

    /// Takes in what the database holds, in order.
    ///
    /// # Panics
    /// When the lane is not idle: what it still has would be there twice.
    pub fn fill(&mut self, events: Vec<OutboxEvent>) {
        assert!(self.is_idle(), "a lane that still has events was filled");
        self.waiting = events.into();
        (self.alone, self.suspect) = (0, None);
    }

    /// Forgets what waits here, also what a call that is under way may bring back; the database
    /// still has it.
    pub fn forget(&mut self) {
        self.is_forgotten = self.has_call;
        self.waiting.clear();
        (self.alone, self.suspect) = (0, None);
    }

    /// The events that wait here.
    pub fn in_mind(&self) -> impl Iterator<Item = i64> {
        self.waiting.iter().map(|event| event.id)
    }

    /// Forgets those of these events that wait here: an operator has dropped them.
    pub fn strike(&mut self, gone: &BTreeSet<i64>) {
        // An event that goes alone and is under way is not among those that wait.
        let under_way = self.alone.min(usize::from(self.has_call));
        let going_alone = self.waiting.iter().take(self.alone - under_way);
        let struck = going_alone.filter(|event| gone.contains(&event.id)).count();
        self.alone -= struck;
        self.waiting.retain(|event| !gone.contains(&event.id));
    }

    /// The events of the next call, if there is one to be made: as many as `fitting` allows.
    pub fn next_call(
        &mut self,
        fitting: impl FnOnce(&[OutboxEvent]) -> usize,
    ) -> Option<Vec<OutboxEvent>> {
        if self.has_call || self.waiting.is_empty() {
            return None;
        }
        let ends_connections = |event: &OutboxEvent| event.terminates_connections();
        let waiting = self.waiting.make_contiguous();
        let len = match waiting.iter().position(ends_connections) {
            _ if self.alone > 0 => 1,
            Some(0) => 1,
            Some(before) => fitting(&waiting[..before]),
            None => fitting(waiting),
        };
        self.has_call = true;
        Some(self.waiting.drain(..len).collect())
    }

    /// The call was accepted.
    pub fn delivered(&mut self, events: Vec<OutboxEvent>, results: &mut Results) {
        self.ended(events.len());
        results.delivered.extend(events);
    }

    /// The call has failed and will be made again; nothing is known about its events.
    pub fn put_back(&mut self, events: Vec<OutboxEvent>) {
        self.has_call = false;
        if std::mem::take(&mut self.is_forgotten) {
            return;
        }
        for event in events.into_iter().rev() {
            self.waiting.push_front(event);
        }
    }

    /// The provider will never take this payload (413, 422). Alone it is set aside; together with
    /// others, each is tried alone.
    pub fn rejected(&mut self, events: Vec<OutboxEvent>, answer: &str, results: &mut Results) {
        if events.len() == 1 {
            self.dead_letters(events, answer, results);
        } else {
            self.alone = self.alone.max(events.len());
            self.put_back(events);
        }
    }

    /// What a refusal (400, 404) of these events means.
    pub fn refusal_of(&self, events: &[OutboxEvent]) -> Refusal {
        match events {
            [event] if self.suspect == Some(event.id) => Refusal::ItsOwn,
            _ => Refusal::Unclear,
        }
    }

    /// The provider, asked after it refused the first `len` events together, accepts our requests:
    /// each is tried once more, alone.
    pub fn cleared(&mut self, len: usize) {
        self.alone = self.alone.max(len);
        if len == 1 {
            self.suspect = self.first();
        }
    }

    /// These events are refused for their own sake.
    pub fn dead_letters(&mut self, events: Vec<OutboxEvent>, answer: &str, results: &mut Results) {
        self.ended(events.len());
        results.dead_letters.extend(events.into_iter().map(|event| (event, answer.to_owned())));
    }

    fn ended(&mut self, len: usize) {
        (self.has_call, self.is_forgotten) = (false, false);
        self.alone = self.alone.saturating_sub(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::now;

    fn events(names: &[&str]) -> Vec<OutboxEvent> {
        let event = |(id, name): (i64, &&str)| OutboxEvent {
            id,
            shard: 0,
            channel: "private-user.1".to_owned(),
            name: (*name).to_owned(),
            data: "{}".to_owned(),
            socket_id: None,
            attempts: 0,
            created_at: now(),
        };
        (1..).zip(names).map(event).collect()
    }

    fn lane(names: &[&str]) -> Lane {
        let mut lane = Lane::default();
        lane.fill(events(names));
        lane
    }

    fn ids(events: &[OutboxEvent]) -> Vec<i64> {
        events.iter().map(|event| event.id).collect()
    }

    fn next(lane: &mut Lane) -> Option<Vec<OutboxEvent>> {
        lane.next_call(|events| events.len().min(10))
    }

    #[test]
    fn one_call_at_a_time_and_in_order() {
        let (mut lane, mut results) = (lane(&["e"; 12]), Results::default());
        let first = next(&mut lane).unwrap();
        assert_eq!(ids(&first), (1..=10).collect::<Vec<_>>());
        assert_eq!(next(&mut lane), None, "a call is under way");
        lane.put_back(first);
        let again = next(&mut lane).unwrap();
        assert_eq!(ids(&again), (1..=10).collect::<Vec<_>>(), "what fails comes first again");
        lane.delivered(again, &mut results);
        let rest = next(&mut lane).unwrap();
        assert_eq!(ids(&rest), [11, 12]);
        assert!(!lane.is_idle());
        lane.delivered(rest, &mut results);
        assert!(lane.is_idle());
        assert_eq!(ids(&results.delivered), (1..=12).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_forgotten_does_not_come_back() {
        let mut lane = lane(&["e"; 12]);
        let call = next(&mut lane).unwrap();
        lane.forget();
        assert!(!lane.is_idle(), "its call is still under way");
        lane.put_back(call);
        assert!(lane.is_idle());
        lane.fill(events(&["e"]));
        let call = next(&mut lane).unwrap();
        lane.put_back(call);
        assert_eq!(next(&mut lane).unwrap().len(), 1, "only that one call was forgotten");
    }

    #[test]
    fn what_was_dropped_is_forgotten() {
        let (mut lane, mut results) = (lane(&["e"; 12]), Results::default());
        let call = next(&mut lane).unwrap();
        lane.rejected(call, "413", &mut results);
        lane.strike(&BTreeSet::from([1, 2, 3, 11]));
        for id in 4..=10 {
            let call = next(&mut lane).unwrap();
            assert_eq!(ids(&call), [id], "still alone");
            lane.strike(&BTreeSet::from([id]));
            lane.delivered(call, &mut results);
        }
        let rest = next(&mut lane).unwrap();
        assert_eq!(ids(&rest), [12]);
        lane.delivered(rest, &mut results);
        assert!(lane.is_idle());
    }

    #[test]
    fn ending_connections_is_a_call_of_its_own() {
        let (mut lane, mut results) =
            (lane(&["e", "e", "terminate_connections", "e"]), Results::default());
        for expected in [vec![1, 2], vec![3], vec![4]] {
            let call = next(&mut lane).unwrap();
            assert_eq!(ids(&call), expected);
            lane.delivered(call, &mut results);
        }
        assert!(lane.is_idle());
    }

    #[test]
    fn what_is_rejected_is_found_among_the_others() {
        let (mut lane, mut results) = (lane(&["e"; 3]), Results::default());
        let all = next(&mut lane).unwrap();
        lane.rejected(all, "413", &mut results);
        for id in [1, 2, 3] {
            let call = next(&mut lane).unwrap();
            assert_eq!(ids(&call), [id], "alone");
            if id == 2 {
                lane.rejected(call, "413 too large", &mut results);
            } else {
                lane.delivered(call, &mut results);
            }
        }
        let aside: Vec<_> = results.dead_letters.iter().map(|(e, a)| (e.id, a.as_str())).collect();
        assert_eq!(aside, [(2, "413 too large")]);
        assert_eq!(ids(&results.delivered), [1, 3]);
    }

    #[test]
    fn a_refusal_is_the_events_own_when_it_is_refused_alone_before_and_after_the_question() {
        let (mut lane, mut results) = (lane(&["e"; 3]), Results::default());
        let all = next(&mut lane).unwrap();
        assert_eq!(lane.refusal_of(&all), Refusal::Unclear);
        lane.put_back(all);
        lane.cleared(3);
        let first = next(&mut lane).unwrap();
        assert_eq!((ids(&first), lane.refusal_of(&first)), (vec![1], Refusal::Unclear));
        lane.put_back(first);
        lane.cleared(1);
        let first = next(&mut lane).unwrap();
        assert_eq!((ids(&first), lane.refusal_of(&first)), (vec![1], Refusal::ItsOwn));
        lane.dead_letters(first, "404", &mut results);
        let second = next(&mut lane).unwrap();
        assert_eq!((ids(&second), lane.refusal_of(&second)), (vec![2], Refusal::Unclear));
        lane.delivered(second, &mut results);
        assert_eq!(ids(&next(&mut lane).unwrap()), [3], "alone as well");
    }
}
