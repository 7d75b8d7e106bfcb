//! A TCP relay in front of PostgreSQL that counts round trips, and can lose packets, close all
//! connections, or lead to another server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Clone)]
struct State {
    /// Host and port of the server.
    target: Arc<str>,
    loses_packets: bool,
    /// The packets to the server that are still forwarded before all are lost. `None`: any number.
    left: Option<usize>,
    /// Connections of an earlier generation are closed.
    generation: u64,
}

/// Forwards bytes in both directions until it is dropped.
pub struct Relay {
    /// The database URL through the relay.
    pub url: String,
    state: Arc<watch::Sender<State>>,
    round_trips: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

/// Host and port in a database URL.
fn target(database_url: &str) -> Arc<str> {
    let (_, rest) = database_url.split_once('@').expect("a URL with a user");
    let (server, _) = rest.split_once('/').expect("a URL with a database");
    server.into()
}

impl Relay {
    pub async fn start(database_url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the listener is bound").to_string();
        let target = target(database_url);
        let url = format!("{}?sslmode=disable", database_url.replacen(&*target, &address, 1));
        let state = State { target, loses_packets: false, left: None, generation: 0 };
        let state = Arc::new(watch::Sender::new(state));
        let round_trips = Arc::new(AtomicUsize::new(0));
        let (watched, counter) = (state.clone(), round_trips.clone());
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, watched.clone(), counter.clone()));
            }
        });
        Self { url, state, round_trips, server }
    }

    /// How often a client has sent something after the server had responded, on all connections.
    pub fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::SeqCst)
    }

    /// Accepts bytes from both sides and forwards none.
    pub fn lose_packets(&self) {
        self.state.send_modify(|state| state.loses_packets = true);
    }

    /// Forwards this number of packets to the server, and then none, and none back.
    pub fn lose_packets_after(&self, count: usize) {
        self.state.send_modify(|state| state.left = Some(count));
    }

    /// Whether packets are lost by now.
    pub fn loses_packets(&self) -> bool {
        self.state.borrow().loses_packets
    }

    /// Closes all connections, as a router does that has lost its table.
    pub fn restore(&self) {
        self.state.send_modify(|state| {
            state.loses_packets = false;
            state.left = None;
            state.generation += 1;
        });
    }

    /// Closes all connections; new ones lead to the server of another database URL.
    pub fn lead_to(&self, database_url: &str) {
        self.state.send_modify(|state| state.target = target(database_url));
        self.restore();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
        self.restore();
    }
}

async fn forward(
    mut client: TcpStream,
    shared: Arc<watch::Sender<State>>,
    round_trips: Arc<AtomicUsize>,
) {
    let mut state = shared.subscribe();
    let State { target, generation, .. } = state.borrow().clone();
    let Ok(mut server) = TcpStream::connect(&*target).await else { return };
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut was_up = false;
    loop {
        let (len, is_up) = tokio::select! {
            read = client.read(&mut up) => (read.unwrap_or(0), true),
            read = server.read(&mut down) => (read.unwrap_or(0), false),
            _ = state.wait_for(|state| state.generation != generation) => return,
        };
        if len == 0 {
            return;
        }
        if is_up && !was_up {
            round_trips.fetch_add(1, Ordering::SeqCst);
        }
        was_up = is_up;
        if is_up {
            shared.send_if_modified(|state| match state.left {
                Some(0) if !state.loses_packets => {
                    state.loses_packets = true;
                    true
                }
                Some(left) => {
                    state.left = Some(left.saturating_sub(1));
                    false
                }
                None => false,
            });
        }
        if state.borrow().loses_packets {
            continue;
        }
        let written = if is_up {
            server.write_all(&up[..len]).await
        } else {
            client.write_all(&down[..len]).await
        };
        if written.is_err() {
            return;
        }
    }
}
