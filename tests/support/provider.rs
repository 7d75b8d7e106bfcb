//! A fake provider that records every request and handles it as the test says.
//!
//! It verifies each signature, records the accepted events in order, and counts concurrent
//! requests. A test sets the function that chooses the action for each request, and may replace it
//! at any time.

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
/// Long enough that it cannot appear in a log by chance.
pub const SECRET: &str = "5ecret-0f-the-fake-provider";

/// What the provider does with a request.
#[derive(Clone, Debug)]
pub enum Action {
    /// Sends this response and keeps the connection open.
    Respond(String),
    /// Sends this response and closes the connection without having announced it.
    RespondAndClose(String),
    /// Sends this response after a delay, unless the client has disconnected by then.
    RespondAfter(Duration, String),
    /// Sends this response after [`Provider::release`], unless the client has disconnected by then.
    RespondWhenReleased(String),
    /// Closes the connection without a response.
    Close,
    /// Resets the connection without a response.
    Reset,
    /// Sends no response and waits for [`Provider::close_hanging`] or for the client to disconnect.
    Hang,
    /// Accepts the events, and then hangs like [`Action::Hang`].
    AcceptAndHang,
    /// Accepts the events, and resets the connection without a response.
    AcceptAndReset,
}

/// An HTTP/1.1 response with this status (code and reason), header lines and body.
pub fn response(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

/// The response to an accepted request.
pub fn ok() -> String {
    response("200 OK", &["Content-Type: application/json"], r#"{"channels":{}}"#)
}

/// Sends a response without additional headers.
pub fn respond(status: &str, body: &str) -> Action {
    Action::Respond(response(status, &[], body))
}

/// An event as a subscriber would receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedEvent {
    pub channel: String,
    pub name: String,
    pub event_id: String,
    pub trade_id: i64,
}

impl ReceivedEvent {
    pub fn key(&self) -> EventKey {
        (self.channel.clone(), self.event_id.clone())
    }
}

/// Channel and id of an event, which identify it for a subscriber.
pub type EventKey = (String, String);

/// A request as the provider received it.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// The time when it was complete.
    pub at: Instant,
    pub method: String,
    /// The path before `/apps`. Processes with different values can be told apart.
    pub prefix: String,
    /// The path that was signed.
    pub path: String,
    pub timestamp: String,
    pub signature: String,
    /// Whether the signature was valid when the request arrived.
    pub verified: Result<(), String>,
    pub events: Vec<ReceivedEvent>,
    /// Whether the events were accepted. Known when the request has ended.
    pub accepted: bool,
    /// The time when a complete response was written on a connection that stays open. `None`: not
    /// yet, or never.
    pub responded_at: Option<Instant>,
    /// The time when the client closed the connection without another request on it. If there was a
    /// response, it may have been too late.
    pub closed_at: Option<Instant>,
}

impl ReceivedRequest {
    /// The channels of the events.
    pub fn channels(&self) -> BTreeSet<&str> {
        self.events.iter().map(|event| event.channel.as_str()).collect()
    }
}

type Policy = Box<dyn FnMut(&ReceivedRequest) -> Action + Send>;

struct State {
    policy: Policy,
    requests: Vec<ReceivedRequest>,
    received: Vec<ReceivedEvent>,
    /// Requests without a response, except those that hang: all, and for each channel.
    in_flight: usize,
    in_flight_per_channel: BTreeMap<String, usize>,
    max_in_flight: usize,
    max_in_flight_per_channel: usize,
}

impl State {
    fn begin(&mut self, request: &ReceivedRequest) {
        self.in_flight += 1;
        self.max_in_flight = self.max_in_flight.max(self.in_flight);
        for channel in request.channels() {
            let count = self.in_flight_per_channel.entry(channel.to_owned()).or_default();
            *count += 1;
            self.max_in_flight_per_channel = self.max_in_flight_per_channel.max(*count);
        }
    }

    fn end(&mut self, number: usize) {
        self.in_flight -= 1;
        for channel in self.requests[number].channels() {
            if let Some(count) = self.in_flight_per_channel.get_mut(channel) {
                *count -= 1;
            }
        }
    }

    fn accept(&mut self, number: usize) {
        self.requests[number].accepted = true;
        self.received.extend(self.requests[number].events.iter().cloned());
    }
}

/// A running provider. Dropping it stops the server.
pub struct Provider {
    pub port: u16,
    state: Arc<Mutex<State>>,
    /// `None` after [`Provider::listen`].
    socket: Option<TcpSocket>,
    server: Option<JoinHandle<()>>,
    hanging: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

impl Provider {
    /// Starts a provider that accepts every event.
    pub async fn start() -> Self {
        let mut provider = Self::down();
        provider.listen();
        provider
    }

    /// Reserves a port on which nothing listens yet.
    pub fn down() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let port = socket.local_addr().expect("the socket is bound").port();
        let state = State {
            policy: Box::new(|_| Action::Respond(ok())),
            requests: Vec::new(),
            received: Vec::new(),
            in_flight: 0,
            in_flight_per_channel: BTreeMap::new(),
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

    /// Listens on the reserved port from now on.
    pub fn listen(&mut self) {
        let socket = self.socket.take().expect("the provider does not listen yet");
        let listener = socket.listen(128).expect("the port is reserved");
        let shared = wire::Shared {
            state: self.state.clone(),
            hanging: self.hanging.clone(),
            released: self.released.subscribe(),
        };
        self.server = Some(tokio::spawn(wire::serve(listener, shared)));
    }

    /// Sets the function that chooses the action for each request from now on.
    pub fn on_request(&self, policy: impl FnMut(&ReceivedRequest) -> Action + Send + 'static) {
        self.lock().policy = Box::new(policy);
    }

    /// Handles every request in the same way from now on.
    pub fn always(&self, action: Action) {
        self.on_request(move |_| action.clone());
    }

    /// Accepts every event from now on.
    pub fn accept_all(&self) {
        self.always(Action::Respond(ok()));
    }

    /// The environment variables that make a server publish to this provider. They turn on only
    /// `order.matched`; later variables may turn on more.
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

    /// The accepted events, in order, duplicates included.
    pub fn received(&self) -> Vec<ReceivedEvent> {
        self.lock().received.clone()
    }

    /// The number of accepted events, duplicates included.
    pub fn received_count(&self) -> usize {
        self.lock().received.len()
    }

    /// Every POST request, in order: these carry events.
    pub fn posts(&self) -> Vec<ReceivedRequest> {
        self.lock().requests.iter().filter(|request| request.method == "POST").cloned().collect()
    }

    /// The number of POST requests.
    pub fn post_count(&self) -> usize {
        self.lock().requests.iter().filter(|request| request.method == "POST").count()
    }

    /// The number of GET requests, which ask for the list of channels.
    pub fn get_count(&self) -> usize {
        self.lock().requests.iter().filter(|request| request.method == "GET").count()
    }

    /// The number of requests without a response, except those that hang.
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// The largest number of requests in flight at the same time.
    pub fn max_in_flight(&self) -> usize {
        self.lock().max_in_flight
    }

    /// The largest number of requests in flight at the same time with events of the same channel.
    pub fn max_in_flight_per_channel(&self) -> usize {
        self.lock().max_in_flight_per_channel
    }

    /// Responds to the requests that wait for it, and to later ones immediately.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// Closes the connections of the requests that hang, without a response.
    pub fn close_hanging(&self) {
        self.hanging.send_replace(0);
    }

    /// The number of requests that hang.
    pub fn hanging(&self) -> usize {
        *self.hanging.borrow()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is locked")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}
