//! Subscriptions that were authorised and that the provider has not confirmed yet.

use std::time::Duration;

use moka::sync::Cache;

use crate::config::Delivery;
use crate::store::{Store, StoreError, occupancy};

/// Channels that are remembered at most as noted. Some 100 bytes each.
const CACHE_LEN: u64 = 100_000;

/// Notes who is about to subscribe, where events that nobody hears are not sent: what happens until
/// the provider tells of the subscription must not be skipped.
pub struct PendingSubscriptions {
    /// The channels that were noted lately, if that is of any use. Forgotten while what was noted
    /// still holds, so that each authorisation is covered.
    noted: Option<Cache<String, ()>>,
}

impl PendingSubscriptions {
    pub fn new(delivery: &Delivery) -> Self {
        let refresh = Duration::from_secs(delivery.occupancy_refresh_seconds);
        let held = occupancy::PENDING_FOR.to_std().unwrap_or_default();
        let cache = || {
            let cache = Cache::builder().max_capacity(CACHE_LEN);
            cache.time_to_live(refresh.min(held) / 2).build()
        };
        Self { noted: delivery.only_occupied.then(cache) }
    }

    pub async fn note(&self, store: &Store, channel: &str) -> Result<(), StoreError> {
        let Some(noted) = self.noted.as_ref().filter(|noted| !noted.contains_key(channel)) else {
            return Ok(());
        };
        let expected = channel.to_owned();
        store.transact(move |c| occupancy::expect(c, &expected)).await?;
        noted.insert(channel.to_owned(), ());
        Ok(())
    }
}
