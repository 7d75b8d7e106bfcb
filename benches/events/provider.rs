//! A provider that needs its time: it answers each call so long after it has arrived, however many
//! there are at once. It checks signatures, and remembers what it was told in the order in which
//! that arrived.
//!
//! It lives in a thread of its own, so that nothing else of the benchmark keeps it waiting.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use matchcast::pusher::{Credentials, sign};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::heard::{Heard, Log};

pub const APP_ID: &str = "1001";
pub const KEY: &str = "bench-key";
pub const SECRET: &str = "bench-secret";
/// The same for matchcast.
pub const APP: [(&str, &str); 3] =
    [("PUSHER_APP_ID", APP_ID), ("PUSHER_APP_KEY", KEY), ("PUSHER_APP_SECRET", SECRET)];
/// From a call's arrival to its answer.
pub const ANSWER_TIME: Duration = Duration::from_millis(50);

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4_096;
/// PendingEvent when no connection can be accepted, because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(5);

/// How it was called.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    pub connections: usize,
    pub count: usize,
    /// Most that were unanswered at the same moment.
    pub most_at_once: usize,
    /// Events that came while a call with an earlier one of their channel was unanswered: nothing
    /// but luck kept them in order.
    pub racing: usize,
    first_arrival: Option<Instant>,
    last_error: Option<Instant>,
    under_way: usize,
    /// Unanswered calls with events of a user.
    of_user: HashMap<i64, usize>,
}

impl Calls {
    /// From then, or from the first call where that came before, to the last answer.
    pub fn elapsed_since(&self, start: Instant) -> Duration {
        let (first, last) = self.first_arrival.zip(self.last_error).expect("a call");
        last - first.min(start)
    }

    fn began(&mut self, at: Instant, heard: &[Heard]) {
        self.first_arrival.get_or_insert(at);
        self.count += 1;
        self.under_way += 1;
        self.most_at_once = self.most_at_once.max(self.under_way);
        let is_racing = |event: &&Heard| self.of_user.contains_key(&event.user);
        self.racing += heard.iter().filter(is_racing).count();
        for user in users(heard) {
            *self.of_user.entry(user).or_default() += 1;
        }
    }

    fn ended(&mut self, heard: &[Heard]) {
        self.last_error = Some(Instant::now());
        self.under_way -= 1;
        for user in users(heard) {
            if let Entry::Occupied(mut calls) = self.of_user.entry(user) {
                *calls.get_mut() -= 1;
                if *calls.get() == 0 {
                    calls.remove();
                }
            }
        }
    }
}

fn users(heard: &[Heard]) -> HashSet<i64> {
    heard.iter().map(|event| event.user).collect()
}

/// A running provider. It ends with the value.
pub struct Provider {
    pub port: u16,
    /// What was accepted, once it is answered.
    log: Log,
    calls: Arc<Mutex<Calls>>,
    _stop: oneshot::Sender<()>,
}

impl Provider {
    pub fn start() -> Self {
        let (log, calls) = (Log::new(), Arc::<Mutex<Calls>>::default());
        let (stop, stopped) = oneshot::channel();
        let (started, starting) = std::sync::mpsc::channel();
        let shared = Shared { log: log.clone(), calls: calls.clone() };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
                let listener = socket.listen(BACKLOG).expect("the port is ours");
                let port = listener.local_addr().expect("it is bound").port();
                started.send(port).expect("somebody waits");
                tokio::select! {
                    () = serve(listener, shared) => {}
                    // Either way the measurement is over.
                    _ = stopped => {}
                }
            });
        });
        let port = starting.recv().expect("the provider starts");
        Self { port, log, calls, _stop: stop }
    }

    pub fn calls(&self) -> Calls {
        lock(&self.calls).clone()
    }

    /// Everything that was accepted, in the order of its arrival, once there is so much.
    pub async fn heard(&self, count: usize) -> Vec<Heard> {
        self.log.wait_for(count).await;
        let mut heard = self.log.take();
        heard.sort_by_key(|event| event.at);
        heard
    }
}

#[derive(Clone)]
struct Shared {
    log: Log,
    calls: Arc<Mutex<Calls>>,
}

fn lock(calls: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    calls.lock().expect("nobody panics in here")
}

async fn serve(listener: TcpListener, shared: Shared) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true).expect("a socket");
                lock(&shared.calls).connections += 1;
                tokio::spawn(converse(stream, shared.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn converse(mut stream: TcpStream, shared: Shared) {
    let credentials = Credentials::new(APP_ID, KEY, SECRET);
    let mut buffer = Vec::with_capacity(8_192);
    while let Some(request) = Request::read(&mut stream, &mut buffer).await {
        let arrived = Instant::now();
        let verified = request.heard(&credentials, arrived);
        let status = if verified.is_some() { "200 OK" } else { "401 Unauthorized" };
        let heard = verified.unwrap_or_default();
        lock(&shared.calls).began(arrived, &heard);
        tokio::time::sleep_until((arrived + ANSWER_TIME).into()).await;
        lock(&shared.calls).ended(&heard);
        shared.log.add(&heard);
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        if stream.write_all(answer.as_bytes()).await.is_err() || request.is_last {
            return;
        }
        let read = request.len;
        buffer.drain(..read);
    }
}

/// One request, whole.
struct Request {
    method: String,
    path: String,
    query: String,
    body: Vec<u8>,
    /// The caller wants the connection to be closed.
    is_last: bool,
    /// So many bytes of the buffer.
    len: usize,
}

impl Request {
    /// Nothing when the caller is gone.
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

    /// Nothing while a part of it is missing.
    fn parse(buffer: &[u8]) -> Option<Self> {
        let head_len = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&buffer[..head_len]).expect("a head is text");
        let field = |wanted: &'static str| {
            let fields = head.lines().filter_map(|line| line.split_once(": "));
            fields
                .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value)
        };
        let length = field("content-length").next().map_or(0, |text| text.parse().expect("a size"));
        let len = head_len + length;
        let body = buffer.get(head_len..len)?.to_vec();
        let is_last = field("connection").any(|value| value.eq_ignore_ascii_case("close"));
        let mut words = head.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?')?;
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        Some(Self { method, path, query, body, is_last, len })
    }

    /// Its events; nothing when its signature is wrong.
    fn heard(&self, credentials: &Credentials, at: Instant) -> Option<Vec<Heard>> {
        let Self { method, path, query, body, .. } = self;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        sign::verify_request(credentials, method, path, query, body, now.as_secs()).ok()?;
        let body: Body = serde_json::from_slice(body).expect("events");
        let events = match body {
            Body::Batch { batch } => batch,
            Body::One(event) => vec![event],
        };
        Some(events.iter().map(|event| Heard::read(event.channel(), &event.data, at)).collect())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Batch { batch: Vec<Event> },
    One(Event),
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
