//! The role of publishing, which one process holds at a time.
//!
//! The lease is a row with a holder and an end. Its holder renews it in a third of its time, also
//! while calls to the provider hang, so it can be short: when a process dies, another one takes
//! over soon. A process that could not renew in time starts no further call. The calls that it then
//! has under way may arrive beside the successor's: twice or late, never lost.

use std::time::{Duration, Instant};

use rand::Rng;

use super::connection::Connection;
use crate::store::{StoreError, leases, now};

const NAME: &str = "publisher";

/// This process's claim to the role.
pub struct Lease {
    /// Names this process.
    holder: String,
    duration: Duration,
    /// `None`: another process has it.
    until: Option<Instant>,
}

impl Lease {
    pub fn new(duration: Duration) -> Self {
        let holder = format!("{}-{:016x}", std::process::id(), rand::rng().random::<u64>());
        Self { holder, duration, until: None }
    }

    /// How often it is renewed.
    pub fn renewal(&self) -> Duration {
        self.duration / 3
    }

    /// Takes or renews the lease where it is time to; gives the time until which this process has
    /// the role, `None` when another one has it.
    pub async fn keep(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Option<Instant>, StoreError> {
        let asked_at = Instant::now();
        let fresh = |until: Instant| asked_at + self.duration - self.renewal() < until;
        if self.until.is_some_and(fresh) {
            return Ok(self.until);
        }
        let holder = self.holder.clone();
        let duration = chrono::Duration::from_std(self.duration)
            .map_err(|error| StoreError::Other(format!("the lease is too long: {error}")))?;
        let taken =
            connection.write(move |c| leases::take(c, NAME, &holder, now() + duration)).await?;
        match (taken, self.until) {
            (true, None) => tracing::info!("this process publishes"),
            (false, Some(_)) => tracing::warn!("another process publishes now"),
            _ => {}
        }
        self.until = taken.then(|| asked_at + self.duration);
        Ok(self.until)
    }

    /// Gives the role back, so that a successor need not wait.
    pub async fn release(self, connection: &mut Connection) -> Result<(), StoreError> {
        if self.until.is_none() {
            return Ok(());
        }
        let holder = self.holder;
        connection.write(move |c| leases::release(c, NAME, &holder)).await
    }
}
