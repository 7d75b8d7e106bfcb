//! Proving who somebody is: passwords, and what tokens and sessions share.

mod passwords;
mod ttl_cache;

pub use passwords::{Passwords, Verdict, hash as hash_password};
pub use ttl_cache::{Memory, random_hex, sha256_hex};
