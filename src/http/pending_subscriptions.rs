//! Subscriptions that have been authorized and that the provider has not confirmed yet.

use moka::sync::Cache;

use crate::config::Delivery;
use crate::store::{Store, StoreError, occupancy};

/// Most channels in the cache. Some 100 bytes each.
const CACHE_LEN: u64 = 100_000;

/// Marks channels as pending when a subscription to them is authorized, so that their events are
/// not skipped until the provider reports the subscription.
///
/// Does nothing unless `delivery.only_occupied` is set.
pub struct PendingSubscriptions {
    /// The channels that were marked recently. Entries expire before the mark does, so that every
    /// authorization is covered by a mark.
    recent: Option<Cache<String, ()>>,
}

impl PendingSubscriptions {
    pub fn new(delivery: &Delivery) -> Self {
        let refresh = delivery.occupancy_refresh;
        let pending_for = occupancy::PENDING_FOR.to_std().unwrap_or_default();
        let cache = || {
            let cache = Cache::builder().max_capacity(CACHE_LEN);
            cache.time_to_live(refresh.min(pending_for) / 2).build()
        };
        Self { recent: delivery.only_occupied.then(cache) }
    }

    /// Marks a channel whose subscription is about to be authorized.
    pub async fn mark(&self, store: &Store, channel: &str) -> Result<(), StoreError> {
        let Some(recent) = self.recent.as_ref().filter(|recent| !recent.contains_key(channel))
        else {
            return Ok(());
        };
        let expected = channel.to_owned();
        store.transact(move |c| occupancy::mark_pending(c, &expected)).await?;
        recent.insert(channel.to_owned(), ());
        Ok(())
    }
}
