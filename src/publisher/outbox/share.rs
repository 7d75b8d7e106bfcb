//! The share of this process: the shards whose events it publishes.
//!
//! It belongs to the process until a time that it moves on after a third of its length, even while
//! requests to the provider hang. So this time can be short, and when a process dies, the others
//! take its shards soon. A process that could not renew its share in time starts no request. The
//! requests that it then has in flight may arrive together with those of its successors: twice or
//! late, never lost.

use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::store::outbox::ShardSet;
use crate::store::publishers::{self, Share};
use crate::store::{StoreError, leases};

/// How often a process asks for shards that others are about to give up.
const SHORT_INTERVAL: Duration = Duration::from_millis(100);

/// What a process may publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub share: Share,
    pub until: Instant,
}

/// The shards whose events may be sent.
pub fn shards_of(held: Option<Held>) -> ShardSet {
    held.map_or(ShardSet::EMPTY, |Held { share, .. }| share.held.difference(share.surplus))
}

/// The rows of this process, which only the worker reads and writes.
pub struct Publishing {
    /// Identifies this process.
    holder: String,
    duration: Duration,
    /// `None`: it publishes nothing.
    held: Option<Held>,
    renewed_at: Instant,
}

impl Publishing {
    pub fn new(duration: Duration) -> Self {
        Self { holder: leases::new_holder(), duration, held: None, renewed_at: Instant::now() }
    }

    /// How often the share is renewed.
    pub fn renewal_interval(&self) -> Duration {
        self.duration / 3
    }

    /// Gives up these shards, and acquires the share of this process or renews it if that is due.
    /// `None`: a process of an older version publishes everything.
    pub async fn renew(
        &mut self,
        connection: &mut Connection,
        given_up: ShardSet,
    ) -> Result<Option<Held>, StoreError> {
        let requested_at = Instant::now();
        if self.held.is_some_and(|held| given_up.is_empty() && self.is_fresh(held, requested_at)) {
            return Ok(self.held);
        }
        let (holder, duration) = (self.holder.clone(), self.duration);
        let renew = move |c: &mut _| publishers::renew(c, &holder, duration, given_up);
        let share = connection.write(renew).await?;
        let held = share.map(|share| Held { share, until: requested_at + duration });
        report(self.held, held, given_up);
        (self.held, self.renewed_at) = (held, requested_at);
        Ok(held)
    }

    fn is_fresh(&self, held: Held, now: Instant) -> bool {
        let waits = held.share.is_short && self.renewed_at + SHORT_INTERVAL <= now;
        !waits && now + self.duration - self.renewal_interval() < held.until
    }

    /// Leaves the shards to the other processes, so that they need not wait for the end.
    pub async fn leave(self, connection: &mut Connection) -> Result<(), StoreError> {
        if self.held.is_none() {
            return Ok(());
        }
        let (holder, duration) = (self.holder, self.duration);
        connection.write(move |c| publishers::leave(c, &holder, duration)).await
    }
}

/// Tells the log and the metrics what has changed.
fn report(before: Option<Held>, now: Option<Held>, given_up: ShardSet) {
    let shards = |held: Option<Held>| held.map_or(ShardSet::EMPTY, |held| held.share.held);
    let count = shards(now).len();
    metrics::gauge!("matchcast_publisher_shards").set(f64::from(count));
    match (before, now) {
        (None, Some(_)) => tracing::info!(shards = count, "this process publishes events"),
        (Some(_), None) => tracing::warn!("another process publishes events now"),
        _ => {
            let lost = shards(before).difference(shards(now)).difference(given_up).len();
            if lost > 0 {
                tracing::warn!(lost, shards = count, "other processes publish these shards now");
            } else if shards(before) != shards(now) {
                tracing::info!(shards = count, "this process publishes other shards now");
            }
        }
    }
}

/// The share as the publisher knows it between two requests to the worker.
#[derive(Debug)]
pub struct Term {
    held: Option<Held>,
    renew_at: Instant,
    interval: Duration,
}

