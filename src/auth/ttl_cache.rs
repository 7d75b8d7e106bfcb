//! A cache of look-ups whose entries expire, and which keeps revoked keys revoked.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

/// Look-ups remembered at most, of each kind. Some 200 bytes each.
const CACHE_LEN: u64 = 100_000;

/// A cache of look-ups, and of what was revoked meanwhile. Cheap to clone: all see the same.
#[derive(Clone)]
pub struct TtlCache<K, V> {
    /// `None`: revoked.
    cache: Cache<K, Option<Arc<V>>>,
}

impl<K, V> TtlCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// One that lasts `seconds`; with 0 nothing is remembered.
    pub fn new(seconds: u64) -> Self {
        let len = if seconds == 0 { 0 } else { CACHE_LEN };
        let cache = Cache::builder().max_capacity(len);
        Self { cache: cache.time_to_live(Duration::from_secs(seconds)).build() }
    }

    /// What is known of a key: nothing, that it was revoked (`Some(None)`), or what it stands for.
    pub fn get(&self, key: &K) -> Option<Option<Arc<V>>> {
        self.cache.get(key)
    }

    /// Remembers what was looked up, and gives what holds: nothing, where the key was revoked
    /// while the look-up ran.
    pub fn remember(&self, key: K, value: V) -> Option<Arc<V>> {
        self.cache.entry(key).or_insert(Some(Arc::new(value))).into_value()
    }

    /// Believes in none of these keys any more.
    pub fn revoke(&self, keys: impl IntoIterator<Item = K>) {
        for key in keys {
            self.cache.insert(key, None);
        }
    }

    /// Looks this key up again.
    pub fn forget(&self, key: &K) {
        self.cache.invalidate(key);
    }
}

#[cfg(test)]
mod tests {
    use super::TtlCache;

    #[test]
    fn what_was_revoked_during_a_look_up_does_not_hold() {
        let cache = TtlCache::new(60);
        assert_eq!(cache.get(&1), None);
        assert_eq!(cache.remember(1, "one").as_deref(), Some(&"one"));
        assert_eq!(cache.get(&1).flatten().as_deref(), Some(&"one"));
        // The look-up of 2 began before it was revoked, and ends after it.
        cache.revoke([1, 2]);
        assert_eq!(cache.remember(2, "two"), None);
        assert_eq!((cache.get(&1), cache.get(&2)), (Some(None), Some(None)));
        cache.forget(&1);
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn without_a_memory_what_was_looked_up_holds_once() {
        let cache = TtlCache::new(0);
        cache.revoke([1]);
        assert_eq!(cache.remember(1, "one").as_deref(), Some(&"one"));
        assert_eq!(cache.get(&1), None);
    }
}
