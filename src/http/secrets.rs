//! What tokens, sessions and CSRF protection share: random secrets, what is stored of them, and how
//! long a look-up is remembered.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use rand::RngCore;
use sha2::{Digest, Sha256};

/// Look-ups remembered at most, of each kind. Some 200 bytes each.
const CACHE_LEN: u64 = 100_000;

/// `N` random bytes in lower-case hex.
pub fn random_hex<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// Lower-case hex SHA-256: what is stored of a secret that has enough randomness of its own.
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// A memory of look-ups that lasts `seconds`; with 0 nothing is remembered.
pub fn memory<K, V>(seconds: u64) -> Cache<K, Arc<V>>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    let len = if seconds == 0 { 0 } else { CACHE_LEN };
    Cache::builder().max_capacity(len).time_to_live(Duration::from_secs(seconds)).build()
}
