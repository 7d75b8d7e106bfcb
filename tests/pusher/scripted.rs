//! A provider that follows a script with one step per request.
//!
//! It listens on its own port and keeps every request with the number of its connection. At the end
//! of the script it accepts no further connections.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use matchcast::pusher::{Client, Credentials, Destination, DestinationSettings, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::logs;

/// The reaction to one request.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes and keeps the connection.
    Respond(String),
    /// Sends these bytes and closes the connection without notice.
    RespondAndClose(String),
    /// Closes the connection without a response.
    Close,
    /// Resets the connection without a response.
    Reset,
    /// Keeps the connection and never responds.
    Silence,
}

/// A received request.
#[derive(Debug, Clone)]
pub struct Received {
    /// The number of its connection, from 0.
    pub connection: usize,
    pub head: String,
    pub body: Vec<u8>,
}

pub struct Scripted {
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
}

/// An HTTP/1.1 response with a status, header lines and a body.
pub fn response(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

pub fn ok() -> String {
    response("200 OK", &[], "{}")
}

/// A client for a provider on this port, with timeouts that suit a busy machine.
pub fn client(port: u16, credentials: Credentials) -> Client {
    client_with_timeout(port, credentials, Duration::from_secs(20))
}

pub fn client_with_timeout(port: u16, credentials: Credentials, request: Duration) -> Client {
    logs::start();
    logs::record_secret(crate::SECRET);
    let settings = DestinationSettings {
        host: Some("127.0.0.1"),
        port: Some(port),
        scheme: Some("http"),
        ..DestinationSettings::default()
    };
    let destination = Destination::new(settings).unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(20), request };
    Client::new(destination, credentials, timeouts).unwrap()
}

impl Scripted {
    pub async fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::default();
        tokio::spawn(play(listener, steps, Arc::clone(&received)));
        Self { port, received }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Serves one connection after the other, for clients that send one request at a time.
async fn play(listener: TcpListener, steps: Vec<Step>, received: Arc<Mutex<Vec<Received>>>) {
    let mut steps = steps.into_iter();
    let mut silent = Vec::new();
    let mut connection = 0;
    while steps.len() > 0 {
        let (mut stream, _) = listener.accept().await.unwrap();
        while let Some((head, body)) = read_request(&mut stream).await {
            received.lock().unwrap().push(Received { connection, head, body });
            match steps.next().expect("more requests than steps") {
                Step::Respond(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
                Step::RespondAndClose(bytes) => {
                    stream.write_all(bytes.as_bytes()).await.unwrap();
                    break;
                }
                Step::Close => break,
                Step::Reset => {
                    stream.set_zero_linger().unwrap();
                    break;
                }
                Step::Silence => {
                    silent.push(stream);
                    break;
                }
            }
            if steps.len() == 0 {
                break;
            }
        }
        connection += 1;
    }
    if !silent.is_empty() {
        std::future::pending::<()>().await;
    }
}

/// Reads one request. `None` if the client has disconnected.
async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}
