//! Random secrets, and the hashes that are stored of them.

use rand::RngCore;
use sha2::{Digest, Sha256};

/// `N` random bytes in lower-case hex.
pub fn random_hex<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// SHA-256 in lower-case hex. Sufficient for storing random secrets, too fast for passwords.
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
