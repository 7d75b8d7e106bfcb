//! Signs a request, sends it, and reads the response within limits.
//!
//! Every attempt is signed anew, because signatures expire. Some providers close a connection after
//! a response without announcing it. This is not an outage: the request is sent once more, at once,
//! on a new connection. Nothing that leaves this file contains the secret, a signature or a signed
//! URL. The meaning of a response is decided elsewhere.

use std::error::Error as _;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::{Method, Response, header, redirect};

use super::credentials::Credentials;
use super::destination::{Destination, Scheme};
use super::response::{
    BodyEnd, FailureKind, ProviderResponse, RequestFailure, clock_lead_s, parse_retry_after,
};
use super::sanitize::sanitize;
use super::sign;

/// Maximum number of idle connections in the pool: as many as there can be concurrent requests
/// (one per lane), so that none of them has to open a new connection each time.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// Maximum number of bytes of a response's body, unless the request expects a list. The rest is not
/// read.
pub(super) const MAX_BODY_BYTES: usize = 256 * 1024;

/// Maximum number of bytes of a list of channels: enough for more than 100,000 channels.
pub(super) const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

const LIBRARY: &str = concat!("matchcast ", env!("CARGO_PKG_VERSION"));

/// The headers that every request has in common, as HTTP/1.1 writes them.
const COMMON_HEADERS: &str = concat!(
    "content-type: application/json\r\nx-pusher-library: matchcast ",
    env!("CARGO_PKG_VERSION"),
    "\r\nuser-agent: matchcast/",
    env!("CARGO_PKG_VERSION"),
    "\r\naccept: */*\r\n"
);

/// The timeouts of a request.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For establishing a connection, including TLS.
    pub connect: Duration,
    /// For one attempt, up to the end of the response.
    pub request: Duration,
}

/// Sends the requests of one app to one provider.
pub(super) struct Transport {
    destination: Destination,
    credentials: Credentials,
    pooled: reqwest::Client,
    /// Has no pool: every request opens a connection.
    unpooled: reqwest::Client,
    /// Number of attempts through `pooled` so far, including those in progress.
    attempts: AtomicUsize,
}

/// One unsigned request. The path is the one that is signed, without the destination's prefix.
pub(super) struct Request {
    pub method: Method,
    pub path: String,
    pub body: Vec<u8>,
    /// Maximum number of bytes of the response's body.
    pub response_limit: usize,
}

impl Transport {
    pub fn new(
        destination: Destination,
        credentials: Credentials,
        timeouts: Timeouts,
    ) -> Result<Self, reqwest::Error> {
        let builder = || {
            let builder = reqwest::Client::builder()
                .connect_timeout(timeouts.connect)
                .timeout(timeouts.request)
                .redirect(redirect::Policy::none())
                .user_agent(LIBRARY.replace(' ', "/"));
            if destination.is_local() { builder.no_proxy() } else { builder }
        };
        let pooled = builder().pool_max_idle_per_host(MAX_IDLE_CONNECTIONS).build()?;
        let unpooled = builder().pool_max_idle_per_host(0).build()?;
        Ok(Self { destination, credentials, pooled, unpooled, attempts: AtomicUsize::new(0) })
    }

    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Makes one attempt, or two if the first failed on a connection that may have been reused.
    ///
    /// Whether it was reused is not visible here. It cannot have been if this is the only attempt
    /// so far, because only another attempt can have opened it. The second attempt always opens a
    /// connection, so there is never a third.
    ///
    /// `request` is called for each attempt, because parts of a request (nonces) are for one
    /// attempt only.
    pub async fn exchange(
        &self,
        request: impl Fn() -> Request,
    ) -> Result<ProviderResponse, RequestFailure> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let first = self.attempt(&self.pooled, request()).await;
        let is_only_attempt = self.attempts.load(Ordering::Relaxed) == 1;
        match first {
            Err(failure) if failure.kind == FailureKind::Broken && !is_only_attempt => {
                let cause = failure.message;
                tracing::debug!(cause, "a pooled connection was closed; opening a new one");
                self.attempt(&self.unpooled, request()).await
            }
            result => result,
        }
    }

    /// The size of a request in HTTP/1.1, from the method to the end of the body. It is a few bytes
    /// too large if the port is the scheme's default.
    ///
    /// Headers that a proxy adds are unknown and not counted.
    pub fn request_bytes(&self, request: &Request) -> usize {
        let query = self.signed_query(request, SystemTime::now());
        let Request { method, path, body, .. } = request;
        let (host, port) = (self.destination.host(), self.destination.port());
        let head = format!(
            "{method} {}{path}?{query} HTTP/1.1\r\n{COMMON_HEADERS}host: {host}:{port}\r\n\
             content-length: {}\r\n\r\n",
            self.destination.path_prefix(),
            body.len()
        );
        head.len() + body.len()
    }

    fn signed_query(&self, request: &Request, now: SystemTime) -> String {
        let now_s = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let Request { method, path, body, .. } = request;
        sign::signed_query(&self.credentials, method.as_str(), path, &[], body, now_s)
    }

    async fn attempt(
        &self,
        http: &reqwest::Client,
        request: Request,
    ) -> Result<ProviderResponse, RequestFailure> {
        let now = SystemTime::now();
        let query = self.signed_query(&request, now);
        let Request { method, path, body, response_limit } = request;
        let signature = query.rsplit_once('=').map_or("", |(_, signature)| signature);
        let secrets = [self.credentials.secret(), signature];

        let request = http
            .request(method, format!("{}{path}?{query}", self.destination))
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Pusher-Library", LIBRARY)
            .body(body);
        match request.send().await {
            Ok(response) => Ok(read_response(response, response_limit, now, &secrets).await),
            Err(error) => Err(read_failure(error, self.destination.scheme(), &secrets)),
        }
    }
}

/// The status is known from here on: a body that breaks off does not turn it into a failure.
async fn read_response(
    mut response: Response,
    limit: usize,
    sent: SystemTime,
    secrets: &[&str],
) -> ProviderResponse {
    let field = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let status = response.status().as_u16();
    let retry_after =
        field(header::RETRY_AFTER).and_then(|value| parse_retry_after(value, SystemTime::now()));
    let clock_lead_s = field(header::DATE).and_then(|value| clock_lead_s(value, sent));
    let mut body = Vec::new();
    let body_end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break BodyEnd::Complete,
            Err(_) => break BodyEnd::BrokenOff,
        }
        if body.len() > limit {
            break BodyEnd::TooLarge;
        }
    };
    let beginning = &body[..body.len().min(MAX_BODY_BYTES)];
    let message = sanitize(&String::from_utf8_lossy(beginning), secrets);
    ProviderResponse { status, retry_after, clock_lead_s, message, body, body_end }
}

/// The kind of a connection error is derived from the texts of its causes, as their types are
/// private. A wrong kind makes the diagnosis less precise and changes nothing else.
fn read_failure(error: reqwest::Error, scheme: Scheme, secrets: &[&str]) -> RequestFailure {
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    let kind = if is_connect && text.contains("dns error") {
        FailureKind::NameResolution
    } else if is_connect && scheme == Scheme::Https && !text.contains("tcp connect error") {
        if is_timeout { FailureKind::Connect } else { FailureKind::Tls }
    } else if is_connect {
        FailureKind::Connect
    } else if is_timeout {
        FailureKind::Timeout
    } else {
        FailureKind::Broken
    };
    RequestFailure { kind, message: sanitize(&text, secrets) }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("destination", &self.destination)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
