//! The REST client: one method per request of the provider's API.
//!
//! Every response, and every failure to get one, becomes an [`Outcome`]. No response of a provider
//! causes a panic, and no request takes longer than its timeouts. Requests have no idempotency key,
//! so an event may arrive twice.
//!
//! The client does not queue, wait or retry; its caller does. It does not inspect the contents of
//! events: the provider's response says what is wrong with one.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::body::PublishRequest;
use super::credentials::Credentials;
use super::destination::Destination;
use super::diagnosis::Diagnosis;
use super::event::OutgoingEvent;
use super::limits::MAX_EVENTS_PER_BATCH;
use super::names::is_encrypted;
use super::outcome::Outcome;
use super::response::{BodyEnd, ProviderResponse};
use super::transport::{MAX_BODY_BYTES, MAX_LIST_BYTES, Request, Timeouts, Transport};

/// Why a client cannot be created. The text names the variable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    #[error("PUSHER_APP_ID must consist of letters, digits, _ and -, and must not be empty")]
    AppId,
    #[error("PUSHER_APP_KEY must be printable ASCII without spaces, and must not be empty")]
    Key,
    #[error("PUSHER_APP_SECRET must not be empty")]
    Secret,
    #[error("the HTTP client cannot be created: {0}")]
    Http(String),
}

/// A client for one app at one provider. Keep it: it pools connections.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    /// Maximum number of events in a request.
    max_events: usize,
    /// Maximum size of a request that publishes several events, in bytes, including headers.
    request_limit: Option<usize>,
}

#[derive(Deserialize)]
struct ChannelsBody {
    channels: Value,
}

