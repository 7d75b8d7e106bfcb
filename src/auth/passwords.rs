//! Passwords: argon2id for our own, bcrypt verified for users brought along from Laravel.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use tokio::sync::Semaphore;

use crate::http::ApiError;

/// What a wrong e-mail address is verified against, so that it takes as long as a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bWF0Y2hjYXN0LW5vYm9keQ$\
    4k0p3Dq5iTn3Vj2lD1s7qYb0v8m6wq0kF5n2x9c7RzE";

/// Hashes and verifies, as many at a time as there are cores: each takes 19 MiB and some
/// milliseconds of a whole core.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    Wrong,
    Right,
    /// Right, and here is a hash of today's kind to replace the old one with.
    Outdated(String),
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { permits: Arc::new(Semaphore::new(cores)) }
    }
}

impl Passwords {
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.run(move || hash(&password)).await?
    }

    /// `stored` is `None` when there is no such user.
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Verification, ApiError> {
        self.run(move || verify(&password, stored.as_deref())).await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let _permit = self.permits.acquire().await;
        let task = tokio::task::spawn_blocking(work);
        task.await.map_err(|_| ApiError::Internal("hashing a password failed"))
    }
}

/// Hashes on this thread, which it keeps busy for some milliseconds.
pub fn hash(password: &str) -> Result<String, ApiError> {
    let salt = SaltString::generate(&mut OsRng);
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|_| ApiError::Internal("hashing a password failed"))
}

fn verify(password: &str, stored: Option<&str>) -> Result<Verification, ApiError> {
    let stored_or_nobody = stored.unwrap_or(NOBODY);
    if stored_or_nobody.starts_with("$2") {
        return match bcrypt::verify(password, stored_or_nobody) {
            Ok(true) => hash(password).map(Verification::Outdated),
            Ok(false) | Err(_) => Ok(Verification::Wrong),
        };
    }
    let Ok(parsed) = PasswordHash::new(stored_or_nobody) else { return Ok(Verification::Wrong) };
    match Argon2::default().verify_password(password.as_bytes(), &parsed) {
        Ok(()) if stored.is_some() => Ok(Verification::Right),
        _ => Ok(Verification::Wrong),
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHash;

    use super::{NOBODY, Verification, hash, verify};

    #[test]
    fn a_hash_verifies_its_own_password_alone() {
        let stored = hash("correct horse").unwrap();
        assert_eq!(verify("correct horse", Some(&stored)).unwrap(), Verification::Right);
        assert_eq!(verify("battery staple", Some(&stored)).unwrap(), Verification::Wrong);
        assert_eq!(verify("correct horse", None).unwrap(), Verification::Wrong);
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let somebody = hash("x").unwrap();
        let somebody = PasswordHash::new(&somebody).unwrap();
        assert_eq!(nobody.algorithm, somebody.algorithm);
        assert_eq!(nobody.params, somebody.params);
        assert_eq!(nobody.hash.map(|h| h.len()), somebody.hash.map(|h| h.len()));
    }

    #[test]
    fn laravels_hash_verifies_and_is_replaced() {
        let laravel = bcrypt::hash_with_result("password", 4)
            .unwrap()
            .format_for_version(bcrypt::Version::TwoY);
        assert!(laravel.starts_with("$2y$"));
        let Verification::Outdated(new) = verify("password", Some(&laravel)).unwrap() else {
            panic!("a bcrypt hash is outdated");
        };
        assert_eq!(verify("password", Some(&new)).unwrap(), Verification::Right);
        assert_eq!(verify("wrong", Some(&laravel)).unwrap(), Verification::Wrong);
        assert_eq!(verify("password", Some("$2y$garbage")).unwrap(), Verification::Wrong);
    }
}
