//! Creates and verifies signatures of REST requests, subscriptions, sign-ins and webhooks.
//!
//! All functions are pure; the time is an argument (Unix seconds). Signatures are compared in
//! constant time. Nothing here decides whether a client *may* have a signature. All four kinds use
//! the same secret, so signing text chosen by a client gives it every right of the app. Therefore
//! [`channel_auth`] must be called with a channel name that the server formatted itself, or with a
//! parsed [`ChannelName`](super::names::ChannelName).

use std::collections::BTreeMap;
use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::credentials::Credentials;
use super::names::SocketId;

/// Maximum difference between the sender's and the receiver's clock, in seconds, either way.
pub const CLOCK_TOLERANCE_S: u64 = 600;

/// The only version of the signing scheme.
const AUTH_VERSION: &str = "1.0";

/// The characters that need no percent-encoding: the unreserved characters of RFC 3986.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a REST request is rejected. The texts say what the sender can change, as the hosted
/// service's do. None contains the signature that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    #[error("The query string is malformed")]
    Query,
    #[error("{0} parameter is required")]
    Missing(&'static str),
    #[error("Unknown auth_key")]
    UnknownKey,
    #[error("Invalid auth_timestamp: it must be Unix time in seconds")]
    TimestampFormat,
    #[error(
        "Timestamp expired: Given timestamp ({given_s}) not within {CLOCK_TOLERANCE_S}s \
         of server time ({now_s})"
    )]
    TimestampExpired { given_s: u64, now_s: u64 },
    #[error("Unsupported auth_version: only {AUTH_VERSION} is known")]
    Version,
    #[error("Invalid body_md5: it does not match the body")]
    BodyMd5,
    #[error(
        "Invalid signature: you should have sent HmacSHA256Hex({string_to_sign:?}, \
         your_secret_key)"
    )]
    Signature { string_to_sign: String },
}

/// The signed query of one REST request, percent-encoded: the part after `?` in the URL.
///
/// `path` is the path on the wire without a prefix before `/apps`; `parameters` are further
/// parameters in any order; an empty body is not hashed. `auth_signature` comes last. A signature
/// can be replayed for [`CLOCK_TOLERANCE_S`]: never log the result, and sign each attempt anew.
pub fn signed_query(
    credentials: &Credentials,
    method: &str,
    path: &str,
    parameters: &[(&str, &str)],
    body: &[u8],
    now_s: u64,
) -> String {
    let mut all: BTreeMap<String, String> = parameters
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned()))
        .collect();
    all.insert("auth_key".to_owned(), credentials.key().to_owned());
    all.insert("auth_timestamp".to_owned(), now_s.to_string());
    all.insert("auth_version".to_owned(), AUTH_VERSION.to_owned());
    if !body.is_empty() {
        all.insert("body_md5".to_owned(), md5_hex(body));
    }
    let signature = request_signature(credentials, method, path, &all);

    let mut query = String::new();
    for (name, value) in &all {
        let value = utf8_percent_encode(value, UNRESERVED);
        // Writing into a String cannot fail.
        let _ = write!(query, "{}={value}&", utf8_percent_encode(name, UNRESERVED));
    }
    query + "auth_signature=" + &signature
}

/// The signature of a REST request whose parameters are complete (all but `auth_signature`).
///
/// Names are lower-case and sorted by the map. Values are signed without percent-encoding.
pub fn request_signature(
    credentials: &Credentials,
    method: &str,
    path: &str,
    parameters: &BTreeMap<String, String>,
) -> String {
    hmac_hex(credentials, string_to_sign(method, path, parameters).as_bytes())
}

/// Verifies a REST request as it arrived: raw path, raw query, exact bytes of the body.
///
/// The clock is checked before the signature, so that a sender with the correct secret and a wrong
/// clock learns about the clock.
pub fn verify_request(
    credentials: &Credentials,
    method: &str,
    path: &str,
    query: &str,
    body: &[u8],
    now_s: u64,
) -> Result<(), RequestError> {
    let mut parameters = parse_query(query)?;
    let signature = take(&mut parameters, "auth_signature")?;
    if !equal(require(&parameters, "auth_key")?, credentials.key()) {
        return Err(RequestError::UnknownKey);
    }
    let given_s = require(&parameters, "auth_timestamp")?;
    let given_s: u64 = given_s.parse().map_err(|_| RequestError::TimestampFormat)?;
    if given_s.abs_diff(now_s) > CLOCK_TOLERANCE_S {
        return Err(RequestError::TimestampExpired { given_s, now_s });
    }
    if require(&parameters, "auth_version")? != AUTH_VERSION {
        return Err(RequestError::Version);
    }
    match parameters.get("body_md5") {
        // Some senders also hash an empty body.
        Some(md5) if !equal(md5, &md5_hex(body)) => return Err(RequestError::BodyMd5),
        None if !body.is_empty() => return Err(RequestError::Missing("body_md5")),
        _ => {}
    }
    let string_to_sign = string_to_sign(method, path, &parameters);
    if equal(&signature, &hmac_hex(credentials, string_to_sign.as_bytes())) {
        Ok(())
    } else {
        Err(RequestError::Signature { string_to_sign })
    }
}

