//! HTTP of the fake provider: reads requests, performs the chosen actions, and records which
//! responses the client may have received.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime};

use matchcast::pusher::{Credentials, sign};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{APP_ID, Action, KEY, ReceivedEvent, ReceivedRequest, SECRET, State};

/// The state that all connections share.
#[derive(Clone)]
pub struct Shared {
    pub state: Arc<Mutex<State>>,
    pub hanging: watch::Sender<usize>,
    pub released: watch::Receiver<bool>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is locked")
    }

    /// Records the request; returns its number and the action to perform.
    fn record(&self, request: ReceivedRequest) -> (usize, Action) {
        let mut state = self.lock();
        state.begin(&request);
        let action = (state.policy)(&request);
        state.requests.push(request);
        (state.requests.len() - 1, action)
    }

    fn record_closed(&self, number: usize) {
        self.lock().requests[number].closed_at = Some(Instant::now());
    }
}

type Stream = BufReader<TcpStream>;

pub async fn serve(listener: TcpListener, shared: Shared) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(handle(BufReader::new(stream), shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn handle(mut stream: Stream, shared: Shared) {
    let mut last = None;
    while let Some((head, body)) = read_request(&mut stream).await {
        let (number, action) = shared.record(parse_request(&head, &body));
        last = Some(number);
        if !perform(&mut stream, &shared, number, action).await {
            break;
        }
    }
    if let Some(number) = last {
        shared.record_closed(number);
    }
}

/// Performs the action. Returns whether the connection stays open.
async fn perform(stream: &mut Stream, shared: &Shared, number: usize, action: Action) -> bool {
    match action {
        Action::Respond(bytes) => respond(stream, shared, number, &bytes).await,
        Action::RespondAndClose(bytes) => {
            write(stream, shared, number, &bytes).await;
            false
        }
        Action::RespondAfter(wait, bytes) => {
            tokio::select! {
                // The client sends nothing else on this connection; this ends when it times out.
                _ = stream.read_u8() => return close(shared, number),
                () = tokio::time::sleep(wait) => {}
            }
            respond(stream, shared, number, &bytes).await
        }
        Action::RespondWhenReleased(bytes) => {
            let mut released = shared.released.clone();
            tokio::select! {
                _ = stream.read_u8() => return close(shared, number),
                _ = released.wait_for(|released| *released) => {}
            }
            respond(stream, shared, number, &bytes).await
        }
        Action::Close => close(shared, number),
        Action::Reset => {
            reset(stream);
            close(shared, number)
        }
        Action::AcceptAndReset => {
            accept(shared, number);
            reset(stream);
            false
        }
        Action::Hang => {
            shared.lock().end(number);
            hang(stream, shared).await;
            false
        }
        Action::AcceptAndHang => {
            accept(shared, number);
            hang(stream, shared).await;
            false
        }
    }
}

fn accept(shared: &Shared, number: usize) {
    let mut state = shared.lock();
    state.end(number);
    state.accept(number);
}

fn reset(stream: &Stream) {
    let _ = stream.get_ref().set_zero_linger();
}

async fn hang(stream: &mut Stream, shared: &Shared) {
    let mut count = shared.hanging.subscribe();
    shared.hanging.send_modify(|count| *count += 1);
    let decrement = |count: &mut usize| *count = count.saturating_sub(1);
    tokio::select! {
        _ = stream.read_u8() => shared.hanging.send_modify(decrement),
        _ = count.wait_for(|count| *count == 0) => {}
    }
}

/// Ends the request without a response.
fn close(shared: &Shared, number: usize) -> bool {
    shared.lock().end(number);
    false
}

/// Writes a complete response and records the time.
async fn respond(stream: &mut Stream, shared: &Shared, number: usize, bytes: &str) -> bool {
    let written = write(stream, shared, number, bytes).await;
    if written {
        shared.lock().requests[number].responded_at = Some(Instant::now());
    }
    written
}

/// Records the events as accepted before it writes: a test that has the response finds them
/// recorded.
async fn write(stream: &mut Stream, shared: &Shared, number: usize, bytes: &str) -> bool {
    {
        let mut state = shared.lock();
        state.end(number);
        if bytes.starts_with("HTTP/1.1 2") {
            state.accept(number);
        }
    }
    stream.write_all(bytes.as_bytes()).await.is_ok()
}

/// Reads one request. Returns `None` if the client has disconnected.
async fn read_request(stream: &mut Stream) -> Option<(String, Vec<u8>)> {
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

fn parse_request(head: &str, body: &[u8]) -> ReceivedRequest {
    let mut parts = head.split(' ');
    let (method, target) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let (full_path, query) = target.split_once('?').unwrap_or((target, ""));
    let (prefix, path) = full_path.split_at(full_path.find("/apps/").unwrap_or(0));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let credentials = Credentials::new(APP_ID, KEY, SECRET);
    let verified = sign::verify_request(&credentials, method, path, query, body, now.as_secs());
    let field = |name: &str| {
        let pair = query.split('&').filter_map(|pair| pair.split_once('='));
        pair.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
    };
    ReceivedRequest {
        at: Instant::now(),
        method: method.to_owned(),
        prefix: prefix.to_owned(),
        path: path.to_owned(),
        timestamp: field("auth_timestamp").unwrap_or_default(),
        signature: field("auth_signature").unwrap_or_default(),
        verified: verified.map_err(|error| error.to_string()),
        events: parse_events(body),
        accepted: false,
        responded_at: None,
        closed_at: None,
    }
}

fn parse_events(body: &[u8]) -> Vec<ReceivedEvent> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let events = body["batch"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
    events.iter().filter_map(parse_event).collect()
}

fn parse_event(event: &Value) -> Option<ReceivedEvent> {
    let channel = event["channel"].as_str().or_else(|| event["channels"][0].as_str())?;
    let data: Value = serde_json::from_str(event["data"].as_str()?).ok()?;
    Some(ReceivedEvent {
        channel: channel.to_owned(),
        name: event["name"].as_str()?.to_owned(),
        event_id: data["event_id"].as_str()?.to_owned(),
        trade_id: data["trade_id"].as_i64()?,
    })
}
