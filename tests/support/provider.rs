//! A provider that records every call and does with it what the test says.
//!
//! It checks each signature as a real one would, keeps what it accepted in the order in which that
//! came, and notices two calls at once. What it does with a call is a function that can be changed
//! while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use matchcast::pusher::{Credentials, sign};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::app::ONLY_ORDER_MATCHED;

pub const APP_ID: &str = "4711";
pub const KEY: &str = "key-of-the-tests";
/// Long enough to be found in a log, and nowhere by chance.
pub const SECRET: &str = "5ecret-0f-the-fake-provider";

/// What to do with a call.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// Answers with these bytes and keeps the connection.
    Answer(String),
    /// Answers with these bytes and closes the connection, without saying so before.
    AnswerAndClose(String),
    /// Answers after a while.
    Slow(Duration, String),
    /// Closes the connection instead of answering.
    Close,
    /// Resets the connection instead of answering.
    Reset,
    /// Does not answer until [`Provider::hang_up`], or until the caller goes away.
    Hang,
}

/// An answer of HTTP/1.1 with a status line's end, header lines and a body.
pub fn answer(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

/// What every call is happy with.
pub fn ok() -> String {
    answer("200 OK", &["Content-Type: application/json"], r#"{"channels":{}}"#)
}

/// One event as a page would hear it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub channel: String,
    pub event_id: String,
    pub trade_id: i64,
}

/// One call as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it had arrived.
    pub at: Instant,
    pub method: String,
    /// What stood before `/apps`: tells processes apart that were given different ones.
    pub prefix: String,
    /// What was signed.
    pub path: String,
    pub timestamp: String,
    pub signature: String,
    /// Whether the signature was right at that moment.
    pub verified: Result<(), String>,
    pub events: Vec<Heard>,
    /// Whether the answer was a yes. Known when the answer has been written.
    pub accepted: bool,
}

impl Call {
    fn channels(&self) -> BTreeSet<&str> {
        self.events.iter().map(|event| event.channel.as_str()).collect()
    }
}

type Policy = Box<dyn FnMut(&Call) -> Reaction + Send>;

struct State {
    policy: Policy,
    calls: Vec<Call>,
    heard: Vec<Heard>,
    /// Calls that are not answered yet, in all and of each channel, without those that hang.
    in_flight: usize,
    on_channel: BTreeMap<String, usize>,
    most_in_flight: usize,
    most_on_channel: usize,
}

impl State {
    fn began(&mut self, call: &Call) {
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        for channel in call.channels() {
            let count = self.on_channel.entry(channel.to_owned()).or_default();
            *count += 1;
            self.most_on_channel = self.most_on_channel.max(*count);
        }
    }

    fn ended(&mut self, number: usize) {
        self.in_flight -= 1;
        for channel in self.calls[number].channels() {
            if let Some(count) = self.on_channel.get_mut(channel) {
                *count -= 1;
            }
        }
    }
}

/// A running provider. It ends with the value.
pub struct Provider {
    pub port: u16,
    state: Arc<Mutex<State>>,
    /// `None` once it listens.
    socket: Option<TcpSocket>,
    server: Option<JoinHandle<()>>,
    hanging: watch::Sender<usize>,
}

impl Provider {
    /// Listens and accepts everything.
    pub async fn start() -> Self {
        let mut provider = Self::down();
        provider.come_up();
        provider
    }

