//! Passwords: hashed with argon2id; bcrypt hashes of users migrated from Laravel are verified and
//! replaced.
//!
//! Every failed verification does the same work, so that its duration does not tell whether the
//! user exists, or how the password is stored: one argon2id hash with the default parameters, and
//! bcrypt of the highest known cost if there are bcrypt hashes. Exceptions: a cost that this
//! process meets for the first time, and argon2 hashes with other parameters, which are not
//! replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use tokio::sync::Semaphore;

use super::error::AuthError;
use crate::deadline::Deadline;

/// Verified for unknown email addresses, so that they take as long as a wrong password.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bWF0Y2hjYXN0LW5vYm9keQ$\
    4k0p3Dq5iTn3Vj2lD1s7qYb0v8m6wq0kF5n2x9c7RzE";

/// How long an operation waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// bcrypt's own bounds.
const MIN_BCRYPT_COST: u32 = 4;
const MAX_BCRYPT_COST: u32 = 31;
/// A salt for bcrypt hashes that nobody sees.
const DUMMY_SALT: [u8; 16] = *b"matchcast-nobody";

/// Hashes and verifies on blocking threads, at most one operation per core: each takes 19 MiB and
/// some milliseconds of a whole core.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    highest_bcrypt_cost: Arc<AtomicU32>,
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
        Self { permits: Arc::new(Semaphore::new(cores)), highest_bcrypt_cost: Arc::default() }
    }
}

impl Passwords {
    /// Takes note of the cost of a stored hash, if it is a bcrypt hash.
    pub fn note(&self, stored: &str) -> u32 {
        let cost = bcrypt_cost(stored).unwrap_or(0);
        self.highest_bcrypt_cost.fetch_max(cost, Ordering::Relaxed).max(cost)
    }

    pub async fn hash(&self, password: String) -> Result<String, AuthError> {
        self.run(move || hash(&password)).await
    }

    /// `stored` is `None` if the user does not exist or has no password.
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Verification, AuthError> {
        let highest_cost = self.note(stored.as_deref().unwrap_or_default());
        self.run(move || verify(&password, stored.as_deref(), highest_cost)).await
    }

    /// The permit belongs to the work, which continues if the request is dropped.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let Ok(permit) = tokio::time::timeout_at(deadline().into(), permit).await else {
            return Err(AuthError::Busy);
        };
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.map_err(|_| AuthError::Hashing)?
    }
}

/// When a request that waits for a core gives up.
fn deadline() -> Instant {
    Deadline::within(MAX_WAIT).instant()
}

/// Hashes on the current thread, which takes some milliseconds.
pub fn hash(password: &str) -> Result<String, AuthError> {
    let salt = SaltString::generate(&mut OsRng);
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|_| AuthError::Hashing)
}

/// With the algorithm and the parameters of the stored hash. `false` if it cannot be read.
fn verify_argon2(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored)
        .is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
}

fn verify(
    password: &str,
    stored: Option<&str>,
    highest_cost: u32,
) -> Result<Verification, AuthError> {
    let stored_or_dummy = stored.unwrap_or(DUMMY_HASH);
    if let Some(cost) = bcrypt_cost(stored_or_dummy) {
        if let Ok(true) = bcrypt::verify(password, stored_or_dummy) {
            return hash(password).map(|rehashed| Verification::Outdated { rehashed });
        }
        verify_argon2(password, DUMMY_HASH);
        spend_bcrypt(password, missing_costs(Some(cost), highest_cost));
        return Ok(Verification::Wrong);
    }
    if verify_argon2(password, stored_or_dummy) && stored.is_some() {
        return Ok(Verification::Correct);
    }
    spend_bcrypt(password, missing_costs(None, highest_cost));
    Ok(Verification::Wrong)
}

/// The cost of a bcrypt hash, `$2y$12$…`: each step doubles the work.
fn bcrypt_cost(stored: &str) -> Option<u32> {
    let (version, rest) = stored.strip_prefix('$')?.split_once('$')?;
    let (cost, _) = rest.split_once('$')?;
    let cost = version.starts_with('2').then(|| cost.parse().ok())??;
    (MIN_BCRYPT_COST..=MAX_BCRYPT_COST).contains(&cost).then_some(cost)
}

/// The costs of further bcrypt hashes, so that the work is that of one hash of the highest cost:
/// 2⁸ + 2⁸ + 2⁹ = 2¹⁰.
fn missing_costs(done: Option<u32>, highest: u32) -> Vec<u32> {
    match done {
        Some(done) => (done..highest).collect(),
        None if highest > 0 => vec![highest],
        None => Vec::new(),
    }
}

