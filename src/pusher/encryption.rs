//! Encrypted channels (`private-encrypted-…`): the provider passes on what it cannot read.
//!
//! Each channel has a secret of its own, SHA-256 of its name and the master key. A subscriber is
//! given it in the authorization answer ([`shared_secret`]), and under it the data of an event is
//! sealed as NaCl's secretbox, XSalsa20-Poly1305 ([`seal`]). The master key itself never leaves.
//!
//! Everything here is pure: the nonce arrives as an argument. What stays readable is the name of
//! the channel, the name of the event, and about how long the data is. Whoever had a channel's
//! secret once can read that channel for as long as the master key stays the same.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Credentials, MAX_DATA_BYTES, is_encrypted};

/// Bytes of a nonce. Chosen at random, so many never repeat.
pub const NONCE_BYTES: usize = 24;

const MASTER_KEY_BYTES: usize = 32;

/// What secretbox puts before the text, to show whether it was changed.
const TAG_BYTES: usize = 16;

/// Longest `data` of an event on an encrypted channel, before it is sealed, in bytes: 7,619. What
/// is sent for it has [`MAX_DATA_BYTES`]; base64 makes four bytes of each three that are begun.
pub const MAX_ENCRYPTED_DATA_BYTES: usize = {
    let frame = r#"{"nonce":"","ciphertext":""}"#.len() + NONCE_BYTES / 3 * 4;
    (MAX_DATA_BYTES - frame) / 4 * 3 - TAG_BYTES
};

/// What all secrets of encrypted channels are made of. Printing it shows `[redacted]`.
#[derive(Clone)]
pub struct MasterKey([u8; MASTER_KEY_BYTES]);

/// The text is not a master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("PUSHER_ENCRYPTION_MASTER_KEY_BASE64 must be exactly 32 bytes in base64")]
pub struct InvalidMasterKey;

impl MasterKey {
    /// Reads standard base64 with its padding, as `openssl rand -base64 32` writes it.
    pub fn parse_base64(text: &str) -> Result<Self, InvalidMasterKey> {
        let bytes = STANDARD.decode(text).map_err(|_| InvalidMasterKey)?;
        bytes.try_into().map(Self).map_err(|_| InvalidMasterKey)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey([redacted])")
    }
}

/// The most bytes that the `data` of an event on this channel may have, as it is given to
/// [`Client::publish`](super::Client::publish), so that no provider finds it too long.
pub fn data_limit(channel: &str) -> usize {
    if is_encrypted(channel) { MAX_ENCRYPTED_DATA_BYTES } else { MAX_DATA_BYTES }
}

/// The `shared_secret` of an authorization answer: the channel's own key, in base64.
///
/// Nothing when the credentials have no master key, or the channel is not an encrypted one. As
/// with a signature, `channel` must be a name that the server formatted itself: who has this
/// value can read the channel.
pub fn shared_secret(credentials: &Credentials, channel: &str) -> Option<String> {
    channel_key(credentials, channel).map(|key| STANDARD.encode(key))
}

/// The data of an event on an encrypted channel, as it stands in the call:
/// `{"nonce":"…","ciphertext":"…"}`, both in base64.
///
/// Nothing when the credentials have no master key, or the channel is not an encrypted one. The
/// nonce must be random and new each time: two texts under one nonce give each other away.
pub fn seal(
    credentials: &Credentials,
    channel: &str,
    data: &str,
    nonce: &[u8; NONCE_BYTES],
) -> Option<String> {
    #[derive(Serialize)]
    struct Sealed {
        nonce: String,
        ciphertext: String,
    }
    let cipher = XSalsa20Poly1305::new(&channel_key(credentials, channel)?.into());
    let ciphertext = cipher
        .encrypt(nonce.into(), data.as_bytes())
        .expect("a text that is in memory is far shorter than the cipher's limit");
    let sealed = Sealed { nonce: STANDARD.encode(nonce), ciphertext: STANDARD.encode(ciphertext) };
    Some(serde_json::to_string(&sealed).expect("two strings are always JSON"))
}

fn channel_key(credentials: &Credentials, channel: &str) -> Option<[u8; 32]> {
    let MasterKey(master_key) = credentials.master_key().filter(|_| is_encrypted(channel))?;
    Some(Sha256::new().chain_update(channel).chain_update(master_key).finalize().into())
}
