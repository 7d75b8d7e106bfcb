//! A page: a WebSocket connection to the embedded provider, subscribed to its user's channel and to
//! that of the market, and a keep-alive connection on which it reads after its events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::connection::Connection;
use crate::setup;
use crate::subscriber::{self, Socket};

const MARKET_CHANNEL: &str = "market.BTC";
/// What a page reads after an event.
const READS: [&str; 4] = [
    "/api/orders?symbol=BTC",
    "/api/profile",
    "/api/my-orders",
    "/api/balance-history?currency=USD",
];

/// What all pages have seen.
#[derive(Clone)]
pub struct Observations {
    /// Messages on the private channels and on the public one.
    pub private: Arc<AtomicU64>,
    pub public: Arc<AtomicU64>,
    reads: mpsc::UnboundedSender<Duration>,
}

impl Observations {
    /// The other end receives the time of each read.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Duration>) {
        let (reads, times) = mpsc::unbounded_channel();
        (Self { private: Arc::default(), public: Arc::default(), reads }, times)
    }
}

/// Connects and subscribes. The page lives until its tasks are aborted.
pub async fn open(address: &str, user: i64, observations: &Observations) -> [JoinHandle<()>; 2] {
    let mut connection = Connection::open(address).await;
    let mut socket = subscriber::connect(address).await;
    subscriber::subscribe_to_user(&mut socket, &mut connection, user).await;
    let data = json!({"channel": MARKET_CHANNEL});
    let message = json!({"event": "pusher:subscribe", "data": data}).to_string();
    socket.stream.send(Message::text(message)).await.expect("the connection is open");
    let changed = Arc::new(Notify::new());
    [
        tokio::spawn(listen(socket, changed.clone(), observations.clone())),
        tokio::spawn(read(connection, user, changed, observations.reads.clone())),
    ]
}

async fn listen(mut socket: Socket, changed: Arc<Notify>, observations: Observations) {
    loop {
        match socket.stream.next().await {
            // Parsing each of a hundred thousand messages a second would measure the parser.
            Some(Ok(Message::Text(text))) if text.contains("private-user.") => {
                observations.private.fetch_add(1, Ordering::Relaxed);
                changed.notify_one();
            }
            Some(Ok(_)) => {
                observations.public.fetch_add(1, Ordering::Relaxed);
            }
            other => panic!("the provider closed the connection: {other:?}"),
        }
    }
}

/// Reads once after any number of events, and again if there were more meanwhile.
async fn read(
    mut connection: Connection,
    user: i64,
    changed: Arc<Notify>,
    times: mpsc::UnboundedSender<Duration>,
) {
    let mut tags = READS.map(|_| String::new());
    loop {
        changed.notified().await;
        for (path, tag) in READS.iter().zip(&mut tags) {
            let request = setup::get(path, user, &format!("if-none-match: {tag}\r\n"));
            let started = Instant::now();
            let response = connection.send(request.as_bytes()).await;
            assert!([200, 304].contains(&response.status), "{path}: {}", response.status);
            if let Some(new) = response.header("etag") {
                new.clone_into(tag);
            }
            // Fails only when the measurement is over.
            let _ = times.send(started.elapsed());
        }
    }
}