/// Returns the costs of the hashes that it made.
fn spend_bcrypt(password: &str, costs: Vec<u32>) -> Vec<u32> {
    let hashes = costs.into_iter().map(|cost| bcrypt::hash_with_salt(password, cost, DUMMY_SALT));
    hashes.flatten().map(|hash| std::hint::black_box(hash).get_cost()).collect()
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Params, Version};

    use super::{
        Argon2, DUMMY_HASH, PasswordHash, PasswordHasher, Passwords, SaltString, Verification,
        bcrypt_cost, hash, missing_costs, spend_bcrypt,
    };
    use crate::auth::AuthError;

    fn verify(password: &str, stored: Option<&str>) -> Result<Verification, AuthError> {
        super::verify(password, stored, 0)
    }

    #[test]
    fn a_failure_always_does_the_work_of_the_highest_bcrypt_cost() {
        let work = |costs: &[u32]| costs.iter().map(|cost| 1_u64 << cost).sum::<u64>();
        for highest in 4..=14 {
            assert_eq!(work(&missing_costs(None, highest)), 1 << highest);
            for done in 4..=highest {
                let missing = work(&missing_costs(Some(done), highest));
                assert_eq!((1 << done) + missing, 1 << highest, "{done} of {highest}");
            }
        }
        assert!(missing_costs(None, 0).is_empty(), "there are no bcrypt hashes");
    }

    #[test]
    fn a_hash_of_each_missing_cost_is_made() {
        for password in ["", "battery staple", "\0", &"x".repeat(100)] {
            assert_eq!(spend_bcrypt(password, vec![4, 4, 5]), [4, 4, 5], "{password:?}");
        }
    }

    #[test]
    fn the_highest_bcrypt_cost_is_remembered() {
        let passwords = Passwords::default();
        for (stored, highest) in [("", 0), ("$2y$05$a", 5), ("$2y$04$a", 5), ("$2y$06$a", 6)] {
            assert_eq!(passwords.note(stored), highest, "{stored}");
        }
        assert_eq!(passwords.note(DUMMY_HASH), 6);
    }

    #[tokio::test]
    async fn passwords_are_hashed_and_verified_on_other_threads() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correct horse".to_owned()).await.unwrap();
        for (password, stored, expected) in [
            ("correct horse", Some(&stored), Verification::Correct),
            ("battery staple", Some(&stored), Verification::Wrong),
            ("correct horse", None, Verification::Wrong),
        ] {
            let verified = passwords.verify(password.to_owned(), stored.cloned()).await.unwrap();
            assert_eq!(verified, expected, "{password}");
        }
    }

    #[test]
    fn the_cost_of_a_bcrypt_hash_is_read() {
        for (stored, cost) in [
            ("$2y$12$abc", Some(12)),
            ("$2b$04$abc", Some(4)),
            ("$2y$99$abc", None),
            ("$2y$garbage", None),
            (DUMMY_HASH, None),
            ("", None),
        ] {
            assert_eq!(bcrypt_cost(stored), cost, "{stored}");
        }
    }

    #[test]
    fn a_hash_verifies_only_its_own_password() {
        let stored = hash("correct horse").unwrap();
        assert_eq!(verify("correct horse", Some(&stored)).unwrap(), Verification::Correct);
        assert_eq!(verify("battery staple", Some(&stored)).unwrap(), Verification::Wrong);
        assert_eq!(verify("correct horse", None).unwrap(), Verification::Wrong);
    }

    /// Laravel's parameters for argon2i and argon2id.
    #[test]
    fn argon2_hashes_with_other_parameters_verify() {
        for algorithm in [Algorithm::Argon2i, Algorithm::Argon2id] {
            let params = Params::new(65536, 4, 1, None).unwrap();
            let salt = SaltString::encode_b64(b"sixteen bytes of").unwrap();
            let argon2 = Argon2::new(algorithm, Version::V0x13, params);
            let stored = argon2.hash_password(b"correct horse", &salt).unwrap().to_string();
            let verified = |password| verify(password, Some(&stored)).unwrap();
            assert_eq!(verified("correct horse"), Verification::Correct, "{stored}");
            assert_eq!(verified("battery staple"), Verification::Wrong, "{stored}");
        }
        for broken in ["", "$", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ"] {
            assert_eq!(verify("correct horse", Some(broken)).unwrap(), Verification::Wrong);
        }
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
