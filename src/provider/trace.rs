//! What passes through the hub, for the debug console: the last of it, in memory, and never more
//! than [`KEPT`] entries. Whoever looks says what was seen last and gets what came after.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Entries remembered; with data of 10 KiB each, some 3 MiB.
const KEPT: usize = 300;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Connected,
    Disconnected,
    Subscribed,
    Unsubscribed,
    /// An event of a backend.
    Published,
    /// An event of a page.
    ClientEvent,
}

/// One thing that has happened.
#[derive(Debug, Clone, Serialize)]
pub struct Passed {
    /// Counts up by one, so that a gap shows what was forgotten.
    pub id: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    pub kind: Kind,
    pub socket_id: Option<String>,
    pub channel: Option<String>,
    pub name: Option<String>,
    pub data: Option<String>,
    /// Connections that it was sent to.
    pub heard_by: usize,
}

impl Passed {
    pub fn new(kind: Kind) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let (socket_id, channel, name, data) = (None, None, None, None);
        Self { id: 0, at_ms, kind, socket_id, channel, name, data, heard_by: 0 }
    }
}

/// A connection as it stands.
#[derive(Debug, Clone, Serialize)]
pub struct ConnectionView {
    pub socket_id: String,
    /// Who has signed in.
    pub user_id: Option<String>,
    pub channels: Vec<String>,
}

/// The provider at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    pub connections: Vec<ConnectionView>,
    /// What came after the entry that was seen last, oldest first.
    pub passed: Vec<Passed>,
    /// The newest entry there is; what to say the next time.
    pub last_id: u64,
}

#[derive(Debug, Default)]
pub struct Tap {
    passed: VecDeque<Passed>,
    last_id: u64,
}

impl Tap {
    pub fn note(&mut self, passed: Passed) {
        self.last_id += 1;
        if self.passed.len() == KEPT {
            self.passed.pop_front();
        }
        self.passed.push_back(Passed { id: self.last_id, ..passed });
    }

    /// What came after `seen`. A number from before a restart is larger than any: then all of it.
    pub fn after(&self, seen: u64) -> Vec<Passed> {
        let seen = if seen > self.last_id { 0 } else { seen };
        self.passed.iter().filter(|passed| passed.id > seen).cloned().collect()
    }

    pub fn last_id(&self) -> u64 {
        self.last_id
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Kind, Passed, Tap};

    fn ids(tap: &Tap, seen: u64) -> Vec<u64> {
        tap.after(seen).iter().map(|passed| passed.id).collect()
    }

    #[test]
    fn gives_what_came_after_what_was_seen_and_keeps_no_more_than_its_limit() {
        let mut tap = Tap::default();
        assert!(ids(&tap, 0).is_empty());
        let most = u64::try_from(KEPT).unwrap();
        for _ in 0..most + 2 {
            tap.note(Passed::new(Kind::Published));
        }
        assert_eq!(ids(&tap, most), [most + 1, most + 2]);
        assert!(ids(&tap, most + 2).is_empty());
        assert_eq!(ids(&tap, 0).len(), KEPT);
        assert_eq!(ids(&tap, 0).first(), Some(&3));
        assert_eq!(ids(&tap, most + 9).len(), KEPT, "another start of the server counts anew");
    }
}
