//! Proving who somebody is: passwords, and what tokens and sessions share.

mod passwords;
mod secret;
mod ttl_cache;

pub use passwords::{Passwords, Verification, hash as hash_password};
pub use secret::{random_hex, sha256_hex};
pub use ttl_cache::TtlCache;