impl Client {
    /// Checks the values that become part of a URL; opens no connection.
    ///
    /// A proxy named in the environment (`HTTPS_PROXY`, …) is used unless the provider is local.
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
        Ok(Self { transport, max_events: MAX_EVENTS_PER_BATCH, request_limit: None })
    }

    /// Limits the size of a request with several events, for providers that have such a limit
    /// (Reverb accepts 10,000 bytes, including headers). Only [`Client::fitting`] uses it.
    pub fn with_request_limit(self, bytes: usize) -> Self {
        Self { request_limit: Some(bytes), ..self }
    }

    /// Allows as many events in a request, at least one, for providers that accept larger batches
    /// than [`MAX_EVENTS_PER_BATCH`]: Sockudo (`event_limits.max_batch_size`), soketi
    /// (`SOKETI_EVENT_MAX_BATCH_SIZE`), Pusher's dedicated clusters.
    pub fn with_max_events(self, max_events: usize) -> Self {
        Self { max_events: max_events.max(1), ..self }
    }

    /// Maximum number of events in a request.
    pub fn max_events(&self) -> usize {
        self.max_events
    }

    pub fn destination(&self) -> &Destination {
        self.transport.destination()
    }

    /// How many of the first events fit into one request: at most [`Client::max_events`], and no
    /// more than the request limit allows. Every byte of the HTTP request counts, and encrypted
    /// data counts as it is sent. At least one if there is one: the provider decides whether a
    /// single event is too large.
    pub fn fitting(&self, events: &[OutgoingEvent<'_>]) -> usize {
        let max = events.len().min(self.max_events);
        let Some(limit) = self.request_limit else { return max };
        // An event that cannot be sent at all fits with no others; `publish` rejects it alone.
        let fits = |count: usize| {
            self.publish_request(&events[..count])
                .is_some_and(|request| self.transport.request_bytes(&request) <= limit)
        };
        // Usually all of them fit, so the search starts there.
        if max < 2 || fits(max) {
            return max;
        }
        let (mut fitting, mut too_many) = (1, max);
        while too_many - fitting > 1 {
            let middle = usize::midpoint(fitting, too_many);
            if fits(middle) { fitting = middle } else { too_many = middle }
        }
        fitting
    }

    /// Posts events in one request, in order. An empty list is [`Outcome::Delivered`].
    ///
    /// The data of events on encrypted channels is encrypted, with a new nonce for each attempt. If
    /// there is no master key, the whole request is rejected and nothing is sent.
    ///
    /// # Panics
    /// If there are more than [`Client::max_events`] events.
    pub async fn publish(&self, events: &[OutgoingEvent<'_>]) -> Outcome {
        assert!(events.len() <= self.max_events, "a request has too many events");
        if events.is_empty() {
            return Outcome::Delivered;
        }
        let must_encrypt = events.iter().any(|event| is_encrypted(event.channel));
        if must_encrypt && !self.transport.credentials().has_master_key() {
            let message = "an event is for an encrypted channel, and no encryption master key is \
                           set (PUSHER_ENCRYPTION_MASTER_KEY_BASE64)";
            return Outcome::Rejected { status: None, message: message.to_owned() };
        }
        let request = || self.publish_request(events).expect("a required master key is present");
        self.send(request).await
    }

    /// Ends the connections that have signed in as this user. It is no error if there are none.
    /// The user can connect again, unless the application refuses to sign the next sign-in.
    ///
    /// An id that cannot be part of a path (empty, `.` or `..`) is rejected without a request.
    pub async fn terminate_connections(&self, user_id: &str) -> Outcome {
        // URL parsers remove such a segment, even if it is percent-encoded.
        if matches!(user_id, "" | "." | "..") {
            let message = "the id of a user cannot be empty or consist of dots".to_owned();
            return Outcome::Rejected { status: None, message };
        }
        let user_id = utf8_percent_encode(user_id, NON_ALPHANUMERIC);
        let path = format!("/users/{user_id}/terminate_connections");
        self.send(|| self.post(&path, b"{}".to_vec())).await
    }

    /// The names of the channels that have subscribers, sorted. The error is never `Delivered`.
    pub async fn channels(&self) -> Result<Vec<String>, Outcome> {
        match self.transport.exchange(|| self.get_channels()).await {
            Ok(response) if response.is_success() => match channel_names(&response) {
                Some(names) => Ok(names),
                None => Err(no_list(response)),
            },
            Ok(response) => Err(response.into()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Requests the list of channels and, if that fails, returns the likely cause.
    pub async fn diagnose(&self) -> Result<(), Diagnosis> {
        let result = self.transport.exchange(|| self.get_channels()).await;
        // A list that is too large to read shows as well that the request was accepted.
        let is_list = |response: &ProviderResponse| {
            channel_names(response).is_some() || begins_large_list(response)
        };
        if result.as_ref().is_ok_and(is_list) {
            return Ok(());
        }
        Err(Diagnosis::new(self.destination(), self.transport.credentials(), result))
    }

    fn get_channels(&self) -> Request {
        Request {
            method: Method::GET,
            path: self.path("/channels"),
            body: Vec::new(),
            response_limit: MAX_LIST_BYTES,
        }
    }

    fn publish_request(&self, events: &[OutgoingEvent<'_>]) -> Option<Request> {
        let PublishRequest { path, body } =
            PublishRequest::new(self.transport.credentials(), events)?;
        Some(self.post(path, body))
    }

    fn post(&self, path: &str, body: Vec<u8>) -> Request {
        let path = self.path(path);
        Request { method: Method::POST, path, body, response_limit: MAX_BODY_BYTES }
    }

    fn path(&self, rest: &str) -> String {
        format!("/apps/{}{rest}", self.transport.credentials().app_id())
    }

    async fn send(&self, request: impl Fn() -> Request) -> Outcome {
        self.transport.exchange(request).await.map_or_else(Outcome::from, Outcome::from)
    }
}

/// Some providers write an empty map as an empty list.
fn channel_names(response: &ProviderResponse) -> Option<Vec<String>> {
    if !response.is_success() {
        return None;
    }
    let body: ChannelsBody = serde_json::from_slice(&response.body).ok()?;
    match body.channels {
        Value::Object(channels) => Some(channels.into_iter().map(|(name, _)| name).collect()),
        Value::Array(channels) if channels.is_empty() => Some(Vec::new()),
        _ => None,
    }
}

fn begins_large_list(response: &ProviderResponse) -> bool {
    response.is_success()
        && response.body_end == BodyEnd::TooLarge
        && response.body.starts_with(br#"{"channels":"#)
}

/// The outcome of a successful response without a list of channels. An incomplete list says nothing
/// against the configuration.
fn no_list(response: ProviderResponse) -> Outcome {
    let ProviderResponse { status, message, body_end, .. } = response;
    let reason = match body_end {
        BodyEnd::Complete => return Outcome::Refused { status, message },
        BodyEnd::BrokenOff => "the response with the list of channels broke off".to_owned(),
        BodyEnd::TooLarge => {
            format!("the list of channels is larger than {MAX_LIST_BYTES} bytes")
        }
    };
    Outcome::Retry { status: Some(status), after: None, reason }
}
