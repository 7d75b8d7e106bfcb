//! argon2 with memory that returns to the operating system after each hash.
//!
//! glibc serves an allocation from the heap of the current thread, and keeps it after it was freed,
//! unless the allocation is larger than a threshold. The threshold grows to the largest allocation
//! that was freed, but never above 32 MiB. A hash needs 19 MiB, so every thread that has hashed
//! twice would keep 19 MiB or more. [`Memory`] therefore reserves more than 32 MiB of address
//! space, and only uses as much of it as the hash needs.

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{Output, ParamsString, PasswordHash, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;

use super::error::AuthError;

/// One more than glibc's upper bound of the threshold, in blocks of 1 KiB.
const MIN_RESERVED_BLOCKS: usize = 32 * 1024 + 1;
/// Upper bound of a stored hash in bytes; those of argon2id have 32.
const MAX_OUTPUT_BYTES: usize = Output::MAX_LENGTH;

/// The memory of one hash.
struct Memory(Vec<Block>);

impl Memory {
    fn new(params: &Params) -> Self {
        let blocks = params.block_count();
        let mut memory = Vec::with_capacity(blocks.max(MIN_RESERVED_BLOCKS));
        memory.resize(blocks, Block::default());
        Self(memory)
    }
}

/// Hashes with the default parameters and a random salt; the result is in PHC string format.
pub fn hash(password: &str) -> Result<String, AuthError> {
    hash_with_salt(password).map_err(|_| AuthError::Hashing)
}

fn hash_with_salt(password: &str) -> argon2::password_hash::Result<String> {
    let params = Params::default();
    let salt = SaltString::generate(&mut OsRng);
    let (algorithm, version) = (Algorithm::default(), Version::default());
    let output = Output::init_with(Params::DEFAULT_OUTPUT_LEN, |output| {
        fill(password, salt.as_salt(), algorithm, version, &params, output)
    })?;
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(&params)?,
        salt: Some(salt.as_salt()),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

/// Whether the password has this stored hash. `false` if the stored hash cannot be read.
pub fn verify(password: &str, stored: &str) -> bool {
    verify_parsed(password, stored).unwrap_or(false)
}

/// `None`: the stored hash cannot be read.
fn verify_parsed(password: &str, stored: &str) -> Option<bool> {
    let stored = PasswordHash::new(stored).ok()?;
    let algorithm = Algorithm::try_from(stored.algorithm).ok()?;
    let version = stored.version.map(Version::try_from).transpose().ok()?.unwrap_or_default();
    let params = Params::try_from(&stored).ok()?;
    let (salt, expected) = (stored.salt?, stored.hash?);
    let mut buffer = [0; MAX_OUTPUT_BYTES];
    let output = buffer.get_mut(..expected.len())?;
    fill(password, salt, algorithm, version, &params, output).ok()?;
    Some(output.ct_eq(expected.as_bytes()).into())
}

/// Writes the hash to `output`.
fn fill(
    password: &str,
    salt: Salt<'_>,
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    output: &mut [u8],
) -> argon2::password_hash::Result<()> {
    let mut buffer = [0; Salt::MAX_LENGTH];
    let salt = salt.decode_b64(&mut buffer)?;
    let mut memory = Memory::new(params);
    let argon2 = Argon2::new(algorithm, version, params.clone());
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut memory.0)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
    use argon2::{Algorithm, Argon2, Params, Version};

    use super::{Memory, hash, verify};

    /// The format and the values are those of the `argon2` crate's own functions.
    #[test]
    fn hashes_agree_with_the_reference() {
        let ours = hash("correct horse").unwrap();
        let parsed = PasswordHash::new(&ours).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(ours.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{ours}");

        // Laravel's parameters for argon2i and argon2id.
        for algorithm in [Algorithm::Argon2i, Algorithm::Argon2id] {
            let params = Params::new(65536, 4, 1, None).unwrap();
            let salt = SaltString::encode_b64(b"sixteen bytes of").unwrap();
            let argon2 = Argon2::new(algorithm, Version::V0x13, params);
            let theirs = argon2.hash_password(b"correct horse", &salt).unwrap().to_string();
            assert!(verify("correct horse", &theirs), "{theirs}");
            assert!(!verify("battery staple", &theirs), "{theirs}");
        }
        for broken in ["", "$", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ"] {
            assert!(!verify("correct horse", broken), "{broken}");
        }
    }

    #[test]
    fn the_memory_of_a_hash_is_never_taken_from_a_heap() {
        let memory = Memory::new(&Params::default());
        assert_eq!(memory.0.len(), 19456);
        assert!(memory.0.capacity() * size_of_val(&memory.0[0]) > 32 << 20);
    }
}