/// The `auth` that allows one socket to subscribe to one channel: `key:hex`.
///
/// `channel_data` is the exact JSON string that is sent with it (presence channels). `channel` must
/// not be text from a client: see the module documentation.
pub fn channel_auth(
    credentials: &Credentials,
    socket_id: &SocketId,
    channel: &str,
    channel_data: Option<&str>,
) -> String {
    let signed = match channel_data {
        Some(data) => format!("{socket_id}:{channel}:{data}"),
        None => format!("{socket_id}:{channel}"),
    };
    keyed_signature(credentials, &signed)
}

/// Whether `auth` equals the result of [`channel_auth`] for the same arguments.
pub fn verify_channel_auth(
    credentials: &Credentials,
    socket_id: &SocketId,
    channel: &str,
    channel_data: Option<&str>,
    auth: &str,
) -> bool {
    equal(auth, &channel_auth(credentials, socket_id, channel, channel_data))
}

/// The `auth` that signs one socket in as a user: `key:hex`.
///
/// `user_data` is the exact JSON string that is sent with it.
pub fn user_auth(credentials: &Credentials, socket_id: &SocketId, user_data: &str) -> String {
    keyed_signature(credentials, &format!("{socket_id}::user::{user_data}"))
}

/// Whether `auth` equals the result of [`user_auth`] for the same arguments.
pub fn verify_user_auth(
    credentials: &Credentials,
    socket_id: &SocketId,
    user_data: &str,
    auth: &str,
) -> bool {
    equal(auth, &user_auth(credentials, socket_id, user_data))
}

/// The value of `X-Pusher-Signature` for a webhook with exactly this body.
pub fn webhook_signature(credentials: &Credentials, body: &[u8]) -> String {
    hmac_hex(credentials, body)
}

/// Whether a webhook comes from the provider: `key` is `X-Pusher-Key`, `signature` is
/// `X-Pusher-Signature`.
pub fn verify_webhook(credentials: &Credentials, key: &str, signature: &str, body: &[u8]) -> bool {
    equal(key, credentials.key()) && equal(signature, &webhook_signature(credentials, body))
}

fn keyed_signature(credentials: &Credentials, signed: &str) -> String {
    format!("{}:{}", credentials.key(), hmac_hex(credentials, signed.as_bytes()))
}

fn string_to_sign(method: &str, path: &str, parameters: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}\n{path}\n{}", pairs.join("&"))
}

/// A name that occurs twice is rejected: sender and receiver could read different values.
fn parse_query(query: &str) -> Result<BTreeMap<String, String>, RequestError> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(query).map_err(|_| RequestError::Query)?;
    let mut parameters = BTreeMap::new();
    for (name, value) in pairs {
        if parameters.insert(name.to_ascii_lowercase(), value).is_some() {
            return Err(RequestError::Query);
        }
    }
    Ok(parameters)
}

fn require<'a>(
    parameters: &'a BTreeMap<String, String>,
    name: &'static str,
) -> Result<&'a str, RequestError> {
    parameters.get(name).map(String::as_str).ok_or(RequestError::Missing(name))
}

fn take(
    parameters: &mut BTreeMap<String, String>,
    name: &'static str,
) -> Result<String, RequestError> {
    parameters.remove(name).ok_or(RequestError::Missing(name))
}

fn hmac_hex(credentials: &Credentials, signed: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(credentials.secret().as_bytes())
        .expect("HMAC accepts keys of any length");
    mac.update(signed);
    hex::encode(mac.finalize().into_bytes())
}

fn md5_hex(body: &[u8]) -> String {
    hex::encode(Md5::digest(body))
}

/// Compares in constant time; only a difference in length ends early.
fn equal(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}
