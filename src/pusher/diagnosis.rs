//! Why events do not arrive, in words: the answer to a signed `GET /channels`, interpreted.
//!
//! Providers differ in their words, so the classification looks at the status, at a few words
//! that all of them use, and at the provider's clock. Each sentence names the variable to look
//! at, and carries the provider's own words for the case that the guess is wrong. None contains a
//! secret.

use thiserror::Error;

use super::Credentials;
use super::destination::Destination;
use super::outcome::Answer;
use super::sign::CLOCK_TOLERANCE_S;
use super::transport::{Failure, FailureKind};

/// What is wrong between us and the provider. The text is for whoever set it up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Diagnosis {
    /// Nobody knows the host's name.
    #[error(
        "The host of {destination} is not known: look at PUSHER_HOST, or at PUSHER_APP_CLUSTER \
         when PUSHER_HOST is empty. ({cause})"
    )]
    HostUnknown { destination: String, cause: String },

    /// No connection could be made.
    #[error(
        "Nothing answers at {destination}: look at PUSHER_HOST and PUSHER_PORT, and whether the \
         provider runs and no firewall is between. ({cause})"
    )]
    Unreachable { destination: String, cause: String },

    /// A connection, and no TLS on it.
    #[error(
        "No TLS with {destination}: look at PUSHER_SCHEME and PUSHER_PORT (https needs a TLS \
         port, 443 by default), and at the provider's certificate. ({cause})"
    )]
    Tls { destination: String, cause: String },

    /// A connection, and no answer: none in time, or one that broke off.
    #[error(
        "{destination} takes a connection but gives no answer: look at PUSHER_HOST, PUSHER_PORT \
         and PUSHER_SCHEME. ({cause})"
    )]
    NoAnswer { destination: String, cause: String },

    /// The provider does not know the key; on pusher.com also what a wrong cluster looks like.
    #[error(
        "{destination} does not know the key {key}: look at PUSHER_APP_KEY, and at \
         PUSHER_APP_CLUSTER, as each cluster knows only its own apps. \
         The provider said: {answer}"
    )]
    Key { key: String, destination: String, answer: String },

    /// The provider knows no such app.
    #[error(
        "{destination} knows no app {app_id}: look at PUSHER_APP_ID (the app's number, not its \
         key or its name), and at PUSHER_APP_CLUSTER. The provider said: {answer}"
    )]
    App { app_id: String, destination: String, answer: String },

    /// The signature is wrong: the secret does not belong to the key.
    #[error(
        "The signature is wrong: look at PUSHER_APP_SECRET, which must be the secret of the key \
         {key} (PUSHER_APP_KEY). The provider said: {answer}"
    )]
    Secret { key: String, answer: String },

    /// The clocks differ too much; by how much, when the provider told its time.
    #[error(
        "The clocks differ by more than {CLOCK_TOLERANCE_S} seconds{}: set this machine's clock. \
         The provider said: {answer}",
        in_words(*provider_lead_s)
    )]
    Clock { provider_lead_s: Option<i64>, answer: String },

    /// The app's quota is used up.
    #[error(
        "The app's quota is used up: look at the provider's dashboard for the app of \
         PUSHER_APP_ID. The provider said: {answer}"
    )]
    Quota { answer: String },

    /// The app, or this call, is forbidden.
    #[error(
        "The provider forbids it, most likely because the app is disabled: look at its dashboard \
         for the app of PUSHER_APP_ID. The provider said: {answer}"
    )]
    Disabled { answer: String },

    /// The provider has its own troubles, or too much to do.
    #[error(
        "The provider is in trouble or overloaded ({status}): nothing is wrong here, try again \
         later. The provider said: {answer}"
    )]
    Busy { status: u16, answer: String },

    /// Something answers that does not speak the protocol.
    #[error(
        "What answers at {destination} does not speak the Pusher protocol (status {status}): \
         look at PUSHER_HOST, PUSHER_PORT and the path prefix. It said: {answer}"
    )]
    NotAProvider { destination: String, status: u16, answer: String },
}

/// The provider's lead as part of a sentence; nothing when it is unknown or small.
fn in_words(provider_lead_s: Option<i64>) -> String {
    match provider_lead_s {
        Some(lead_s) if lead_s.unsigned_abs() > CLOCK_TOLERANCE_S => {
            let side = if lead_s > 0 { "behind" } else { "ahead of" };
            let difference_s = lead_s.unsigned_abs();
            format!(" (this machine's is {difference_s} seconds {side} the provider's)")
        }
        _ => String::new(),
    }
}

/// What the provider says, in lower case, without what it only repeats: some quote the string that
/// should have been signed, in which `auth_key` and `auth_timestamp` stand and mean nothing.
fn own_words(answer: &str) -> String {
    let quotes = |word: &&str| word.contains('=');
    let words: Vec<&str> = answer.split_whitespace().filter(|word| !quotes(word)).collect();
    words.join(" ").to_lowercase()
}

impl Diagnosis {
    /// Interprets what came instead of a list of channels.
    pub(super) fn of(
        destination: &Destination,
        credentials: &Credentials,
        result: Result<Answer, Failure>,
    ) -> Self {
        match result {
            Ok(answer) => Self::of_answer(destination, credentials, answer),
            Err(failure) => Self::of_failure(destination, failure),
        }
    }

    fn of_failure(destination: &Destination, failure: Failure) -> Self {
        let destination = destination.to_string();
        let cause = failure.text;
        match failure.kind {
            FailureKind::Name => Self::HostUnknown { destination, cause },
            FailureKind::Connect => Self::Unreachable { destination, cause },
            FailureKind::Tls => Self::Tls { destination, cause },
            FailureKind::Timeout | FailureKind::Broken => Self::NoAnswer { destination, cause },
        }
    }

    fn of_answer(destination: &Destination, credentials: &Credentials, found: Answer) -> Self {
        let Answer { status, clock_lead_s, text: answer, .. } = found;
        let words = own_words(&answer);
        let says = |any_of: &[&str]| any_of.iter().any(|word| words.contains(word));
        let clock_is_off = clock_lead_s.is_some_and(|s| s.unsigned_abs() > CLOCK_TOLERANCE_S);

        let destination = destination.to_string();
        let key = credentials.key().to_owned();
        let app_id = credentials.app_id().to_owned();
        match status {
            400 | 401 if says(&["timestamp"]) || (status == 401 && clock_is_off) => {
                Self::Clock { provider_lead_s: clock_lead_s, answer }
            }
            400 | 401 | 404 if says(&["auth_key", "app key", "cluster"]) => {
                Self::Key { key, destination, answer }
            }
            400 | 404 if says(&["app by id", "the app ", "application"]) => {
                Self::App { app_id, destination, answer }
            }
            // Some look up the key first, and then compare its app with the one of the path.
            401 if says(&["app_id"]) => Self::App { app_id, destination, answer },
            401 => Self::Secret { key, answer },
            403 if says(&["quota", "limit"]) => Self::Quota { answer },
            403 => Self::Disabled { answer },
            429 | 500.. => Self::Busy { status, answer },
            _ => Self::NotAProvider { destination, status, answer },
        }
    }
}
