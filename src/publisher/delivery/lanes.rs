//! All lanes, the shards of each, and whether the outbox may hold more events for them.
//!
//! The outbox is read for a lane only while the lane is idle, so no event is in a lane twice.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

use super::lane::Lane;
use crate::publisher::outbox::worker::HeadsQuery;
use crate::store::outbox::{OutboxEvent, SHARDS, ShardSet};

/// The lanes of a publisher, at least one.
pub struct Lanes {
    lanes: Vec<AssignedLane>,
    /// The maximum number of events in a lane.
    page_len: i64,
    /// The shards that this process publishes; no events of others are in a lane.
    held: ShardSet,
}

struct AssignedLane {
    lane: Lane,
    shards: Vec<i16>,
    source: Source,
}

/// The events in the outbox that a lane has not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// There may be some.
    Unread,
    /// They are being read. `is_outdated`: more may have been committed since the read started.
    Reading { is_outdated: bool },
    /// There are none until the next notification or poll.
    Exhausted,
}

impl AssignedLane {
    fn mark_unread(&mut self) {
        self.source = match self.source {
            Source::Unread | Source::Exhausted => Source::Unread,
            Source::Reading { .. } => Source::Reading { is_outdated: true },
        };
    }

    fn wants_events(&self) -> bool {
        self.source == Source::Unread && self.lane.is_idle()
    }

    /// Ends the read of this lane, if there is one; says whether there was.
    fn end_reading(&mut self, has_more: bool) -> bool {
        let Source::Reading { is_outdated } = self.source else { return false };
        self.source = if is_outdated || has_more { Source::Unread } else { Source::Exhausted };
        true
    }
}

impl Lanes {
    /// `count` lanes that share the shards evenly, with at most `page_len` events each, and without
    /// shards to publish.
    ///
    /// # Panics
    /// If `count` is not positive.
    pub fn new(count: i16, page_len: i64) -> Self {
        assert!(count > 0, "a publisher has at least one lane");
        let assigned = |lane: i16| AssignedLane {
            lane: Lane::default(),
            shards: (0..SHARDS).filter(|shard| shard % count == lane).collect(),
            source: Source::Unread,
        };
        let lanes = (0..count).map(assigned).collect();
        Self { lanes, page_len, held: ShardSet::EMPTY }
    }

    pub fn len(&self) -> usize {
        self.lanes.len()
    }

    /// Notes that the outbox may hold more events for every lane.
    pub fn mark_all_unread(&mut self) {
        self.lanes.iter_mut().for_each(AssignedLane::mark_unread);
    }

    /// Whether the outbox should be read for any lane.
    pub fn want_events(&self) -> bool {
        self.lanes.iter().any(AssignedLane::wants_events)
    }

    /// Starts a read for every lane that wants events. [`Self::fill`], [`Self::end_reading`] or
    /// [`Self::abort_reading`] ends it.
    pub fn start_reading(&mut self) -> HeadsQuery {
        let mut shards = Vec::new();
        for lane in self.lanes.iter_mut().filter(|lane| lane.wants_events()) {
            lane.source = Source::Reading { is_outdated: false };
            shards.extend(lane.shards.iter().filter(|shard| self.held.contains(**shard)));
        }
        HeadsQuery { shards, page_len: self.page_len }
    }

    /// Ends the read and gives these events, oldest first, to their lanes.
    pub fn fill(&mut self, events: Vec<OutboxEvent>) {
        let page_len = usize::try_from(self.page_len).unwrap_or(usize::MAX);
        let mut pages: Vec<Vec<OutboxEvent>> = vec![Vec::new(); self.lanes.len()];
        for event in events {
            let lane = self.lane_of(event.shard);
            pages[lane].push(event);
        }
        for (lane, mut page) in self.lanes.iter_mut().zip(pages) {
            if lane.end_reading(page.len() >= page_len) {
                // Each shard contributed up to a page; the rest is read again later.
                page.truncate(page_len);
                lane.lane.fill(page);
            }
        }
    }

