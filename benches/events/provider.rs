//! A slow provider: it responds to each request 50 ms after its arrival, or after another time,
//! regardless of the number of concurrent requests. It verifies signatures and records the events
//! in order of arrival.
//!
//! It runs in its own thread, so that the rest of the benchmark does not delay it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use matchcast::pusher::{Credentials, sign};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::received::{EventLog, ReceivedEvent};

pub const APP_ID: &str = "1001";
pub const KEY: &str = "bench-key";
pub const SECRET: &str = "bench-secret";
/// The same credentials as environment variables of matchcast.
pub const APP: [(&str, &str); 3] =
    [("PUSHER_APP_ID", APP_ID), ("PUSHER_APP_KEY", KEY), ("PUSHER_APP_SECRET", SECRET)];

/// The variables of a matchcast that publishes to the provider at this port.
pub fn variables(port: &str) -> [(&str, &str); 7] {
    let [id, key, secret] = APP;
    [
        ("BROADCAST_CONNECTION", "pusher"),
        ("PUSHER_HOST", "127.0.0.1"),
        ("PUSHER_PORT", port),
        ("PUSHER_SCHEME", "http"),
        id,
        key,
        secret,
    ]
}

/// From the arrival of a request to its response.
pub const RESPONSE_TIME: Duration = Duration::from_millis(50);

/// The maximum number of connections waiting to be accepted.
const BACKLOG: u32 = 4_096;
/// The pause after a failure to accept a connection because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(5);

/// Statistics of the requests received so far.
#[derive(Clone, Debug, Default)]
pub struct RequestStats {
    pub connections: usize,
    pub count: usize,
    /// The highest number of requests in flight at the same time.
    pub max_concurrent: usize,
    /// Events that arrived while another request with an event of their channel was in flight. The
    /// sender did not ensure their order.
    pub racing: usize,
    first_request: Option<Instant>,
    last_response: Option<Instant>,
    in_flight: usize,
    /// Requests in flight with events of a user.
    in_flight_by_user: HashMap<i64, usize>,
}

impl RequestStats {
    /// From `start`, or from the first request if it came earlier, to the last response.
    pub fn elapsed_since(&self, start: Instant) -> Duration {
        let (first, last) = self.first_request.zip(self.last_response).expect("a request");
        last - first.min(start)
    }

    fn record_start(&mut self, at: Instant, received: &[ReceivedEvent]) {
        self.first_request.get_or_insert(at);
        self.count += 1;
        self.in_flight += 1;
        self.max_concurrent = self.max_concurrent.max(self.in_flight);
        let is_racing = |event: &&ReceivedEvent| self.in_flight_by_user.contains_key(&event.user);
        self.racing += received.iter().filter(is_racing).count();
        for user in users(received) {
            *self.in_flight_by_user.entry(user).or_default() += 1;
        }
    }

    fn record_end(&mut self, received: &[ReceivedEvent]) {
        self.last_response = Some(Instant::now());
        self.in_flight -= 1;
        for user in users(received) {
            if let Entry::Occupied(mut count) = self.in_flight_by_user.entry(user) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}

fn users(received: &[ReceivedEvent]) -> HashSet<i64> {
    received.iter().map(|event| event.user).collect()
}

/// A running provider. Dropping it stops the provider.
pub struct Provider {
    pub port: u16,
    /// The accepted events. They are added after the response time.
    log: EventLog,
    stats: Arc<Mutex<RequestStats>>,
    _stop: oneshot::Sender<()>,
}

impl Provider {
    pub fn start() -> Self {
        Self::start_with(RESPONSE_TIME)
    }

    /// One that needs this long for a response.
    pub fn start_with(response_time: Duration) -> Self {
        let (log, stats) = (EventLog::new(), Arc::<Mutex<RequestStats>>::default());
        let (stop, stopped) = oneshot::channel();
        let (started, starting) = std::sync::mpsc::channel();
        let shared = Shared { log: log.clone(), stats: stats.clone(), response_time };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
                let listener = socket.listen(BACKLOG).expect("the port is ours");
                let port = listener.local_addr().expect("it is bound").port();
                started.send(port).expect("the main thread waits");
                tokio::select! {
                    () = serve(listener, shared) => {}
                    // The provider was dropped, so the measurement is over.
                    _ = stopped => {}
                }
            });
        });
        let port = starting.recv().expect("the provider starts");
        Self { port, log, stats, _stop: stop }
    }

    pub fn stats(&self) -> RequestStats {
        lock(&self.stats).clone()
    }

    /// Forgets the events accepted so far.
    pub fn forget(&self) {
        self.log.take();
    }

    /// Waits for this number of accepted events and returns them in order of arrival.
    pub async fn received(&self, count: usize) -> Vec<ReceivedEvent> {
        self.log.wait_for(count).await;
        let mut received = self.log.take();
        received.sort_by_key(|event| event.at);
        received
    }
}

