//! A lane: events of some shards in order, sent one request at a time.
//!
//! Because a lane has at most one request in flight, a failed request is sent again before the
//! events behind it, and each channel keeps its order.

use std::collections::{BTreeSet, VecDeque};

use crate::store::outbox::OutboxEvent;

/// The events of one lane.
#[derive(Debug, Default)]
pub struct Lane {
    queue: VecDeque<OutboxEvent>,
    /// The number of events at the front of the queue that are sent one per request, because a
    /// request with all of them was refused. At most the length of the queue.
    isolated: usize,
    /// An event that was refused on its own before the provider was found to accept our requests.
    /// If it is refused again, the event is the cause.
    suspect: Option<i64>,
    in_flight: InFlight,
}

/// The request of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum InFlight {
    #[default]
    None,
    Batch,
    /// A request with an isolated event.
    Isolated,
    /// The lane was cleared meanwhile: its events do not come back.
    Discarded,
}

/// The meaning of a refusal (400, 404).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The configuration or an event may be the cause: the provider must be diagnosed.
    Ambiguous,
    /// The event is the cause.
    Confirmed,
}

impl Lane {
    /// Whether nothing is queued and no request is in flight.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.has_request()
    }

    pub fn has_request(&self) -> bool {
        self.in_flight != InFlight::None
    }

    /// The ids of the queued events, without those in flight.
    pub fn queued_ids(&self) -> impl Iterator<Item = i64> {
        self.queue.iter().map(|event| event.id)
    }

    /// Queues events in the order in which they were read from the outbox.
    ///
    /// # Panics
    /// If the lane is not idle: its own events would be read a second time.
    pub fn fill(&mut self, events: Vec<OutboxEvent>) {
        assert!(self.is_idle(), "a lane was filled that still has events");
        self.queue = events.into();
        (self.isolated, self.suspect) = (0, None);
    }

    /// Removes all events, including those in flight if their request fails. They stay in the
    /// outbox.
    pub fn clear(&mut self) {
        if self.has_request() {
            self.in_flight = InFlight::Discarded;
        }
        self.queue.clear();
        (self.isolated, self.suspect) = (0, None);
    }

    /// Removes the queued events with these ids.
    pub fn remove(&mut self, ids: &BTreeSet<i64>) {
        let isolated = self.queue.iter().take(self.isolated);
        self.isolated -= isolated.filter(|event| ids.contains(&event.id)).count();
        self.queue.retain(|event| !ids.contains(&event.id));
    }

    /// Takes the events of the next request from the queue: as many as `fitting` allows, or `None`
    /// if there is nothing to send or a request is in flight.
    ///
    /// A request that terminates connections, and one with an isolated event, has a single event.
    pub fn next_request(
        &mut self,
        fitting: impl FnOnce(&[OutboxEvent]) -> usize,
    ) -> Option<Vec<OutboxEvent>> {
        if self.has_request() || self.queue.is_empty() {
            return None;
        }
        if self.isolated > 0 {
            self.isolated -= 1;
            self.in_flight = InFlight::Isolated;
            return Some(self.queue.pop_front().into_iter().collect());
        }
        let queue = self.queue.make_contiguous();
        let len = match queue.iter().position(OutboxEvent::terminates_connections) {
            Some(0) => 1,
            Some(before) => fitting(&queue[..before]),
            None => fitting(queue),
        };
        self.in_flight = InFlight::Batch;
        Some(self.queue.drain(..len).collect())
    }

    /// Ends the request. Its events have left the lane.
    pub fn complete(&mut self) {
        self.in_flight = InFlight::None;
    }

    /// Ends the request, and puts its events back to the front of the queue unless the lane was
    /// cleared meanwhile.
    ///
    /// # Panics
    /// If no request is in flight.
    pub fn requeue(&mut self, events: Vec<OutboxEvent>) {
        match std::mem::take(&mut self.in_flight) {
            InFlight::None => unreachable!("a request failed that was not in flight"),
            InFlight::Discarded => return,
            InFlight::Batch => {}
            InFlight::Isolated => self.isolated += 1,
        }
        for event in events.into_iter().rev() {
            self.queue.push_front(event);
        }
    }

    /// Sends these events, which are at the front of the queue, one per request.
    pub fn isolate(&mut self, ids: &[i64]) {
        let len = self.queue.iter().take_while(|event| ids.contains(&event.id)).count();
        self.isolated = self.isolated.max(len);
    }

    /// Sends these events one per request: the provider accepts our requests and refused them, so
    /// one of them may be the cause. If it is a single one, its next refusal is confirmed.
    pub fn suspect(&mut self, ids: &[i64]) {
        self.isolate(ids);
        if let [id] = ids {
            self.suspect = Some(*id);
        }
    }

    /// The meaning of a refusal of these events.
    pub fn refusal_of(&self, events: &[OutboxEvent]) -> Refusal {
        match events {
            [event] if self.suspect == Some(event.id) => Refusal::Confirmed,
            _ => Refusal::Ambiguous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::fixtures::{event, ids};

    fn events(names: &[&str]) -> Vec<OutboxEvent> {
        (1..).zip(names).map(|(id, name)| event(id, 0, name)).collect()
    }

    fn lane(names: &[&str]) -> Lane {
        let mut lane = Lane::default();
        lane.fill(events(names));
        lane
    }

    fn next(lane: &mut Lane) -> Option<Vec<OutboxEvent>> {
        lane.next_request(|events| events.len().min(10))
    }

    fn next_ids(lane: &mut Lane) -> Vec<i64> {
        next(lane).map(|events| ids(&events)).unwrap_or_default()
    }

    #[test]
    fn a_failed_request_is_sent_again_before_the_events_behind_it() {
        let mut lane = lane(&["e"; 12]);
        let first = next(&mut lane).unwrap();
        assert_eq!(ids(&first), (1..=10).collect::<Vec<_>>());
        assert_eq!(next(&mut lane), None, "a request is in flight");
        lane.requeue(first);
        assert_eq!(next_ids(&mut lane), (1..=10).collect::<Vec<_>>());
        lane.complete();
        assert_eq!(next_ids(&mut lane), [11, 12]);
        assert!(!lane.is_idle());
        lane.complete();
        assert!(lane.is_idle());
    }

    #[test]
    fn events_of_a_cleared_lane_do_not_come_back() {
        let mut lane = lane(&["e"; 12]);
        let request = next(&mut lane).unwrap();
        lane.clear();
        assert!(!lane.is_idle(), "its request is still in flight");
        lane.requeue(request);
        lane.isolate(&[1, 2]);
        assert!(lane.is_idle());
        lane.fill(events(&["e", "e"]));
        let request = next(&mut lane).unwrap();
        assert_eq!(ids(&request), [1, 2]);
        lane.requeue(request);
        assert_eq!(next_ids(&mut lane), [1, 2], "only that one request was discarded");
    }

    #[test]
    fn removed_events_are_not_sent() {
        let mut lane = lane(&["e"; 13]);
        let request = next(&mut lane).unwrap();
        let sent = ids(&request);
        lane.requeue(request);
        lane.isolate(&sent);
        lane.remove(&BTreeSet::from([1, 2, 3, 11]));
        for id in 4..=10 {
            assert_eq!(next_ids(&mut lane), [id], "still isolated");
            lane.remove(&BTreeSet::from([id]));
            lane.complete();
        }
        assert_eq!(next_ids(&mut lane), [12, 13], "these are not isolated");
        lane.complete();
        assert!(lane.is_idle());
    }

    #[test]
    fn terminating_connections_is_a_request_of_its_own() {
        let mut lane = lane(&["e", "e", "terminate_connections", "e"]);
        for expected in [vec![1, 2], vec![3], vec![4]] {
            assert_eq!(next_ids(&mut lane), expected);
            lane.complete();
        }
        assert!(lane.is_idle());
    }

    #[test]
    fn isolated_events_are_sent_one_per_request_also_after_a_failure() {
        let mut lane = lane(&["e"; 4]);
        let first = next(&mut lane).unwrap();
        lane.requeue(first);
        lane.isolate(&[1, 2]);
        let first = next(&mut lane).unwrap();
        assert_eq!(ids(&first), [1]);
        lane.requeue(first);
        for expected in [vec![1], vec![2], vec![3, 4]] {
            assert_eq!(next_ids(&mut lane), expected);
            lane.complete();
        }
    }

    #[test]
    fn a_refusal_is_confirmed_if_the_event_is_refused_alone_before_and_after_a_diagnosis() {
        let mut lane = lane(&["e"; 3]);
        let all = next(&mut lane).unwrap();
        assert_eq!(lane.refusal_of(&all), Refusal::Ambiguous);
        lane.requeue(all);
        lane.suspect(&[1, 2, 3]);
        let first = next(&mut lane).unwrap();
        assert_eq!((ids(&first), lane.refusal_of(&first)), (vec![1], Refusal::Ambiguous));
        lane.requeue(first);
        lane.suspect(&[1]);
        let first = next(&mut lane).unwrap();
        assert_eq!((ids(&first), lane.refusal_of(&first)), (vec![1], Refusal::Confirmed));
        lane.complete();
        let second = next(&mut lane).unwrap();
        assert_eq!((ids(&second), lane.refusal_of(&second)), (vec![2], Refusal::Ambiguous));
        lane.complete();
        assert_eq!(next_ids(&mut lane), [3], "isolated as well");
    }

    #[test]
    fn a_removed_suspect_does_not_blame_the_next_event() {
        let mut lane = lane(&["e"; 2]);
        lane.isolate(&[1]);
        let first = next(&mut lane).unwrap();
        lane.requeue(first);
        lane.remove(&BTreeSet::from([1]));
        lane.suspect(&[1]);
        let second = next(&mut lane).unwrap();
        assert_eq!((ids(&second), lane.refusal_of(&second)), (vec![2], Refusal::Ambiguous));
    }
}
