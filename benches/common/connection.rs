//! A keep-alive connection that costs little: the load shares the processors with the server.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `HTTP/1.1 200`: the position of the status.
const STATUS: std::ops::Range<usize> = 9..12;
const HEAD_END: &[u8] = b"\r\n\r\n";
const LINE_END: &[u8] = b"\r\n";
const CHUNKED: &[u8] = b"\r\ntransfer-encoding: chunked\r\n";
const CONTENT_LENGTH: &[u8] = b"\r\ncontent-length: ";

/// One keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    response: Vec<u8>,
}

/// A complete response.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    pub status: u16,
    head: &'a [u8],
    /// As it was sent: chunks with their lengths.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// The value of a header, whose name is in lower case.
    #[allow(dead_code, reason = "not every benchmark reads headers")]
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(self.head).ok()?;
        let mut fields = head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| *field == name).map(|(_, value)| value)
    }
}

impl Connection {
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, response: Vec::with_capacity(4096) }
    }

    /// Sends a request and returns the body of the response.
    ///
    /// # Panics
    /// If the status is not 200 or the connection fails.
    pub async fn exchange(&mut self, request: &str) -> &[u8] {
        let response = self.send(request.as_bytes()).await;
        let text = || String::from_utf8_lossy(response.body).into_owned();
        assert_eq!(response.status, 200, "{}", text());
        response.body
    }

    /// Sends a request and returns the response.
    ///
    /// # Panics
    /// If the connection fails.
    pub async fn send(&mut self, request: &[u8]) -> Response<'_> {
        self.stream.write_all(request).await.expect("a request");
        self.response.clear();
        let mut reader: Option<BodyReader> = None;
        loop {
            let read = self.stream.read_buf(&mut self.response).await.expect("a response");
            assert!(read > 0, "the server closed the connection");
            if reader.is_none() {
                reader = BodyReader::new(&self.response);
            }
            if let Some(reader) = &mut reader
                && reader.is_complete(&self.response)
            {
                let (head, body) = self.response.split_at(reader.head);
                let status = std::str::from_utf8(&head[STATUS]).ok();
                let status = status.and_then(|text| text.parse().ok()).expect("a status");
                return Response { status, head, body };
            }
        }
    }
}

/// Finds the end of a body.
struct BodyReader {
    /// The length of the head.
    head: usize,
    /// Where the body ends, or the next chunk begins.
    next: usize,
    is_chunked: bool,
}

impl BodyReader {
    /// `None` if the head is incomplete.
    fn new(response: &[u8]) -> Option<Self> {
        let head = find(response, HEAD_END)? + HEAD_END.len();
        let is_chunked = find(&response[..head], CHUNKED).is_some();
        let length = find(&response[..head], CONTENT_LENGTH).map_or(0, |position| {
            let digits = response[position + CONTENT_LENGTH.len()..].iter();
            let digits = digits.take_while(|byte| byte.is_ascii_digit());
            digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
        });
        Some(Self { head, next: head + length, is_chunked })
    }

    fn is_complete(&mut self, response: &[u8]) -> bool {
        if !self.is_chunked {
            return response.len() >= self.next;
        }
        // A chunk is its length in hexadecimal, a line end, its bytes and another line end. The
        // last one is empty.
        while let Some(line) = response.get(self.next..).and_then(|rest| find(rest, LINE_END)) {
            let start = self.next;
            let length = std::str::from_utf8(&response[start..start + line]).ok();
            let length = length.and_then(|text| usize::from_str_radix(text, 16).ok());
            let length = length.expect("a length");
            let end = start + line + length + 2 * LINE_END.len();
            if length == 0 {
                return response.len() >= end;
            }
            self.next = end;
        }
        false
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
