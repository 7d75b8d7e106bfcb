//! Tokens of administrators in the form `admin-{id}|{secret}`, which no token of a user has.
//!
//! They are looked up for each request, without a cache: administrators send few requests, and a
//! token that is revoked must not be accepted by any process.

use std::net::IpAddr;
use std::time::Duration;

use moka::sync::Cache;
use subtle::ConstantTimeEq;

use super::secret::{random_hex, sha256_hex};
use crate::outage::Outage;
use crate::store::admin_tokens::{self, AdminToken};
use crate::store::{Store, StoreError, now};

static NOTES: Outage = Outage::warning(
    "admin_token_use",
    "the last use of administrators' tokens cannot be written",
    "the last use of administrators' tokens is written again",
);

/// What the token of an administrator begins with.
const PREFIX: &str = "admin-";
/// Random bytes of a token's secret.
const SECRET_BYTES: usize = 30;
/// How often the use of a token is noted.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);
/// Most entries of the cache of noted uses.
const NOTED_LEN: u64 = 1_000;

/// The secret of a new token. Only its hash is stored.
pub struct AdminSecret(String);

impl AdminSecret {
    pub fn generate() -> Self {
        Self(random_hex::<SECRET_BYTES>())
    }

    pub fn hash(&self) -> String {
        sha256_hex(&self.0)
    }

    /// The form that is sent, after the token was stored with this id.
    pub fn issued(&self, id: i64) -> String {
        format!("{PREFIX}{id}|{}", self.0)
    }
}

/// The tokens of administrators in the database.
#[derive(Clone)]
pub struct AdminTokens {
    store: Store,
    /// The tokens whose use was noted within the last minute.
    noted: Cache<i64, ()>,
}

impl AdminTokens {
    pub fn new(store: Store) -> Self {
        let noted = Cache::builder().max_capacity(NOTED_LEN).time_to_live(NOTE_INTERVAL).build();
        Self { store, noted }
    }

    /// The token with this text, if it may be used now and from this address. `address` `None`: it
    /// is unknown.
    pub async fn verify(
        &self,
        text: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<AdminToken>, StoreError> {
        let Some((id, secret)) = parse(text) else { return Ok(None) };
        let found = self.store.read(move |c| admin_tokens::find(c, id)).await?;
        let Some((token, secret_hash)) = found else { return Ok(None) };
        let hash = sha256_hex(secret);
        let matches = bool::from(hash.as_bytes().ct_eq(secret_hash.as_bytes()));
        if !matches || !token.is_valid(now(), address) {
            return Ok(None);
        }
        self.note_use(id).await;
        Ok(Some(token))
    }

    /// Notes the use of a token, at most once a minute. If that fails, the token is valid
    /// nevertheless.
    async fn note_use(&self, id: i64) {
        if self.noted.contains_key(&id) {
            return;
        }
        self.noted.insert(id, ());
        match self.store.transact(move |c| admin_tokens::note_use(c, id)).await {
            Ok(()) => NOTES.recovered(),
            Err(error) => NOTES.failed(&error),
        }
    }
}

/// The id and the secret of a well-formed token.
fn parse(text: &str) -> Option<(i64, &str)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('|')?;
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    let id = is_number.then(|| id.parse().ok()).flatten()?;
    (!secret.is_empty()).then_some((id, secret))
}

#[cfg(test)]
mod tests {
    use super::{AdminSecret, parse};
    use crate::auth::is_token;

    #[test]
    fn a_token_of_an_administrator_is_never_one_of_a_user() {
        let secret = AdminSecret::generate();
        let text = secret.issued(7);
        assert_eq!(parse(&text), Some((7, secret.0.as_str())));
        assert!(!is_token(&text));
        for text in [
            "",
            "admin-",
            "admin-7",
            "admin-7|",
            "admin-|x",
            "admin--7|x",
            "admin-+7|x",
            "7|x",
            "Admin-7|x",
            "admin-99999999999999999999|x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