#[derive(Clone)]
struct Shared {
    log: EventLog,
    stats: Arc<Mutex<RequestStats>>,
    response_time: Duration,
}

fn lock(stats: &Mutex<RequestStats>) -> MutexGuard<'_, RequestStats> {
    stats.lock().expect("no panic while the lock is held")
}

async fn serve(listener: TcpListener, shared: Shared) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true).expect("a socket");
                lock(&shared.stats).connections += 1;
                tokio::spawn(handle_connection(stream, shared.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn handle_connection(mut stream: TcpStream, shared: Shared) {
    let credentials = Credentials::new(APP_ID, KEY, SECRET);
    let mut buffer = Vec::with_capacity(8_192);
    while let Some(request) = Request::read(&mut stream, &mut buffer).await {
        let arrived = Instant::now();
        let verified = request.events(&credentials, arrived);
        let status = if verified.is_some() { "200 OK" } else { "401 Unauthorized" };
        let received = verified.unwrap_or_default();
        lock(&shared.stats).record_start(arrived, &received);
        tokio::time::sleep_until((arrived + shared.response_time).into()).await;
        lock(&shared.stats).record_end(&received);
        shared.log.add(&received);
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        if stream.write_all(response.as_bytes()).await.is_err() || request.is_last {
            return;
        }
        let read = request.len;
        buffer.drain(..read);
    }
}

/// A complete request.
struct Request {
    method: String,
    path: String,
    query: String,
    body: Vec<u8>,
    /// The client asked to close the connection.
    is_last: bool,
    /// The length in the buffer, in bytes.
    len: usize,
}

impl Request {
    /// `None` if the client closed the connection.
    async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Self> {
        loop {
            if let Some(request) = Self::parse(buffer) {
                return Some(request);
            }
            if stream.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// `None` if the request is incomplete.
    fn parse(buffer: &[u8]) -> Option<Self> {
        let head_len = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&buffer[..head_len]).expect("a head is text");
        let field = |wanted: &'static str| {
            let fields = head.lines().filter_map(|line| line.split_once(": "));
            fields
                .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value)
        };
        let length =
            field("content-length").next().map_or(0, |text| text.parse().expect("a length"));
        let len = head_len + length;
        let body = buffer.get(head_len..len)?.to_vec();
        let is_last = field("connection").any(|value| value.eq_ignore_ascii_case("close"));
        let mut words = head.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?')?;
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        Some(Self { method, path, query, body, is_last, len })
    }

    /// The events of the request. `None` if the signature is invalid.
    fn events(&self, credentials: &Credentials, at: Instant) -> Option<Vec<ReceivedEvent>> {
        let Self { method, path, query, body, .. } = self;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        sign::verify_request(credentials, method, path, query, body, now.as_secs()).ok()?;
        let body: Body = serde_json::from_slice(body).expect("events");
        let events = match body {
            Body::Batch { batch } => batch,
            Body::Single(event) => vec![event],
        };
        Some(
            events
                .iter()
                .map(|event| ReceivedEvent::parse(event.channel(), &event.data, at))
                .collect(),
        )
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Batch { batch: Vec<Event> },
    Single(Event),
}

#[derive(Deserialize)]
struct Event {
    channel: Option<String>,
    #[serde(default)]
    channels: Vec<String>,
    data: String,
}

impl Event {
    fn channel(&self) -> &str {
        self.channel.as_ref().or(self.channels.first()).expect("a channel")
    }
}
