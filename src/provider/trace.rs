//! A trace of recent events and connections for the debug console. It is kept in memory and has at
//! most [`MAX_ENTRIES`] entries, of which at most [`MAX_ENTRIES_PER_CHANNEL`] are of one channel,
//! so that a busy channel displaces no other. A reader passes the id of the last entry that it has
//! seen and gets the newer ones.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Number of entries that are kept; with 10 KiB of data each, about 3 MiB.
const MAX_ENTRIES: usize = 300;
/// So many of them may be of one channel.
const MAX_ENTRIES_PER_CHANNEL: usize = 100;

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    Connected,
    Disconnected,
    Subscribed,
    Unsubscribed,
    /// An event from a backend.
    Published,
    /// An event from a client.
    ClientEvent,
}

/// One recorded event, subscription or connection.
#[derive(Debug, Clone, Serialize)]
pub struct TraceEntry {
    /// Increases by one with each entry, so a gap shows that entries were dropped.
    pub id: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    pub kind: EntryKind,
    pub socket_id: Option<String>,
    pub channel: Option<String>,
    pub name: Option<String>,
    pub data: Option<String>,
    /// Number of connections that the event was sent to.
    pub recipients: usize,
}

impl TraceEntry {
    /// An entry of this kind, now. Its id is assigned when it is recorded.
    pub fn new(kind: EntryKind) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let (socket_id, channel, name, data) = (None, None, None, None);
        Self { id: 0, at_ms, kind, socket_id, channel, name, data, recipients: 0 }
    }
}

/// An open connection.
#[derive(Debug, Clone, Serialize)]
pub struct ConnectionView {
    pub socket_id: String,
    /// The user that has signed in.
    pub user_id: Option<String>,
    pub channels: Vec<String>,
}

/// The state of the provider at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    pub connections: Vec<ConnectionView>,
    /// The entries after the last one that was seen, oldest first.
    pub entries: Vec<TraceEntry>,
    /// The id of the newest entry, to be passed with the next request.
    pub last_id: u64,
}

/// The most recent entries.
#[derive(Debug, Default)]
pub struct EventTrace {
    entries: VecDeque<TraceEntry>,
    last_id: u64,
    /// The number of entries of each channel.
    counts: HashMap<String, usize>,
    hidden: HashSet<String>,
}

impl EventTrace {
    /// Records nothing of these channels from now on.
    pub fn hide(&mut self, channels: HashSet<String>) {
        self.hidden = channels;
    }

    /// Records an entry and, if there are too many, drops the oldest one.
    pub fn record(&mut self, entry: TraceEntry) {
        if let Some(channel) = &entry.channel {
            if self.hidden.contains(channel) {
                return;
            }
            if self.counts.get(channel) == Some(&MAX_ENTRIES_PER_CHANNEL) {
                let of_channel = |known: &TraceEntry| known.channel == entry.channel;
                let oldest = self.entries.iter().position(of_channel);
                self.drop_entry(oldest);
            }
            *self.counts.entry(channel.clone()).or_default() += 1;
        }
        if self.entries.len() == MAX_ENTRIES {
            self.drop_entry(Some(0));
        }
        self.last_id += 1;
        self.entries.push_back(TraceEntry { id: self.last_id, ..entry });
    }

    fn drop_entry(&mut self, position: Option<usize>) {
        let dropped = position.and_then(|position| self.entries.remove(position));
        let Some(channel) = dropped.and_then(|entry| entry.channel) else { return };
        if let Some(count) = self.counts.get_mut(&channel) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&channel);
            }
        }
    }

    /// The entries after `seen`. If `seen` is larger than every id, it is from before a restart of
    /// the server, and all entries are returned.
    pub fn after(&self, seen: u64) -> Vec<TraceEntry> {
        let seen = if seen > self.last_id { 0 } else { seen };
        self.entries.iter().filter(|entry| entry.id > seen).cloned().collect()
    }

    pub fn last_id(&self) -> u64 {
        self.last_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(trace: &mut EventTrace, channel: &str) {
        let entry = TraceEntry::new(EntryKind::Published);
        trace.record(TraceEntry { channel: Some(channel.to_owned()), ..entry });
    }

    #[test]
    fn a_busy_channel_displaces_no_entry_of_another_one() {
        let mut trace = EventTrace::default();
        record(&mut trace, "private-user.1");
        for _ in 0..2 * MAX_ENTRIES {
            record(&mut trace, "market.ETH");
            record(&mut trace, "market.BTC");
        }
        let channels = trace.after(0).into_iter().filter_map(|entry| entry.channel);
        let mut counts = HashMap::<String, usize>::new();
        channels.for_each(|channel| *counts.entry(channel).or_default() += 1);
        assert_eq!(counts["private-user.1"], 1);
        assert_eq!(counts["market.ETH"], MAX_ENTRIES_PER_CHANNEL);
        assert_eq!(counts["market.BTC"], MAX_ENTRIES_PER_CHANNEL);
        assert_eq!(counts, trace.counts);
        for number in 0..MAX_ENTRIES {
            record(&mut trace, &format!("private-user.{number}"));
        }
        assert_eq!((trace.entries.len(), trace.counts.len()), (MAX_ENTRIES, MAX_ENTRIES));
    }

    #[test]
    fn nothing_of_a_hidden_channel_is_recorded() {
        let mut trace = EventTrace::default();
        trace.hide(HashSet::from(["private-user.4".to_owned()]));
        record(&mut trace, "private-user.4");
        record(&mut trace, "private-user.41");
        assert_eq!(ids(&trace, 0), [1]);
    }

    fn ids(trace: &EventTrace, seen: u64) -> Vec<u64> {
        trace.after(seen).iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn a_trace_returns_new_entries_and_keeps_a_limited_number() {
        let mut trace = EventTrace::default();
        assert!(ids(&trace, 0).is_empty());
        let max = u64::try_from(MAX_ENTRIES).unwrap();
        for _ in 0..max + 2 {
            trace.record(TraceEntry::new(EntryKind::Published));
        }
        assert_eq!(ids(&trace, max), [max + 1, max + 2]);
        assert!(ids(&trace, max + 2).is_empty());
        assert_eq!(ids(&trace, 0).len(), MAX_ENTRIES);
        assert_eq!(ids(&trace, 0).first(), Some(&3));
        assert_eq!(ids(&trace, max + 9).len(), MAX_ENTRIES, "an id from before a restart");
    }
}
