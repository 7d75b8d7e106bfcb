//! Why events do not arrive, in words: interprets the response to a signed `GET /channels`.
//!
//! Providers use different words, so the classification looks at the status, at a few words that
//! all of them use, and at the provider's clock. Each text names the variable to check and includes
//! the provider's own message, in case the classification is wrong. None contains a secret.

use thiserror::Error;

use super::credentials::Credentials;
use super::destination::Destination;
use super::response::{BodyEnd, FailureKind, ProviderResponse, RequestFailure};
use super::sign::CLOCK_TOLERANCE_S;

/// The likely cause of a failure. The text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Diagnosis {
    /// The host's name could not be resolved.
    #[error(
        "The host of {destination} is unknown: check PUSHER_HOST, or PUSHER_APP_CLUSTER if \
         PUSHER_HOST is empty. ({cause})"
    )]
    HostUnknown { destination: String, cause: String },

    /// No connection could be established.
    #[error(
        "Nothing answers at {destination}: check PUSHER_HOST and PUSHER_PORT, whether the provider \
         is running, and whether a firewall blocks it. ({cause})"
    )]
    Unreachable { destination: String, cause: String },

    /// A connection, but no TLS.
    #[error(
        "TLS with {destination} failed: check PUSHER_SCHEME and PUSHER_PORT (https needs a TLS \
         port, 443 by default), and the provider's certificate. ({cause})"
    )]
    Tls { destination: String, cause: String },

    /// A connection, but no response: it timed out or broke off.
    #[error(
        "{destination} accepts a connection but sends no response: check PUSHER_HOST, PUSHER_PORT \
         and PUSHER_SCHEME. ({cause})"
    )]
    NoResponse { destination: String, cause: String },

    /// The provider accepted the request, and its response is incomplete.
    #[error(
        "{destination} accepted the request, but its response broke off: check the connection and \
         any proxy in between, and try again"
    )]
    Incomplete { destination: String },

    /// The provider does not know the key. On pusher.com the cluster may be wrong, too.
    #[error(
        "{destination} does not know the key {key}: check PUSHER_APP_KEY, and PUSHER_APP_CLUSTER, \
         as each cluster only knows its own apps. The provider said: {message}"
    )]
    Key { key: String, destination: String, message: String },

    /// The provider does not know the app id.
    #[error(
        "{destination} does not know the app {app_id}: check PUSHER_APP_ID (the app's number, not \
         its key or name) and PUSHER_APP_CLUSTER. The provider said: {message}"
    )]
    App { app_id: String, destination: String, message: String },

    /// The signature is wrong: the secret does not belong to the key.
    #[error(
        "The signature is wrong: check PUSHER_APP_SECRET, which must be the secret of the key \
         {key} (PUSHER_APP_KEY). The provider said: {message}"
    )]
    Secret { key: String, message: String },

    /// The clocks differ too much. The difference is known if the response had a date.
    #[error(
        "The clocks differ by more than {CLOCK_TOLERANCE_S} seconds{}: set this machine's clock. \
         The provider said: {message}",
        clock_difference(*provider_lead_s)
    )]
    Clock { provider_lead_s: Option<i64>, message: String },

    /// The app's quota is used up.
    #[error(
        "The app's quota is used up: check the provider's dashboard for the app of PUSHER_APP_ID. \
         The provider said: {message}"
    )]
    Quota { message: String },

    /// The provider forbids the app, or this request.
    #[error(
        "The provider forbids the request, most likely because the app is disabled: check its \
         dashboard for the app of PUSHER_APP_ID. The provider said: {message}"
    )]
    Disabled { message: String },

    /// The provider has an internal error or is overloaded.
    #[error(
        "The provider is failing or overloaded ({status}): nothing is wrong on this side, try \
         again later. The provider said: {message}"
    )]
    Busy { status: u16, message: String },

    /// The server does not speak the protocol.
    #[error(
        "The server at {destination} does not speak the Pusher protocol (status {status}): check \
         PUSHER_HOST, PUSHER_PORT and the path prefix. It said: {message}"
    )]
    NotAProvider { destination: String, status: u16, message: String },
}

/// The difference as part of a sentence; empty if it is unknown or small.
fn clock_difference(provider_lead_s: Option<i64>) -> String {
    match provider_lead_s {
        Some(lead_s) if lead_s.unsigned_abs() > CLOCK_TOLERANCE_S => {
            let side = if lead_s > 0 { "behind" } else { "ahead of" };
            let difference_s = lead_s.unsigned_abs();
            format!(" (this machine's clock is {difference_s} seconds {side} the provider's)")
        }
        _ => String::new(),
    }
}

/// The provider's message in lower case, without what it only quotes: some providers repeat the
/// string to sign, where `auth_key` and `auth_timestamp` mean nothing.
fn own_words(message: &str) -> String {
    let is_quoted = |word: &&str| word.contains('=');
    let words: Vec<&str> = message.split_whitespace().filter(|word| !is_quoted(word)).collect();
    words.join(" ").to_lowercase()
}

impl Diagnosis {
    /// Interprets the result of a request for the list of channels that did not return one.
    pub(super) fn new(
        destination: &Destination,
        credentials: &Credentials,
        result: Result<ProviderResponse, RequestFailure>,
    ) -> Self {
        match result {
            Ok(response) => Self::from_response(destination, credentials, response),
            Err(failure) => Self::from_failure(destination, failure),
        }
    }

    fn from_failure(destination: &Destination, failure: RequestFailure) -> Self {
        let destination = destination.to_string();
        let cause = failure.message;
        match failure.kind {
            FailureKind::NameResolution => Self::HostUnknown { destination, cause },
            FailureKind::Connect => Self::Unreachable { destination, cause },
            FailureKind::Tls => Self::Tls { destination, cause },
            FailureKind::Timeout | FailureKind::Broken => Self::NoResponse { destination, cause },
        }
    }

    fn from_response(
        destination: &Destination,
        credentials: &Credentials,
        response: ProviderResponse,
    ) -> Self {
        if response.is_success() && response.body_end == BodyEnd::BrokenOff {
            return Self::Incomplete { destination: destination.to_string() };
        }
        let ProviderResponse { status, clock_lead_s, message, .. } = response;
        let words = own_words(&message);
        let says = |any_of: &[&str]| any_of.iter().any(|word| words.contains(word));
        let clock_is_off = clock_lead_s.is_some_and(|s| s.unsigned_abs() > CLOCK_TOLERANCE_S);

        let destination = destination.to_string();
        let key = credentials.key().to_owned();
        let app_id = credentials.app_id().to_owned();
        match status {
            400 | 401 if says(&["timestamp"]) || (status == 401 && clock_is_off) => {
                Self::Clock { provider_lead_s: clock_lead_s, message }
            }
            400 | 401 | 404 if says(&["auth_key", "app key", "cluster"]) => {
                Self::Key { key, destination, message }
            }
            400 | 404 if says(&["app by id", "the app ", "application"]) => {
                Self::App { app_id, destination, message }
            }
            // Some providers look up the key first and then compare its app with the path.
            401 if says(&["app_id"]) => Self::App { app_id, destination, message },
            401 => Self::Secret { key, message },
            403 if says(&["quota", "limit"]) => Self::Quota { message },
            403 => Self::Disabled { message },
            429 | 500.. => Self::Busy { status, message },
            _ => Self::NotAProvider { destination, status, message },
        }
    }
}
