//! End-to-end encryption of `private-encrypted-…` channels: the provider cannot read their data.
//!
//! Each channel has its own key, the SHA-256 of its name and the master key. A subscriber receives
//! it in the authorization response ([`shared_secret`]). The data of events is encrypted with it as
//! NaCl's secretbox, XSalsa20-Poly1305 ([`seal`]). The master key itself never leaves the process.
//!
//! All functions are pure; the nonce is an argument. The names of channel and event and the
//! approximate length of the data remain readable. A client that once received a channel's key can
//! read that channel until the master key changes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::credentials::Credentials;
use super::limits::MAX_DATA_BYTES;
use super::names::is_encrypted;

/// Length of a nonce, in bytes: enough for random nonces never to repeat.
pub const NONCE_BYTES: usize = 24;

/// Length of secretbox's authentication tag, in bytes. It precedes the ciphertext.
const TAG_BYTES: usize = 16;

/// Maximum size of the `data` of an event on an encrypted channel before encryption, in bytes:
/// 7,619. Encrypted, it has [`MAX_DATA_BYTES`]; base64 turns every three bytes, or the rest of
/// them, into four.
pub const MAX_ENCRYPTED_DATA_BYTES: usize = {
    let frame = r#"{"nonce":"","ciphertext":""}"#.len() + NONCE_BYTES / 3 * 4;
    (MAX_DATA_BYTES - frame) / 4 * 3 - TAG_BYTES
};

/// The maximum size of the `data` of an event on this channel, in bytes, as given to
/// `Client::publish`.
pub fn data_limit(channel: &str) -> usize {
    if is_encrypted(channel) { MAX_ENCRYPTED_DATA_BYTES } else { MAX_DATA_BYTES }
}

/// The `shared_secret` of an authorization response: the channel's key in base64.
///
/// `None` if the credentials have no master key or the channel is not encrypted. As with a
/// signature, `channel` must be a name that the server formatted itself: this value gives access to
/// the channel.
pub fn shared_secret(credentials: &Credentials, channel: &str) -> Option<String> {
    channel_key(credentials, channel).map(|key| STANDARD.encode(key))
}

/// The encrypted data of an event, as it is sent: `{"nonce":"…","ciphertext":"…"}`, both in base64.
///
/// `None` if the credentials have no master key or the channel is not encrypted. The nonce must be
/// random and used only once: two texts with the same nonce reveal each other.
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
        .expect("a text in memory is far shorter than the cipher's limit");
    let sealed = Sealed { nonce: STANDARD.encode(nonce), ciphertext: STANDARD.encode(ciphertext) };
    Some(serde_json::to_string(&sealed).expect("two strings always serialize to JSON"))
}

fn channel_key(credentials: &Credentials, channel: &str) -> Option<[u8; 32]> {
    let master_key = credentials.master_key().filter(|_| is_encrypted(channel))?;
    Some(Sha256::new().chain_update(channel).chain_update(master_key.as_bytes()).finalize().into())
}
