//! How long a lane gathers requests before it executes the next batch.
//!
//! Clients that wait for a response before they send the next request all send it just after a
//! batch. The first of them would become a small batch and the others would wait for it, although a
//! batch takes much of its time whatever its size. So after a batch the lane waits for as many
//! requests as it has replied to. It waits for a small part of the time that the batch took, which
//! is the most that anybody loses, and for a while not at all if that did not pay.

use std::time::{Duration, Instant};

/// The part of the last batch's time that the next one waits at most.
const PART: u32 = 4;
/// The longest wait, however slow the database is.
const MAX_WAIT: Duration = Duration::from_millis(5);
/// How many batches begin at once after a wait that did not pay.
const PAUSE: u32 = 16;

/// The state of a lane between two batches.
#[derive(Default)]
pub struct Gathering {
    current: Option<Wait>,
    /// Batches that are left until the next wait.
    paused: u32,
}

struct Wait {
    /// The lane waits until as many requests wait.
    wanted: usize,
    /// Those that waited when it began.
    had: usize,
    until: Instant,
}

impl Gathering {
    /// A batch of `replied` requests took this time, and `had` other ones wait already. `most` are
    /// enough.
    pub fn begin(&mut self, replied: usize, took: Duration, had: usize, most: usize, now: Instant) {
        self.current = None;
        let wanted = replied.saturating_add(had).min(most);
        if self.paused > 0 {
            self.paused -= 1;
        } else if wanted > 1 {
            let until = now + (took / PART).min(MAX_WAIT);
            self.current = Some(Wait { wanted, had, until });
        }
    }

    /// Until when the lane waits for more than these requests. `None`: it does not.
    pub fn until(&self, waiting: usize, now: Instant) -> Option<Instant> {
        let wait = self.current.as_ref()?;
        (waiting < wait.wanted && now < wait.until).then_some(wait.until)
    }

    /// Whether the lane has what it waits for.
    pub fn is_complete(&self, waiting: usize) -> bool {
        self.current.as_ref().is_none_or(|wait| waiting >= wait.wanted)
    }

    /// The lane begins a batch, or waits for whatever comes.
    pub fn end(&mut self, waiting: usize) {
        let Some(wait) = self.current.take() else { return };
        let gained = waiting.saturating_sub(wait.had);
        let part = usize::try_from(PART).unwrap_or(usize::MAX);
        if waiting > 0 && gained.saturating_mul(part) < wait.had {
            self.paused = PAUSE;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Gathering, MAX_WAIT, PAUSE};

    const TOOK: Duration = Duration::from_millis(8);
    const MOST: usize = 100;

    #[test]
    fn as_many_as_were_replied_to_are_waited_for_a_part_of_the_time() {
        let now = Instant::now();
        let mut gathering = Gathering::default();
        assert_eq!(gathering.until(0, now), None, "there was no batch");
        gathering.begin(3, TOOK, 2, MOST, now);
        let until = now + TOOK / 4;
        assert_eq!(gathering.until(2, now), Some(until));
        assert_eq!(gathering.until(4, now), Some(until));
        assert_eq!(gathering.until(5, now), None, "all are there");
        assert_eq!(gathering.until(4, until), None, "the time has passed");
        assert!(!gathering.is_complete(4) && gathering.is_complete(5));
        gathering.end(4);
        assert_eq!(gathering.until(0, now), None);
        gathering.begin(3, TOOK, 2, 4, now);
        assert_eq!(gathering.until(4, now), None, "the batch is full");
        gathering.begin(3, Duration::from_secs(10), 0, MOST, now);
        assert_eq!(gathering.until(1, now), Some(now + MAX_WAIT));
    }

    #[test]
    fn a_single_client_never_waits() {
        let mut gathering = Gathering::default();
        let now = Instant::now();
        gathering.begin(1, TOOK, 0, MOST, now);
        assert_eq!(gathering.until(0, now), None);
        assert!(gathering.is_complete(1));
    }

    #[test]
    fn a_wait_that_does_not_pay_is_not_repeated_for_a_while() {
        let mut gathering = Gathering::default();
        let now = Instant::now();
        let waits = |gathering: &Gathering| gathering.until(8, now).is_some();
        gathering.begin(8, TOOK, 8, MOST, now);
        gathering.end(10);
        gathering.begin(8, TOOK, 8, MOST, now);
        assert!(waits(&gathering), "two more were worth a quarter of the time");
        gathering.end(9);
        for _ in 0..PAUSE {
            gathering.begin(8, TOOK, 8, MOST, now);
            assert!(!waits(&gathering));
            gathering.end(8);
        }
        gathering.begin(8, TOOK, 8, MOST, now);
        assert!(waits(&gathering), "it is tried again");
    }
}
