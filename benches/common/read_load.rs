//! Repeats one read over keep-alive connections. One thread serves all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::setup;

/// A read, as it is repeated.
pub struct Read<'a> {
    pub path: &'a str,
    pub user: i64,
    /// `zstd`, `br` or `gzip`; or empty for an answer that is not compressed.
    pub encoding: &'a str,
    pub is_conditional: bool,
}

/// The result of [`Read::measure`].
#[derive(Clone, Copy, Debug)]
pub struct Reads {
    pub per_second: f64,
    /// The length of the body, as it is sent.
    pub bytes: usize,
}

impl Read<'_> {
    /// Responses per second. Each must have the status, the encoding and the tag of the first one.
    ///
    /// # Panics
    /// If the answer changes, or is not as it was asked for.
    pub fn measure(&self, address: &str, connections: usize, duration: Duration) -> Reads {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(self.run(address, connections, duration))
    }

    async fn run(&self, address: &str, connections: usize, duration: Duration) -> Reads {
        let accept = match self.encoding {
            "" => String::new(),
            encoding => format!("accept-encoding: {encoding}\r\n"),
        };
        let mut first = Connection::open(address).await;
        let request = setup::get(self.path, self.user, &accept);
        let response = first.send(request.as_bytes()).await;
        let path = self.path;
        assert_eq!(response.status, 200, "{path}: {:?}", String::from_utf8_lossy(response.body));
        let encoding = response.header("content-encoding").unwrap_or_default();
        assert_eq!(encoding, self.encoding, "{path} has another encoding");
        let (mut status, mut bytes, mut request) = (200, response.body.len(), request);
        if self.is_conditional {
            let tag = response.header("etag").unwrap_or_else(|| panic!("{path} has no tag"));
            let headers = format!("{accept}if-none-match: {tag}\r\n");
            (status, bytes) = (304, 0);
            request = setup::get(self.path, self.user, &headers);
        }
        let request = Arc::new(request);
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            open.push(Connection::open(address).await);
        }
        let started = Instant::now();
        let tasks: Vec<_> = open
            .into_iter()
            .map(|mut connection| {
                let request = request.clone();
                tokio::spawn(async move {
                    let mut count = 0_u64;
                    while started.elapsed() < duration {
                        let response = connection.send(request.as_bytes()).await;
                        assert_eq!((response.status, response.body.len()), (status, bytes));
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let mut count = 0;
        for task in tasks {
            count += task.await.expect("each response is as expected");
        }
        Reads { per_second: count as f64 / started.elapsed().as_secs_f64(), bytes }
    }
}
