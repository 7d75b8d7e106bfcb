//! Places orders over HTTP: keep-alive connections, each of which waits for the response before it
//! sends the next order. One thread serves all of them.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use matchcast::market::Side;
use rand::Rng;

use crate::connection::Connection;
use crate::setup;

/// Connections of [`use_tokens`].
const READERS: i64 = 16;

/// Whether each order has an idempotency key and a client order id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    Without,
    With,
}

/// Responses, and the time that they took.
#[derive(Clone, Copy, Debug)]
pub struct Responses {
    pub count: u64,
    pub elapsed: Duration,
}

impl Responses {
    pub fn per_second(self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }
}

/// Lets each user read once. A process looks a token up in the database when it is used for the
/// first time in a while; that is not what an order costs.
#[allow(dead_code, reason = "not every benchmark uses all tokens")]
pub fn use_tokens(address: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let readers = (0..READERS).map(|reader| async move {
            let mut connection = Connection::open(address).await;
            for user in (1..=setup::USERS).filter(|user| user % READERS == reader) {
                let request = setup::get("/api/profile", user, "");
                let response = connection.send(request.as_bytes()).await;
                assert_eq!(response.status, 200, "user {user}");
            }
        });
        futures_util::future::join_all(readers).await;
    });
}

/// Places orders for this time.
pub fn for_duration(
    address: &str,
    keys: Keys,
    connections: usize,
    duration: Duration,
) -> Responses {
    let started = Instant::now();
    run(address, keys, connections, move |_| started.elapsed() < duration)
}

/// Places orders while `has_more`, which is told their number so far.
pub fn run(
    address: &str,
    keys: Keys,
    connections: usize,
    has_more: impl Fn(u64) -> bool + Copy + Send + 'static,
) -> Responses {
    exchange(&[address], connections, Requests::Orders(setup::requests(), keys), has_more)
}

/// Places orders in this number of markets, over connections to all of these processes.
#[allow(dead_code, reason = "not every benchmark has several processes")]
pub fn in_markets(
    addresses: &[&str],
    markets: usize,
    connections: usize,
    duration: Duration,
) -> Responses {
    let started = Instant::now();
    let requests = Requests::Orders(setup::requests_in(markets), Keys::Without);
    exchange(addresses, connections, requests, move |_| started.elapsed() < duration)
}

/// Repeats this request for this time.
pub fn repeat(address: &str, connections: usize, request: String, duration: Duration) -> Responses {
    let started = Instant::now();
    let has_more = move |_| started.elapsed() < duration;
    exchange(&[address], connections, Requests::Same(request), has_more)
}

enum Requests {
    /// A random one of these: each user's buy and sell order.
    Orders(Vec<String>, Keys),
    Same(String),
}

impl Requests {
    fn next(&self) -> Cow<'_, str> {
        static LAST_NAME: AtomicU64 = AtomicU64::new(0);
        match self {
            Self::Same(request) => request.into(),
            Self::Orders(requests, keys) => {
                let number = rand::rng().random_range(0..requests.len());
                if *keys == Keys::Without {
                    return (&requests[number]).into();
                }
                let name = LAST_NAME.fetch_add(1, Ordering::Relaxed);
                let user = 1 + i64::try_from(number / 2).expect("few users");
                let side = if number.is_multiple_of(2) { Side::Buy } else { Side::Sell };
                setup::request_with_key(&setup::order(user, side), name).into()
            }
        }
    }
}

fn exchange(
    addresses: &[&str],
    connections: usize,
    requests: Requests,
    has_more: impl Fn(u64) -> bool + Copy + Send + 'static,
) -> Responses {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async move {
        let requests = Arc::new(requests);
        let count = Arc::new(AtomicU64::new(0));
        // The connections are open before the time is measured.
        let mut open = Vec::with_capacity(connections);
        for address in addresses.iter().cycle().take(connections) {
            open.push(Connection::open(address).await);
        }
        let started = Instant::now();
        let tasks: Vec<_> = open
            .into_iter()
            .map(|mut connection| {
                let (requests, count) = (requests.clone(), count.clone());
                tokio::spawn(async move {
                    while has_more(count.load(Ordering::Relaxed)) {
                        connection.exchange(&requests.next()).await;
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no client panics");
        }
        Responses { count: count.load(Ordering::Relaxed), elapsed: started.elapsed() }
    })
}
