//! Channel occupancy: events on unoccupied channels are skipped, if the operator wants that.
//!
//! Webhooks keep the table of occupied channels up to date. The provider's list, requested now and
//! then, corrects what they missed. Without a recent list every event is sent.

use std::time::{Duration, Instant};

use super::outbox::worker::{ChannelList, Unoccupied};

/// When the provider's list of occupied channels is requested, and how long it is trusted.
#[derive(Debug)]
pub struct OccupancyMonitor {
    refresh: Duration,
    next_request: Instant,
    /// A list that is not stored yet.
    received: Option<ChannelList>,
    /// When the last list was stored.
    stored_at: Option<Instant>,
}

impl OccupancyMonitor {
    /// A monitor that requests the list once per `refresh`, the first time at `now`.
    pub fn new(refresh: Duration, now: Instant) -> Self {
        Self { refresh, next_request: now, received: None, stored_at: None }
    }

    /// Whether the list is to be requested now. If so, the next request is scheduled.
    pub fn take_due(&mut self, now: Instant) -> bool {
        let is_due = self.next_request <= now;
        if is_due {
            self.next_request = now + self.refresh;
        }
        is_due
    }

    pub fn received(&mut self, list: ChannelList) {
        self.received = Some(list);
    }

    /// The list to be stored with the next request to the database.
    pub fn take_received(&mut self) -> Option<ChannelList> {
        self.received.take()
    }

    /// Notes that the list was stored.
    pub fn stored(&mut self, now: Instant) {
        self.stored_at = Some(now);
    }

    /// The treatment of events on unoccupied channels. A list is trusted for twice the time after
    /// which the next one is due.
    pub fn unoccupied(&self, now: Instant) -> Unoccupied {
        match self.stored_at {
            Some(at) if now < at + self.refresh * 2 => Unoccupied::Skip,
            _ => Unoccupied::Send,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Duration = Duration::from_secs(60);

    #[test]
    fn the_list_is_requested_once_per_interval() {
        let now = Instant::now();
        let mut monitor = OccupancyMonitor::new(REFRESH, now);
        assert!(monitor.take_due(now) && !monitor.take_due(now));
        assert!(monitor.take_due(now + REFRESH));
    }

    #[test]
    fn events_are_skipped_while_the_stored_list_is_recent() {
        let now = Instant::now();
        let mut monitor = OccupancyMonitor::new(REFRESH, now);
        let list = ChannelList { channels: Vec::new(), requested_at: crate::store::now() };
        monitor.received(list.clone());
        assert_eq!(monitor.unoccupied(now), Unoccupied::Send, "not stored yet");
        assert_eq!((monitor.take_received(), monitor.take_received()), (Some(list), None));
        monitor.stored(now);
        assert_eq!(monitor.unoccupied(now + REFRESH), Unoccupied::Skip);
        assert_eq!(monitor.unoccupied(now + REFRESH * 2), Unoccupied::Send);
    }
}