    /// Ends the read without filling the lanes: its events are not sent.
    pub fn end_reading(&mut self, has_more: bool) {
        for lane in &mut self.lanes {
            lane.end_reading(has_more);
        }
    }

    /// Ends the read because it failed: it has to be repeated.
    pub fn abort_reading(&mut self) {
        self.end_reading(true);
    }

    /// Notes that the outbox may hold more events for the lanes of these.
    pub fn mark_unread_for(&mut self, events: &[OutboxEvent]) {
        for event in events {
            let lane = self.lane_of(event.shard);
            self.lanes[lane].mark_unread();
        }
    }

    /// Removes all events from the lanes. They stay in the outbox.
    pub fn clear(&mut self) {
        for lane in &mut self.lanes {
            lane.lane.clear();
            lane.mark_unread();
        }
    }

    /// From now on only the events of these shards are read. A lane that has lost one is cleared:
    /// its other events are read again when its request has ended and that is recorded.
    pub fn restrict(&mut self, held: ShardSet) {
        let (lost, gained) = (self.held.difference(held), held.difference(self.held));
        self.held = held;
        for lane in &mut self.lanes {
            let has_any = |set: ShardSet| lane.shards.iter().any(|shard| set.contains(*shard));
            let (has_lost, has_gained) = (has_any(lost), has_any(gained));
            if has_lost {
                lane.lane.clear();
            }
            if has_lost || has_gained {
                lane.mark_unread();
            }
        }
    }

    /// Those of these shards whose lanes have no request in flight.
    pub fn without_requests(&self, shards: ShardSet) -> ShardSet {
        let has_request = |shard: &i16| self.lanes[self.lane_of(*shard)].lane.has_request();
        shards.iter().filter(|shard| !has_request(shard)).collect()
    }

    /// Removes the queued events with these ids.
    pub fn remove(&mut self, ids: &BTreeSet<i64>) {
        if !ids.is_empty() {
            self.lanes.iter_mut().for_each(|lane| lane.lane.remove(ids));
        }
    }

    /// The ids of all queued events.
    pub fn queued_ids(&self) -> Vec<i64> {
        self.lanes.iter().flat_map(|lane| lane.lane.queued_ids()).collect()
    }

    /// Whether all lanes are idle and the outbox holds nothing more for them.
    pub fn are_exhausted(&self) -> bool {
        let is_exhausted =
            |lane: &AssignedLane| lane.lane.is_idle() && lane.source == Source::Exhausted;
        self.lanes.iter().all(is_exhausted)
    }

    fn lane_of(&self, shard: i16) -> usize {
        usize::try_from(shard).unwrap_or_default() % self.lanes.len()
    }
}

impl Index<usize> for Lanes {
    type Output = Lane;

    fn index(&self, index: usize) -> &Lane {
        &self.lanes[index].lane
    }
}