    /// Has a port, where nothing listens yet.
    pub fn down() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let port = socket.local_addr().expect("it is bound").port();
        let state = State {
            policy: Box::new(|_| Reaction::Answer(ok())),
            calls: Vec::new(),
            heard: Vec::new(),
            in_flight: 0,
            on_channel: BTreeMap::new(),
            most_in_flight: 0,
            most_on_channel: 0,
        };
        let state = Arc::new(Mutex::new(state));
        Self { port, state, socket: Some(socket), server: None, hanging: watch::Sender::new(0) }
    }

    /// Listens from now on.
    pub fn come_up(&mut self) {
        let socket = self.socket.take().expect("it was down");
        let listener = socket.listen(128).expect("the port is ours");
        let (state, hanging) = (self.state.clone(), self.hanging.clone());
        self.server = Some(tokio::spawn(serve(listener, state, hanging)));
    }

    /// Decides about calls from now on.
    pub fn react(&self, policy: impl FnMut(&Call) -> Reaction + Send + 'static) {
        self.lock().policy = Box::new(policy);
    }

    /// Does the same with every call from now on.
    pub fn always(&self, reaction: Reaction) {
        self.react(move |_| reaction.clone());
    }

    /// Accepts everything from now on.
    pub fn accept(&self) {
        self.always(Reaction::Answer(ok()));
    }

    /// What makes matchcast send its events here: `order.matched` alone, unless later variables ask
    /// for more.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("BROADCAST_CONNECTION", "pusher".to_owned()),
            ("PUSHER_HOST", "127.0.0.1".to_owned()),
            ("PUSHER_PORT", self.port.to_string()),
            ("PUSHER_SCHEME", "http".to_owned()),
            ("PUSHER_APP_ID", APP_ID.to_owned()),
            ("PUSHER_APP_KEY", KEY.to_owned()),
            ("PUSHER_APP_SECRET", SECRET.to_owned()),
        ];
        variables.extend(ONLY_ORDER_MATCHED.map(|(name, value)| (name, value.to_owned())));
        variables
    }

    /// The events that were accepted, in order.
    pub fn heard(&self) -> Vec<Heard> {
        self.lock().heard.clone()
    }

    /// Every call that carried events, in order.
    pub fn posts(&self) -> Vec<Call> {
        self.lock().calls.iter().filter(|call| call.method == "POST").cloned().collect()
    }

    /// How many calls have asked for the channels.
    pub fn questions(&self) -> usize {
        self.lock().calls.iter().filter(|call| call.method == "GET").count()
    }

    /// Most calls that were unanswered at the same moment.
    pub fn most_in_flight(&self) -> usize {
        self.lock().most_in_flight
    }

    /// The same for calls with events of one and the same channel.
    pub fn most_on_channel(&self) -> usize {
        self.lock().most_on_channel
    }

    /// Ends the calls that hang, without an answer.
    pub fn hang_up(&self) {
        self.hanging.send_replace(0);
    }

    /// How many calls hang.
    pub fn hanging(&self) -> usize {
        *self.hanging.borrow()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics in here")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

type Shared = Arc<Mutex<State>>;

async fn serve(listener: TcpListener, state: Shared, hanging: watch::Sender<usize>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(converse(stream, state.clone(), hanging.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(mut stream: TcpStream, state: Shared, hanging: watch::Sender<usize>) {
    while let Some((head, body)) = read_request(&mut stream).await {
        let call = call_of(&head, &body);
        let (number, reaction) = arrive(&state, call);
        match reaction {
            Reaction::Answer(bytes) => {
                if leave(&state, number, &mut stream, &bytes).await.is_err() {
                    return;
                }
            }
            Reaction::Slow(wait, bytes) => {
                tokio::time::sleep(wait).await;
                if leave(&state, number, &mut stream, &bytes).await.is_err() {
                    return;
                }
            }
            Reaction::AnswerAndClose(bytes) => {
                let _ = leave(&state, number, &mut stream, &bytes).await;
                return;
            }
            Reaction::Close => {
                state.lock().expect("nobody panics").ended(number);
                return;
            }
            Reaction::Reset => {
                state.lock().expect("nobody panics").ended(number);
                let _ = stream.set_zero_linger();
                return;
            }
            Reaction::Hang => {
                state.lock().expect("nobody panics").ended(number);
                let mut count = hanging.subscribe();
                hanging.send_modify(|count| *count += 1);
                let one_less = |count: &mut usize| *count = count.saturating_sub(1);
                tokio::select! {
                    // The caller says nothing more; it ends when it loses patience.
                    _ = stream.read_u8() => hanging.send_modify(one_less),
                    _ = count.wait_for(|count| *count == 0) => {}
                }
                return;
            }
        }
    }
}

fn arrive(state: &Shared, call: Call) -> (usize, Reaction) {
    let mut state = state.lock().expect("nobody panics");
    state.began(&call);
    let reaction = (state.policy)(&call);
    state.calls.push(call);
    (state.calls.len() - 1, reaction)
}

/// Counts before it writes: whoever has the answer finds it counted.
async fn leave(
    state: &Shared,
    number: usize,
    stream: &mut TcpStream,
    bytes: &str,
) -> std::io::Result<()> {
    {
        let mut state = state.lock().expect("nobody panics");
        state.ended(number);
        let accepted = bytes.starts_with("HTTP/1.1 2");
        state.calls[number].accepted = accepted;
        if accepted {
            let events = state.calls[number].events.clone();
            state.heard.extend(events);
        }
    }
    stream.write_all(bytes.as_bytes()).await
}

/// Reads one request; nothing when the caller is gone.
async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, value)| value.parse())
        .ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

fn call_of(head: &str, body: &[u8]) -> Call {
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let (whole_path, query) = target.split_once('?').unwrap_or((target, ""));
    let (prefix, path) = whole_path.split_at(whole_path.find("/apps/").unwrap_or(0));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let credentials = Credentials::new(APP_ID, KEY, SECRET);
    let verified = sign::verify_request(&credentials, method, path, query, body, now.as_secs());
    let field = |name: &str| {
        let pair = query.split('&').filter_map(|pair| pair.split_once('='));
        pair.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
    };
    Call {
        at: Instant::now(),
        method: method.to_owned(),
        prefix: prefix.to_owned(),
        path: path.to_owned(),
        timestamp: field("auth_timestamp").unwrap_or_default(),
        signature: field("auth_signature").unwrap_or_default(),
        verified: verified.map_err(|error| error.to_string()),
        events: events_of(body),
        accepted: false,
    }
}

fn events_of(body: &[u8]) -> Vec<Heard> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let events = body["batch"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
    events.iter().filter_map(event_of).collect()
}

fn event_of(event: &Value) -> Option<Heard> {
    let channel = event["channel"].as_str().or_else(|| event["channels"][0].as_str())?;
    let data: Value = serde_json::from_str(event["data"].as_str()?).ok()?;
    Some(Heard {
        channel: channel.to_owned(),
        event_id: data["event_id"].as_str()?.to_owned(),
        trade_id: data["trade_id"].as_i64()?,
    })
}
