//! How one call reaches the provider: signed, sent, its answer read within limits.
//!
//! Every attempt is signed anew, because a signature ages. A connection that the provider closed
//! after its last answer without saying so is not an outage: the call is made once more, at once,
//! on a fresh connection. Nothing that leaves this file contains the secret, a signature or a
//! signed URL. What an answer means is not decided here.

use std::error::Error as _;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use reqwest::{Method, Response, header, redirect};

use super::client::Timeouts;
use super::destination::{Destination, Scheme};
use super::outcome::{Answer, Outcome, clock_lead_s, parse_retry_after, tidy};
use super::{Credentials, sign};

/// Sends the calls of one app to one provider.
pub(super) struct Transport {
    destination: Destination,
    credentials: Credentials,
    pooled: reqwest::Client,
    /// Has no pool: each of its calls opens a connection.
    fresh: reqwest::Client,
    /// Attempts that `pooled` was ever asked for, those under way included.
    attempts: AtomicUsize,
}

/// One call, unsigned. The path is the one that is signed: a prefix of the destination is not
/// part of it.
pub(super) struct Call {
    pub method: Method,
    pub path: String,
    pub body: Vec<u8>,
}

/// Why there is no answer. `text` is tidied.
#[derive(Debug)]
pub(super) struct Failure {
    pub kind: FailureKind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The host's name is not known.
    Name,
    /// No connection: refused, no route, or nobody answered in time.
    Connect,
    Tls,
    /// Connected, and no answer in time.
    Timeout,
    /// Connected, and what came was not even the head of an answer.
    Broken,
}

/// Connections that are kept for the next calls: as many as there may be calls at the same time,
/// so that none of them has to open one each time.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// What a provider may answer at most, in bytes; the rest is not read.
const MAX_BODY_BYTES: usize = 256 * 1024;

const LIBRARY: &str = concat!("matchcast ", env!("CARGO_PKG_VERSION"));

/// The headers that are the same in every call, as HTTP/1.1 writes them.
const SAME_HEADERS: &str = concat!(
    "content-type: application/json\r\nx-pusher-library: matchcast ",
    env!("CARGO_PKG_VERSION"),
    "\r\nuser-agent: matchcast/",
    env!("CARGO_PKG_VERSION"),
    "\r\naccept: */*\r\n"
);

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
        let fresh = builder().pool_max_idle_per_host(0).build()?;
        Ok(Self { destination, credentials, pooled, fresh, attempts: AtomicUsize::new(0) })
    }

    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// One attempt, or two when the first died on a connection that may have been used before.
    ///
    /// Whether it was cannot be seen from here, but only another attempt can have used it: as long
    /// as there was none, before or beside this one, the connection was fresh. The second attempt
    /// has a connection of its own, so there is never a third.
    ///
    /// The call is made anew for each attempt, as what is in it may be good for one only.
    pub async fn exchange(&self, call: impl Fn() -> Call) -> Result<Answer, Failure> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let first = self.attempt(&self.pooled, call()).await;
        let is_alone = self.attempts.load(Ordering::Relaxed) == 1;
        match first {
            Err(failure) if failure.kind == FailureKind::Broken && !is_alone => {
                tracing::debug!(cause = failure.text, "a pooled connection was dead, trying anew");
                self.attempt(&self.fresh, call()).await
            }
            result => result,
        }
    }

    /// How many bytes a call with a body has on the wire in HTTP/1.1, from its method to the end
    /// of its body; by a few bytes more than it has where the port is its scheme's own.
    ///
    /// What a proxy on the way adds to the headers is not known here, and not counted.
    pub fn request_bytes(&self, call: &Call) -> usize {
        let query = self.signed_query(call, SystemTime::now());
        let Call { method, path, body } = call;
        let (host, port) = (self.destination.host(), self.destination.port());
        let head = format!(
            "{method} {}{path}?{query} HTTP/1.1\r\n{SAME_HEADERS}host: {host}:{port}\r\n\
             content-length: {}\r\n\r\n",
            self.destination.path_prefix(),
            body.len()
        );
        head.len() + body.len()
    }

    fn signed_query(&self, call: &Call, now: SystemTime) -> String {
        let now_s = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let Call { method, path, body } = call;
        sign::signed_query(&self.credentials, method.as_str(), path, &[], body, now_s)
    }

    async fn attempt(&self, http: &reqwest::Client, call: Call) -> Result<Answer, Failure> {
        let now = SystemTime::now();
        let query = self.signed_query(&call, now);
        let Call { method, path, body } = call;
        let signature = query.rsplit_once('=').map_or("", |(_, signature)| signature);
        let secrets = [self.credentials.secret(), signature];

        let request = http
            .request(method, format!("{}{path}?{query}", self.destination))
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Pusher-Library", LIBRARY)
            .body(body);
        match request.send().await {
            Ok(response) => Ok(read_answer(response, now, &secrets).await),
            Err(error) => Err(Failure::new(error, self.destination.scheme(), &secrets)),
        }
    }
}

/// The status counts from here on: a body that breaks off does not turn an answer into none.
async fn read_answer(mut response: Response, sent: SystemTime, secrets: &[&str]) -> Answer {
    let field = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let status = response.status().as_u16();
    let retry_after =
        field(header::RETRY_AFTER).and_then(|value| parse_retry_after(value, SystemTime::now()));
    let clock_lead_s = field(header::DATE).and_then(|value| clock_lead_s(value, sent));
    let mut body = Vec::new();
    while body.len() < MAX_BODY_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    let text = tidy(&String::from_utf8_lossy(&body), secrets);
    Answer { status, retry_after, clock_lead_s, text, body }
}

impl Failure {
    /// The kind of a connection error is told by the words of its causes, as their types are
    /// private; a wrong guess makes the diagnosis less precise and changes nothing else.
    fn new(error: reqwest::Error, scheme: Scheme, secrets: &[&str]) -> Self {
        let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        let kind = if is_connect && text.contains("dns error") {
            FailureKind::Name
        } else if is_connect && scheme == Scheme::Https && !text.contains("tcp connect error") {
            if is_timeout { FailureKind::Connect } else { FailureKind::Tls }
        } else if is_connect {
            FailureKind::Connect
        } else if is_timeout {
            FailureKind::Timeout
        } else {
            FailureKind::Broken
        };
        Self { kind, text: tidy(&text, secrets) }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Retry { after: None, reason: failure.text }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("destination", &self.destination)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
