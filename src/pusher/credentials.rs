//! The identity and the secrets of one Pusher app.
//!
//! Both secrets stay inside the `pusher` module: their accessors are not public, and printing a
//! value shows `[redacted]`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Length of a master key, in bytes.
const MASTER_KEY_BYTES: usize = 32;

/// One app: its id, its public key, the secret that signs, and optionally the master key that
/// encrypts.
#[derive(Clone)]
pub struct Credentials {
    app_id: String,
    key: String,
    secret: String,
    master_key: Option<MasterKey>,
}

/// The key from which the keys of all encrypted channels are derived.
#[derive(Clone)]
pub struct MasterKey([u8; MASTER_KEY_BYTES]);

/// The text is not a master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("PUSHER_ENCRYPTION_MASTER_KEY_BASE64 must be exactly 32 bytes in base64")]
pub struct InvalidMasterKey;

impl Credentials {
    /// The values of `PUSHER_APP_ID`, `PUSHER_APP_KEY` and `PUSHER_APP_SECRET`.
    ///
    /// Nothing is checked here; `Client::new` rejects invalid values.
    pub fn new(
        app_id: impl Into<String>,
        key: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        let (app_id, key, secret) = (app_id.into(), key.into(), secret.into());
        Self { app_id, key, secret, master_key: None }
    }

    /// Adds the key that `private-encrypted-` channels need.
    pub fn with_master_key(self, master_key: MasterKey) -> Self {
        Self { master_key: Some(master_key), ..self }
    }

    /// Whether encrypted channels are available.
    pub fn has_master_key(&self) -> bool {
        self.master_key.is_some()
    }

    /// The app's id, which is part of the path of REST requests.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// The app's public key, which pages know.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn master_key(&self) -> Option<&MasterKey> {
        self.master_key.as_ref()
    }
}

impl MasterKey {
    /// Reads standard base64 with padding, as `openssl rand -base64 32` writes it.
    pub fn parse_base64(text: &str) -> Result<Self, InvalidMasterKey> {
        let bytes = STANDARD.decode(text).map_err(|_| InvalidMasterKey)?;
        bytes.try_into().map(Self).map_err(|_| InvalidMasterKey)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("app_id", &self.app_id)
            .field("key", &self.key)
            .field("secret", &"[redacted]")
            .field("master_key", &self.master_key)
            .finish()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey([redacted])")
    }
}
