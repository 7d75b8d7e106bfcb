//! The publisher's lease: one process at a time publishes.
//!
//! The lease is a row with a holder and an end. Its holder renews it after a third of its duration,
//! even while requests to the provider hang. So it can be short, and when a process dies, another
//! one takes over soon. A process that could not renew its lease in time starts no request. The
//! requests that it then has in flight may arrive together with those of its successor: twice or
//! late, never lost.

use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::store::{StoreError, leases};

const NAME: &str = leases::PUBLISHER;

/// The lease as its row says, which only the worker reads and writes.
pub struct Lease {
    /// Identifies this process.
    holder: String,
    duration: Duration,
    /// `None`: this process does not hold it.
    held_until: Option<Instant>,
}

impl Lease {
    pub fn new(duration: Duration) -> Self {
        Self { holder: leases::new_holder(), duration, held_until: None }
    }

    /// How often the lease is renewed.
    pub fn renewal_interval(&self) -> Duration {
        self.duration / 3
    }

    /// Acquires the lease, or renews it if that is due. Returns until when this process holds it;
    /// `None`: another process does.
    pub async fn acquire(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Option<Instant>, StoreError> {
        let requested_at = Instant::now();
        let is_fresh =
            |until: Instant| requested_at + self.duration - self.renewal_interval() < until;
        if self.held_until.is_some_and(is_fresh) {
            return Ok(self.held_until);
        }
        let (holder, duration) = (self.holder.clone(), self.duration);
        let acquired = connection.write(move |c| leases::take(c, NAME, &holder, duration)).await?;
        match (acquired, self.held_until) {
            (true, None) => tracing::info!("this process publishes events"),
            (false, Some(_)) => tracing::warn!("another process publishes events now"),
            _ => {}
        }
        self.held_until = acquired.then(|| requested_at + self.duration);
        Ok(self.held_until)
    }

    /// Releases the lease, so that another process can acquire it without waiting for its end.
    pub async fn release(self, connection: &mut Connection) -> Result<(), StoreError> {
        if self.held_until.is_none() {
            return Ok(());
        }
        let holder = self.holder;
        connection.write(move |c| leases::release(c, NAME, &holder)).await
    }
}

/// The lease as the publisher knows it between two requests to the worker.
#[derive(Debug)]
pub struct LeaseTerm {
    held_until: Option<Instant>,
    renew_at: Instant,
    interval: Duration,
}

impl LeaseTerm {
    /// A lease that is not held and due to be acquired.
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self { held_until: None, renew_at: now, interval }
    }

    /// Whether this process may publish.
    pub fn is_held(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    /// When the lease has to be acquired or renewed.
    pub fn renew_at(&self) -> Instant {
        self.renew_at
    }

    /// Takes in the worker's result.
    pub fn update(&mut self, held_until: Option<Instant>, now: Instant) {
        self.held_until = held_until;
        self.renew_at = now + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixtures::temporary;

    #[test]
    fn a_lease_is_held_until_its_end_and_renewed_before() {
        let (interval, now) = (Duration::from_secs(2), Instant::now());
        let mut term = LeaseTerm::new(interval, now);
        assert!(!term.is_held(now) && term.renew_at() == now);
        let until = now + interval * 3;
        term.update(Some(until), now);
        assert_eq!(term.renew_at(), now + interval);
        assert!(term.is_held(now + interval) && !term.is_held(until));
        term.update(None, now + interval);
        assert!(!term.is_held(now + interval));
    }

    #[tokio::test]
    async fn one_process_holds_the_lease_until_it_releases_it() {
        let (_folder, store) = temporary(1);
        let mut connection = Connection::new(store);
        let duration = Duration::from_secs(30);
        let (mut first, mut second) = (Lease::new(duration), Lease::new(duration));
        assert!(first.acquire(&mut connection).await.unwrap().is_some());
        assert_eq!(second.acquire(&mut connection).await.unwrap(), None);
        // One that does not hold it releases nothing.
        second.release(&mut connection).await.unwrap();
        let mut third = Lease::new(duration);
        assert_eq!(third.acquire(&mut connection).await.unwrap(), None);
        first.release(&mut connection).await.unwrap();
        assert!(third.acquire(&mut connection).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_lease_is_renewed_once_a_third_of_its_duration_has_passed() {
        let (_folder, store) = temporary(1);
        let mut connection = Connection::new(store);
        let mut lease = Lease::new(Duration::from_secs(3000));
        assert_eq!(lease.renewal_interval(), Duration::from_secs(1000));
        let now = Instant::now();
        for (remaining, is_renewed) in [(2500, false), (1500, true)] {
            let until = now + Duration::from_secs(remaining);
            lease.held_until = Some(until);
            let held = lease.acquire(&mut connection).await.unwrap().unwrap();
            assert_eq!(held > until, is_renewed, "{remaining} s before its end");
            assert!(is_renewed || held == until);
        }
    }
}
