//! A cache of look-ups whose entries expire, and in which revoked keys stay revoked.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

/// Most entries per cache. Some 200 bytes each.
const CACHE_LEN: u64 = 100_000;

/// Results of look-ups, and keys that were revoked. Clones share their entries.
#[derive(Clone)]
pub struct TtlCache<K, V> {
    /// `None`: revoked.
    entries: Cache<K, Option<Arc<V>>>,
}

impl<K, V> TtlCache<K, V>
where
    K: Clone + Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Entries expire after `ttl`; zero disables the cache.
    pub fn new(ttl: Duration) -> Self {
        let len = if ttl.is_zero() { 0 } else { CACHE_LEN };
        Self { entries: Cache::builder().max_capacity(len).time_to_live(ttl).build() }
    }

    /// The cached value, or the one that `look_up` finds, which is then cached.
    ///
    /// `None`: nothing was found, or the key has been revoked, possibly while `look_up` ran.
    pub async fn get_or_look_up<E>(
        &self,
        key: &K,
        look_up: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<Arc<V>>, E> {
        if let Some(cached) = self.entries.get(key) {
            return Ok(cached);
        }
        let found = look_up.await?;
        Ok(found.and_then(|value| {
            self.entries.entry(key.clone()).or_insert(Some(Arc::new(value))).into_value()
        }))
    }

    /// Looks these keys up again, whether they are cached or marked as revoked.
    pub fn forget(&self, keys: impl IntoIterator<Item = K>) {
        for key in keys {
            self.entries.invalidate(&key);
        }
    }

    /// Marks these keys as revoked.
    pub fn revoke(&self, keys: impl IntoIterator<Item = K>) {
        for key in keys {
            self.entries.insert(key, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use super::TtlCache;

    async fn get(
        cache: &TtlCache<i32, &'static str>,
        key: i32,
        found: Option<&'static str>,
    ) -> Option<&'static str> {
        let look_up = async { Ok::<_, Infallible>(found) };
        cache.get_or_look_up(&key, look_up).await.unwrap().map(|value| *value)
    }

    #[tokio::test]
    async fn a_value_is_cached_and_a_missing_one_is_not() {
        let cache = TtlCache::new(Duration::from_secs(60));
        assert_eq!(get(&cache, 1, None).await, None);
        assert_eq!(get(&cache, 1, Some("one")).await, Some("one"));
        assert_eq!(get(&cache, 1, Some("two")).await, Some("one"));
    }

    #[tokio::test]
    async fn a_key_revoked_during_its_look_up_stays_revoked() {
        let cache = TtlCache::new(Duration::from_secs(60));
        assert_eq!(get(&cache, 1, Some("one")).await, Some("one"));
        let look_up = async {
            cache.revoke([1, 2]);
            Ok::<_, Infallible>(Some("two"))
        };
        assert_eq!(cache.get_or_look_up(&2, look_up).await, Ok(None));
        assert_eq!(get(&cache, 1, Some("one")).await, None);
        assert_eq!(get(&cache, 2, Some("two")).await, None);
    }

    #[tokio::test]
    async fn a_ttl_of_zero_disables_the_cache() {
        let cache = TtlCache::new(Duration::ZERO);
        cache.revoke([1]);
        assert_eq!(get(&cache, 1, Some("one")).await, Some("one"));
        assert_eq!(get(&cache, 1, Some("two")).await, Some("two"));
    }
}
