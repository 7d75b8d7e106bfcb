//! Our side of the provider's REST interface: which call says what.
//!
//! An answer, or its absence, becomes an [`Outcome`]; no call panics on what a provider answers,
//! or waits longer than its timeouts. How a call is signed and sent is the transport's business.
//! As a call has no idempotency key, an event may arrive twice.
//!
//! It does not queue, wait or retry; that is the caller's business. It does not look at the
//! contents of events: the provider's answer says what was wrong with one.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::body::Publishing;
use super::destination::Destination;
use super::diagnosis::Diagnosis;
use super::outcome::{Answer, Outcome};
use super::transport::{Call, Transport};
use super::{Credentials, MAX_EVENTS_PER_BATCH, SocketId, is_encrypted};

/// One event for one channel.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    pub name: &'a str,
    /// A channel name, or `#server-to-user-{id}` for one user's signed-in connections.
    pub channel: &'a str,
    /// What pages receive, as a string: JSON inside JSON. At most [`data_limit`] of its channel.
    ///
    /// [`data_limit`]: super::data_limit
    pub data: &'a str,
    /// The connection that caused the event and shall not hear of it.
    pub socket_id: Option<&'a SocketId>,
}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until a connection stands, TLS included.
    pub connect: Duration,
    /// Until an attempt has its whole answer.
    pub request: Duration,
}

/// Why there can be no client. The text names the variable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    #[error("PUSHER_APP_ID must be letters, digits, _ and -, and not empty")]
    AppId,
    #[error("PUSHER_APP_KEY must be printable ASCII without spaces, and not empty")]
    Key,
    #[error("PUSHER_APP_SECRET must not be empty")]
    Secret,
    #[error("the HTTP client cannot start: {0}")]
    Http(String),
}

/// A client for one app at one provider. Meant to be kept: it pools connections.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    /// Most bytes of a call that publishes several events, head and body.
    request_limit: Option<usize>,
}

#[derive(Deserialize)]
struct ChannelsBody {
    channels: Value,
}