impl IndexMut<usize> for Lanes {
    fn index_mut(&mut self, index: usize) -> &mut Lane {
        &mut self.lanes[index].lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::fixtures::event;

    fn events(shards: &[i16]) -> Vec<OutboxEvent> {
        (1..).zip(shards).map(|(id, shard)| event(id, *shard, "e")).collect()
    }

    /// Lanes of a process that publishes everything.
    fn lanes(count: i16, page_len: i64) -> Lanes {
        let mut lanes = Lanes::new(count, page_len);
        lanes.restrict(ShardSet::ALL);
        lanes
    }

    #[test]
    fn every_shard_belongs_to_exactly_one_lane() {
        for count in [1, 3, 16, 64] {
            let mut shards = lanes(count, 10).start_reading().shards;
            shards.sort_unstable();
            assert_eq!(shards, (0..SHARDS).collect::<Vec<_>>(), "{count} lanes");
        }
    }

    #[test]
    fn a_lane_is_read_while_it_is_idle_and_there_may_be_more() {
        let mut lanes = lanes(2, 10);
        assert_eq!(lanes.start_reading().shards.len(), 64);
        assert!(!lanes.want_events(), "they are being read");
        lanes.fill(events(&[1, 3]));
        assert!(!lanes.want_events() && !lanes.are_exhausted());
        lanes.mark_all_unread();
        let even: Vec<i16> = (0..SHARDS).step_by(2).collect();
        assert_eq!(lanes.start_reading().shards, even, "the other lane has events");
        lanes.fill(Vec::new());
        lanes.remove(&BTreeSet::from([1, 2]));
        assert!(lanes.want_events(), "the other lane is idle now");
        lanes.start_reading();
        lanes.fill(Vec::new());
        assert!(lanes.are_exhausted());
    }

    #[test]
    fn a_notification_during_a_read_causes_another_read() {
        let mut lanes = lanes(1, 10);
        lanes.start_reading();
        lanes.mark_all_unread();
        assert!(!lanes.want_events());
        lanes.fill(Vec::new());
        assert!(lanes.want_events());
    }

    #[test]
    fn only_the_lanes_of_these_events_are_read_again() {
        let mut lanes = lanes(2, 10);
        lanes.start_reading();
        lanes.fill(Vec::new());
        assert!(lanes.are_exhausted());
        lanes.mark_unread_for(&events(&[3]));
        assert!(lanes.want_events());
        let odd: Vec<i16> = (1..SHARDS).step_by(2).collect();
        assert_eq!(lanes.start_reading().shards, odd);
    }

    #[test]
    fn a_full_page_causes_another_read_and_is_all_that_a_lane_keeps() {
        let mut lanes = lanes(1, 2);
        lanes.start_reading();
        lanes.fill(events(&[0, 1, 2]));
        assert_eq!(lanes.queued_ids(), [1, 2]);
        lanes.remove(&BTreeSet::from([1, 2]));
        assert!(lanes.want_events());
    }

    #[test]
    fn a_failed_read_is_repeated() {
        let mut lanes = lanes(1, 10);
        lanes.start_reading();
        lanes.abort_reading();
        assert!(lanes.want_events());
    }

    #[test]
    fn cleared_lanes_are_read_again() {
        let mut lanes = lanes(1, 10);
        lanes.start_reading();
        lanes.fill(events(&[0, 5]));
        lanes.clear();
        assert!(lanes.want_events() && lanes.queued_ids().is_empty());
        lanes.start_reading();
        lanes.clear();
        lanes.fill(Vec::new());
        assert!(lanes.want_events(), "cleared during the read");
    }

    #[test]
    fn only_the_shards_of_this_process_are_read_and_a_lane_that_loses_one_is_cleared() {
        let mut lanes = Lanes::new(2, 10);
        assert!(lanes.start_reading().shards.is_empty(), "it publishes nothing yet");
        let held = |shards: &[i16]| shards.iter().copied().collect::<ShardSet>();
        lanes.restrict(held(&[0, 1, 2, 3]));
        lanes.fill(Vec::new());
        assert!(lanes.want_events(), "it was given shards during the read");
        assert_eq!(lanes.start_reading().shards, [0, 2, 1, 3]);
        lanes.fill(events(&[0, 1, 2]));
        let request = lanes[1].next_request(<[_]>::len).unwrap();
        let surplus = held(&[2, 3]);
        lanes.restrict(held(&[0, 1]));
        assert!(lanes.queued_ids().is_empty(), "what is queued is read again");
        assert_eq!(lanes.without_requests(surplus), held(&[2]));
        assert_eq!(lanes.start_reading().shards, [0], "the other lane has a request in flight");
        lanes.fill(events(&[0]));
        lanes[1].requeue(request);
        assert_eq!(lanes.without_requests(surplus), surplus);
        assert_eq!(lanes.start_reading().shards, [1], "its request does not come back");
        lanes.fill(Vec::new());
        lanes.restrict(held(&[0, 1, 5]));
        assert_eq!(lanes.start_reading().shards, [1, 5]);
        assert_eq!(lanes.queued_ids(), [1], "a lane that keeps its shards keeps its events");
    }
}
