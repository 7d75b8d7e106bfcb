//! A provider that records every call and does with it what the test says.
//!
//! It checks each signature as a real one would, keeps what it accepted in the order in which that
//! came, and notices two calls at once. What it does with a call is a function that can be changed
//! while it runs.

mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::app::ONLY_ORDER_MATCHED;

pub const APP_ID: &str = "4711";
pub const KEY: &str = "key-of-the-tests";
/// Long enough to be found in a log, and nowhere by chance.
pub const SECRET: &str = "5ecret-0f-the-fake-provider";

/// What to do with a call.
#[derive(Clone, Debug)]
pub enum Action {
    /// Answers with these bytes and keeps the connection.
    Respond(String),
    /// Answers with these bytes and closes the connection, without saying so before.
    RespondAndClose(String),
    /// Answers after a while, unless the caller has gone by then.
    RespondAfter(Duration, String),
    /// Answers once [`Provider::release`] was called, unless the caller has gone by then.
    RespondWhenReleased(String),
    /// Closes the connection instead of answering.
    Close,
    /// Resets the connection instead of answering.
    Reset,
    /// Does not answer until [`Provider::close_hanging`], or until the caller goes away.
    Hang,
    /// Accepts the events, and then does as [`Action::Hang`] does.
    AcceptAndHang,
    /// Accepts the events, and resets the connection instead of saying so.
    AcceptAndReset,
}

/// An answer of HTTP/1.1 with a status line's end, header lines and a body.
pub fn response(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

/// What every call is happy with.
pub fn ok() -> String {
    response("200 OK", &["Content-Type: application/json"], r#"{"channels":{}}"#)
}

/// An answer without further headers.
pub fn respond(status: &str, body: &str) -> Action {
    Action::Respond(response(status, &[], body))
}

/// One event as a page would hear it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedEvent {
    pub channel: String,
    pub event_id: String,
    pub trade_id: i64,
}

impl ReceivedEvent {
    pub fn key(&self) -> EventKey {
        (self.channel.clone(), self.event_id.clone())
    }
}

/// Channel and id of an event: what a page knows it by.
pub type EventKey = (String, String);

/// One call as it arrived.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
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
    pub events: Vec<ReceivedEvent>,
    /// Whether the answer was a yes, or would have been one. Known when the call has ended.
    pub accepted: bool,
    /// When a whole answer had been written and the connection was kept. `None`: not yet, or
    /// never.
    pub responded_at: Option<Instant>,
    /// When the caller closed the connection without a further call on it. Where there was an
    /// answer, it may have come too late.
    pub closed_at: Option<Instant>,
}

impl ReceivedRequest {
    /// The channels of its events.
    pub fn channels(&self) -> BTreeSet<&str> {
        self.events.iter().map(|event| event.channel.as_str()).collect()
    }
}

type Policy = Box<dyn FnMut(&ReceivedRequest) -> Action + Send>;

struct State {
    policy: Policy,
    calls: Vec<ReceivedRequest>,
    received: Vec<ReceivedEvent>,
    /// Calls that are not answered yet, in all and of each channel, without those that hang.
    in_flight: usize,
    on_channel: BTreeMap<String, usize>,
    max_in_flight: usize,
    max_in_flight_per_channel: usize,
}

impl State {
    fn began(&mut self, call: &ReceivedRequest) {
        self.in_flight += 1;
        self.max_in_flight = self.max_in_flight.max(self.in_flight);
        for channel in call.channels() {
            let count = self.on_channel.entry(channel.to_owned()).or_default();
            *count += 1;
            self.max_in_flight_per_channel = self.max_in_flight_per_channel.max(*count);
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

    fn accepted(&mut self, number: usize) {
        self.calls[number].accepted = true;
        self.received.extend(self.calls[number].events.iter().cloned());
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
    released: watch::Sender<bool>,
}

impl Provider {
    /// Listens and accepts everything.
    pub async fn start() -> Self {
        let mut provider = Self::down();
        provider.listen();
        provider
    }

    /// Has a port, where nothing listens yet.
    pub fn down() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let port = socket.local_addr().expect("it is bound").port();
        let state = State {
            policy: Box::new(|_| Action::Respond(ok())),
            calls: Vec::new(),
            received: Vec::new(),
            in_flight: 0,
            on_channel: BTreeMap::new(),
            max_in_flight: 0,
            max_in_flight_per_channel: 0,
        };
        Self {
            port,
            state: Arc::new(Mutex::new(state)),
            socket: Some(socket),
            server: None,
            hanging: watch::Sender::new(0),
            released: watch::Sender::new(false),
        }
    }

    /// Listens from now on.
    pub fn listen(&mut self) {
        let socket = self.socket.take().expect("it was down");
        let listener = socket.listen(128).expect("the port is ours");
        let shared = wire::Shared {
            state: self.state.clone(),
            hanging: self.hanging.clone(),
            released: self.released.subscribe(),
        };
        self.server = Some(tokio::spawn(wire::serve(listener, shared)));
    }

    /// Decides about calls from now on.
    pub fn on_request(&self, policy: impl FnMut(&ReceivedRequest) -> Action + Send + 'static) {
        self.lock().policy = Box::new(policy);
    }

    /// Does the same with every call from now on.
    pub fn always(&self, action: Action) {
        self.on_request(move |_| action.clone());
    }

    /// Accepts everything from now on.
    pub fn accept_all(&self) {
        self.always(Action::Respond(ok()));
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
    pub fn received(&self) -> Vec<ReceivedEvent> {
        self.lock().received.clone()
    }

    /// How many events were accepted, repetitions included.
    pub fn received_count(&self) -> usize {
        self.lock().received.len()
    }

    /// Every call that carried events, in order.
    pub fn posts(&self) -> Vec<ReceivedRequest> {
        self.lock().calls.iter().filter(|call| call.method == "POST").cloned().collect()
    }

    /// How many calls have carried events.
    pub fn post_count(&self) -> usize {
        self.lock().calls.iter().filter(|call| call.method == "POST").count()
    }

    /// How many calls have asked for the channels.
    pub fn get_count(&self) -> usize {
        self.lock().calls.iter().filter(|call| call.method == "GET").count()
    }

    /// How many calls are unanswered, without those that hang.
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// Most calls that were unanswered at the same moment.
    pub fn max_in_flight(&self) -> usize {
        self.lock().max_in_flight
    }

    /// The same for calls with events of one and the same channel.
    pub fn max_in_flight_per_channel(&self) -> usize {
        self.lock().max_in_flight_per_channel
    }

    /// Answers the calls that are held, and does not hold any more.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// Ends the calls that hang, without an answer.
    pub fn close_hanging(&self) {
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
