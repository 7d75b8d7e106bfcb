//! Passwords: hashed with argon2id; bcrypt hashes of users migrated from Laravel are verified and
//! replaced.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::argon2id;
use super::error::AuthError;

/// Verified for unknown email addresses, so that they take as long as a wrong password.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bWF0Y2hjYXN0LW5vYm9keQ$\
    4k0p3Dq5iTn3Vj2lD1s7qYb0v8m6wq0kF5n2x9c7RzE";

/// Hashes and verifies on blocking threads, at most one operation per core: each takes 19 MiB and
/// some milliseconds of a whole core.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    Wrong,
    Correct,
    /// Correct, but the stored hash should be replaced with `rehashed`.
    Outdated {
        rehashed: String,
    },
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { permits: Arc::new(Semaphore::new(cores)) }
    }
}

impl Passwords {
    pub async fn hash(&self, password: String) -> Result<String, AuthError> {
        self.run(move || hash(&password)).await
    }

    /// `stored` is `None` if the user does not exist or has no password.
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Verification, AuthError> {
        self.run(move || verify(&password, stored.as_deref())).await
    }

    /// The permit belongs to the work, which continues if the request is dropped.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.map_err(|_| AuthError::Hashing)?
    }
}

/// Hashes on the current thread, which takes some milliseconds.
pub fn hash(password: &str) -> Result<String, AuthError> {
    argon2id::hash(password)
}

fn verify(password: &str, stored: Option<&str>) -> Result<Verification, AuthError> {
    let stored_or_dummy = stored.unwrap_or(DUMMY_HASH);
    if stored_or_dummy.starts_with("$2") {
        return match bcrypt::verify(password, stored_or_dummy) {
            Ok(true) => hash(password).map(|rehashed| Verification::Outdated { rehashed }),
            Ok(false) | Err(_) => Ok(Verification::Wrong),
        };
    }
    Ok(match argon2id::verify(password, stored_or_dummy) {
        true if stored.is_some() => Verification::Correct,
        _ => Verification::Wrong,
    })
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHash;

    use super::{DUMMY_HASH, Verification, hash, verify};

    #[test]
    fn a_hash_verifies_only_its_own_password() {
        let stored = hash("correct horse").unwrap();
        assert_eq!(verify("correct horse", Some(&stored)).unwrap(), Verification::Correct);
        assert_eq!(verify("battery staple", Some(&stored)).unwrap(), Verification::Wrong);
        assert_eq!(verify("correct horse", None).unwrap(), Verification::Wrong);
    }

    #[test]
    fn an_unknown_user_costs_as_much_as_a_known_one() {
        let dummy = PasswordHash::new(DUMMY_HASH).unwrap();
        let known = hash("x").unwrap();
        let known = PasswordHash::new(&known).unwrap();
        assert_eq!(dummy.algorithm, known.algorithm);
        assert_eq!(dummy.params, known.params);
        assert_eq!(dummy.hash.map(|h| h.len()), known.hash.map(|h| h.len()));
    }

    #[test]
    fn a_bcrypt_hash_verifies_and_is_replaced() {
        let laravel = bcrypt::hash_with_result("password", 4)
            .unwrap()
            .format_for_version(bcrypt::Version::TwoY);
        assert!(laravel.starts_with("$2y$"));
        let Verification::Outdated { rehashed } = verify("password", Some(&laravel)).unwrap()
        else {
            panic!("a bcrypt hash is outdated");
        };
        assert_eq!(verify("password", Some(&rehashed)).unwrap(), Verification::Correct);
        assert_eq!(verify("wrong", Some(&laravel)).unwrap(), Verification::Wrong);
        assert_eq!(verify("password", Some("$2y$garbage")).unwrap(), Verification::Wrong);
    }
}
