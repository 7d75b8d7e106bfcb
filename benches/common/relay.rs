//! A relay in front of PostgreSQL that stands for distance: what it forwards arrives later, in both
//! directions. It limits neither the throughput nor what is on its way, and reorders nothing.
//!
//! Each direction of a connection has two threads, one that reads and one that writes when a chunk
//! is due. A timer of the runtime would be too coarse: its milliseconds are whole ones.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use crate::database::Database;

/// The most bytes of a chunk.
const CHUNK: usize = 65_536;
/// Queries by which a round trip is measured.
const ROUND_TRIPS: usize = 200;

/// Bytes, and the time at which they are forwarded.
type Chunk = (Instant, Vec<u8>);

/// A running relay. Dropping it closes its connections.
pub struct Relay {
    /// The same database through the relay.
    pub database: Database,
    address: SocketAddr,
    is_stopped: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Relay {
    /// Forwards connections to the server of this database, a round trip of `distance` away.
    pub fn start(database: &Database, distance: Duration) -> Self {
        let without = Self::with_delay(database, Duration::ZERO);
        // The smallest one: a pause of the machine must not count as a part of the distance.
        let own = round_trips(&without.database)[0];
        drop(without);
        Self::with_delay(database, distance.saturating_sub(own) / 2)
    }

    fn with_delay(database: &Database, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the listener is bound");
        let target = server_of(&database.url).to_owned();
        let url = database.url.replacen(&target, &address.to_string(), 1);
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}sslmode=disable");
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stopped = is_stopped.clone();
        let accepting = std::thread::spawn(move || {
            let mut open: Vec<TcpStream> = Vec::new();
            for client in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let server = TcpStream::connect(&target).expect("the server is running");
                forward(&client, &server, delay);
                open.extend([client, server]);
            }
            for stream in open {
                // Fails if both sides have closed it.
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        let database = Database::existing(url);
        Self { database, address, is_stopped, accepting: Some(accepting) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the thread, which waits for a connection.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            // A panic of that thread has printed its message.
            let _ = accepting.join();
        }
    }
}

/// `127.0.0.1:5432` of a URL with a user and a port.
fn server_of(url: &str) -> &str {
    let (_, rest) = url.split_once('@').expect("a URL with a user");
    rest.split_once('/').expect("a URL with a database").0
}

/// Forwards in both directions until one side closes its connection.
fn forward(client: &TcpStream, server: &TcpStream, delay: Duration) {
    for (from, to) in [(client, server), (server, client)] {
        from.set_nodelay(true).expect("a socket");
        let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || read(from, &sender, delay));
        std::thread::spawn(move || write(to, &receiver));
    }
}

fn read(mut from: TcpStream, chunks: &Sender<Chunk>, delay: Duration) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if chunks.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, chunks: &Receiver<Chunk>) {
    for (due, chunk) in chunks {
        loop {
            let wait = due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break;
            }
            // Nobody unparks the thread: it returns when the time is over, or a little too early.
            std::thread::park_timeout(wait);
        }
        if to.write_all(&chunk).is_err() {
            break;
        }
    }
    // The other side learns that this one has closed.
    let _ = to.shutdown(Shutdown::Write);
}

/// The median time of `SELECT 1` on an open connection, which is one round trip.
pub fn round_trip(database: &Database) -> Duration {
    round_trips(database)[ROUND_TRIPS / 2]
}

/// Sorted.
fn round_trips(database: &Database) -> Vec<Duration> {
    let mut connection = database.connect();
    let mut times: Vec<Duration> = (0..ROUND_TRIPS)
        .map(|_| {
            let started = Instant::now();
            connection.batch_execute("SELECT 1").expect("the server is running");
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}