impl Client {
    /// Checks what would otherwise end up in a URL unseen; opens no connection.
    ///
    /// A proxy of the environment (`HTTPS_PROXY`, …) is used unless the provider is local.
    pub fn new(
        destination: Destination,
        credentials: Credentials,
        timeouts: Timeouts,
    ) -> Result<Self, ClientError> {
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if credentials.app_id().is_empty() || !credentials.app_id().bytes().all(is_word) {
            return Err(ClientError::AppId);
        }
        if credentials.key().is_empty() || !credentials.key().bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(ClientError::Key);
        }
        if credentials.secret().is_empty() {
            return Err(ClientError::Secret);
        }
        let transport = Transport::new(destination, credentials, timeouts)
            .map_err(|error| ClientError::Http(error.without_url().to_string()))?;
        Ok(Self { transport, request_limit: None })
    }

    /// The same client, for a provider that takes only so many bytes in one HTTP request (Reverb
    /// takes 10,000, headers included). It decides [`Client::fitting`] and nothing else.
    pub fn with_request_limit(self, bytes: usize) -> Self {
        Self { request_limit: Some(bytes), ..self }
    }

    pub fn destination(&self) -> &Destination {
        self.transport.destination()
    }

    /// How many of the first events one call may carry: at most [`MAX_EVENTS_PER_BATCH`], and no
    /// more than make an HTTP request within the limit, every byte of it counted, with encrypted
    /// data as it is sent. At least one, if there is one: whether an event passes that is too
    /// long by itself is for the provider to say.
    pub fn fitting(&self, events: &[Event<'_>]) -> usize {
        let most = events.len().min(MAX_EVENTS_PER_BATCH);
        let Some(limit) = self.request_limit else { return most };
        // What cannot be sent at all fits with nothing, and is rejected alone.
        let fits = |count: &usize| {
            self.publishing(&events[..*count])
                .is_some_and(|call| self.transport.request_bytes(&call) <= limit)
        };
        // Most often all of them fit, so the search starts there.
        (2..=most).rev().find(fits).unwrap_or(most.min(1))
    }

    /// Posts events in one call, in their order. None is [`Outcome::Delivered`].
    ///
    /// The data of an event on an encrypted channel is encrypted, under a new nonce for each
    /// attempt. Without a master key such an event is rejected, and with it the whole call, of
    /// which nothing is sent.
    ///
    /// # Panics
    /// If there are more than [`MAX_EVENTS_PER_BATCH`].
    pub async fn publish(&self, events: &[Event<'_>]) -> Outcome {
        assert!(events.len() <= MAX_EVENTS_PER_BATCH, "a batch has at most 10 events");
        if events.is_empty() {
            return Outcome::Delivered;
        }
        let must_seal = events.iter().any(|event| is_encrypted(event.channel));
        if must_seal && !self.transport.credentials().has_master_key() {
            let answer = "an event is for an encrypted channel, and no encryption master key is \
                          set (PUSHER_ENCRYPTION_MASTER_KEY_BASE64)";
            return Outcome::Rejected { status: None, answer: answer.to_owned() };
        }
        self.act(|| self.publishing(events).expect("there is a master key if one is needed")).await
    }

    /// Ends the connections that have signed in as this user; to have none is no error. It bars
    /// nobody from connecting again: what would be signed next is for the caller to refuse.
    ///
    /// An id that cannot stand in a path (empty, or dots alone) is rejected without a call.
    pub async fn terminate_connections(&self, user_id: &str) -> Outcome {
        // Such a segment would be resolved away before it is sent, even when it is encoded.
        if matches!(user_id, "" | "." | "..") {
            let answer = "the id of a user cannot be empty or dots".to_owned();
            return Outcome::Rejected { status: None, answer };
        }
        let user_id = utf8_percent_encode(user_id, NON_ALPHANUMERIC);
        let path = format!("/users/{user_id}/terminate_connections");
        self.act(|| self.post(&path, b"{}".to_vec())).await
    }

    /// The names of the channels that have subscribers, sorted. The error is never `Delivered`.
    pub async fn channels(&self) -> Result<Vec<String>, Outcome> {
        match self.transport.exchange(|| self.get_channels()).await {
            Ok(answer) if answer.is_success() => match channel_names(&answer) {
                Some(names) => Ok(names),
                None => Err(Outcome::Refused { status: answer.status, answer: answer.text }),
            },
            Ok(answer) => Err(answer.into()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Asks for the channels, and says in words what is wrong when that fails.
    pub async fn diagnose(&self) -> Result<(), Diagnosis> {
        let answer = self.transport.exchange(|| self.get_channels()).await;
        if answer.as_ref().is_ok_and(|answer| channel_names(answer).is_some()) {
            return Ok(());
        }
        Err(Diagnosis::of(self.destination(), self.transport.credentials(), answer))
    }

    fn get_channels(&self) -> Call {
        Call { method: Method::GET, path: self.path("/channels"), body: Vec::new() }
    }

    fn publishing(&self, events: &[Event<'_>]) -> Option<Call> {
        let Publishing { path, body } = Publishing::of(self.transport.credentials(), events)?;
        Some(self.post(path, body))
    }

    fn post(&self, path: &str, body: Vec<u8>) -> Call {
        Call { method: Method::POST, path: self.path(path), body }
    }

    fn path(&self, rest: &str) -> String {
        format!("/apps/{}{rest}", self.transport.credentials().app_id())
    }

    async fn act(&self, call: impl Fn() -> Call) -> Outcome {
        self.transport.exchange(call).await.map_or_else(Outcome::from, Outcome::from)
    }
}

/// Some providers write the empty map as an empty list.
fn channel_names(answer: &Answer) -> Option<Vec<String>> {
    if !answer.is_success() {
        return None;
    }
    let body: ChannelsBody = serde_json::from_slice(&answer.body).ok()?;
    match body.channels {
        Value::Object(channels) => Some(channels.into_iter().map(|(name, _)| name).collect()),
        Value::Array(channels) if channels.is_empty() => Some(Vec::new()),
        _ => None,
    }
}