impl Term {
    /// Nothing is held, and a share is due to be acquired.
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self { held: None, renew_at: now, interval }
    }

    /// Whether this process may publish.
    pub fn is_held(&self, now: Instant) -> bool {
        self.held.is_some_and(|held| now < held.until)
    }

    /// The shards that are to be given up.
    pub fn surplus(&self) -> ShardSet {
        self.held.map_or(ShardSet::EMPTY, |held| held.share.surplus)
    }

    /// When the share has to be acquired or renewed.
    pub fn renew_at(&self) -> Instant {
        self.renew_at
    }

    /// Takes in the worker's result.
    pub fn update(&mut self, held: Option<Held>, now: Instant) {
        self.held = held;
        let is_short = held.is_some_and(|held| held.share.is_short);
        self.renew_at = now + if is_short { SHORT_INTERVAL } else { self.interval };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixtures::temporary;

    fn held(until: Instant) -> Held {
        Held { share: Share { held: ShardSet::ALL, ..Share::default() }, until }
    }

    #[test]
    fn a_share_is_held_until_its_end_and_renewed_before() {
        let (interval, now) = (Duration::from_secs(2), Instant::now());
        let mut term = Term::new(interval, now);
        assert!(!term.is_held(now) && term.renew_at() == now);
        let until = now + interval * 3;
        term.update(Some(held(until)), now);
        assert_eq!(term.renew_at(), now + interval);
        assert!(term.is_held(now + interval) && !term.is_held(until));
        let mut short = held(until);
        short.share.is_short = true;
        term.update(Some(short), now);
        assert_eq!(term.renew_at(), now + SHORT_INTERVAL);
        term.update(None, now + interval);
        assert!(!term.is_held(now + interval));
    }

    #[tokio::test]
    async fn processes_share_the_shards_and_those_that_leave_make_room() {
        const NONE: ShardSet = ShardSet::EMPTY;
        let (_folder, store) = temporary(1);
        let mut c = Connection::new(store);
        let duration = Duration::from_secs(30);
        let [mut first, mut second] = [Publishing::new(duration), Publishing::new(duration)];
        let all = first.renew(&mut c, NONE).await.unwrap();
        assert_eq!(shards_of(all), ShardSet::ALL);
        let none = second.renew(&mut c, NONE).await.unwrap().unwrap();
        assert!(shards_of(Some(none)).is_empty() && none.share.is_short, "the first has them all");
        // As when the first renews its share after a third of its length.
        first.held = None;
        let half = first.renew(&mut c, NONE).await.unwrap().unwrap();
        assert_eq!((half.share.held, half.share.surplus.len()), (ShardSet::ALL, 32));
        let (surplus, kept) = (half.share.surplus, shards_of(Some(half)));
        let rest = first.renew(&mut c, surplus).await.unwrap().unwrap();
        assert_eq!((shards_of(Some(rest)), rest.share.held), (kept, kept));
        second.renewed_at -= SHORT_INTERVAL;
        let taken = second.renew(&mut c, NONE).await.unwrap().unwrap();
        assert_eq!((shards_of(Some(taken)), taken.share.is_short), (surplus, false));
        // One that has nothing leaves nothing.
        Publishing::new(duration).leave(&mut c).await.unwrap();
        first.leave(&mut c).await.unwrap();
        second.held = None;
        let all = second.renew(&mut c, NONE).await.unwrap();
        assert_eq!(shards_of(all), ShardSet::ALL);
    }

    #[tokio::test]
    async fn a_share_is_renewed_once_a_third_of_its_length_has_passed() {
        let (_folder, store) = temporary(1);
        let mut connection = Connection::new(store);
        let mut publishing = Publishing::new(Duration::from_secs(3000));
        assert_eq!(publishing.renewal_interval(), Duration::from_secs(1000));
        let now = Instant::now();
        for (remaining, is_renewed) in [(2500, false), (1500, true)] {
            let until = now + Duration::from_secs(remaining);
            publishing.held = Some(held(until));
            let held = publishing.renew(&mut connection, ShardSet::EMPTY).await.unwrap().unwrap();
            assert_eq!(held.until > until, is_renewed, "{remaining} s before its end");
            assert!(is_renewed || held.until == until);
        }
    }
}
