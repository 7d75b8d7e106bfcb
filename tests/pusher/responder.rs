//! A provider that serves any number of concurrent connections and responds by a rule.
//!
//! It reads requests in pieces, as servers do, and keeps all complete ones.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::scripted::Received;

/// How it responds, and what it does with the connection afterwards.
pub struct Rule {
    /// The bytes of a response.
    pub respond: Box<dyn Fn(&Received) -> String + Send + Sync>,
    pub after_response: AfterResponse,
    /// The maximum size of a request, including headers, and the response to a larger one, after
    /// which the connection is closed and the rest is not read.
    pub limit: Option<(usize, String)>,
}

#[derive(Debug, Clone, Copy)]
pub enum AfterResponse {
    KeepOpen,
    /// Closes without notice.
    Close,
    /// Closes when the next request has arrived, without a response.
    CloseOnRequest,
}

pub struct Responder {
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Responder {
    pub async fn start(rule: Rule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (rule, kept) = (Arc::new(rule), Arc::clone(&received));
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (rule, kept) = (Arc::clone(&rule), Arc::clone(&kept));
                tokio::spawn(async move { serve(stream, connection, &rule, &kept).await });
            }
        });
        Self { port, received }
    }

    /// All complete requests.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Serves one connection. Returns early if the client closes it.
async fn serve(
    mut stream: TcpStream,
    connection: usize,
    rule: &Rule,
    kept: &Mutex<Vec<Received>>,
) -> Option<()> {
    let limit = rule.limit.as_ref().map_or(usize::MAX, |(bytes, _)| *bytes);
    let mut buffer = Vec::new();
    for number in 0.. {
        let (head_bytes, bytes) = loop {
            if buffer.len() > limit {
                let (_, response) = rule.limit.as_ref()?;
                return stream.write_all(response.as_bytes()).await.ok();
            }
            if let Some((head_bytes, bytes)) = lengths(&buffer)
                && buffer.len() >= bytes
            {
                break (head_bytes, bytes);
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let request: Vec<u8> = buffer.drain(..bytes).collect();
        let head = String::from_utf8(request[..head_bytes].to_vec()).unwrap();
        let request = Received { connection, head, body: request[head_bytes..].to_vec() };
        kept.lock().unwrap().push(request.clone());
        if matches!(rule.after_response, AfterResponse::CloseOnRequest) && number > 0 {
            return None;
        }
        stream.write_all((rule.respond)(&request).as_bytes()).await.ok()?;
        if matches!(rule.after_response, AfterResponse::Close) {
            return None;
        }
    }
    None
}

/// The lengths of the head and of the whole request, if the head is complete.
fn lengths(buffer: &[u8]) -> Option<(usize, usize)> {
    let head_bytes = buffer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&buffer[..head_bytes]).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some((head_bytes, head_bytes + length.map_or(0, |length| length.parse().unwrap())))
}
