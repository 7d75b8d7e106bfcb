//! Orders over HTTP, and what their clients saw.

use std::time::{Duration, Instant};

use matchcast::market::Side;
use rand::Rng;
use serde::Deserialize;
use tokio::time::MissedTickBehavior;

use crate::server::Connection;
use crate::setup;

/// An order that traded.
#[derive(Clone, Debug)]
pub struct Traded {
    pub sent: Instant,
    pub answered: Instant,
    pub trades: Vec<i64>,
}

#[derive(Deserialize)]
struct Placed {
    data: PlacedData,
}

#[derive(Deserialize)]
struct PlacedData {
    trades: Vec<Trade>,
}

#[derive(Deserialize)]
struct Trade {
    id: i64,
}

/// Sends a request that places an order, and waits for its answer.
async fn place(connection: &mut Connection, request: &str) -> Option<Traded> {
    let sent = Instant::now();
    let body = connection.exchange(request).await;
    let answered = Instant::now();
    let placed: Placed = serde_json::from_slice(body).expect("an order and its trades");
    let trades: Vec<i64> = placed.data.trades.iter().map(|trade| trade.id).collect();
    (!trades.is_empty()).then_some(Traded { sent, answered, trades })
}

/// Random orders as fast as these many connections are answered; half of them trade.
pub async fn at_full_speed(
    address: &str,
    connections: usize,
    duration: Duration,
) -> (usize, Vec<Traded>) {
    let started = Instant::now();
    let tasks = (0..connections).map(|_| {
        let address = address.to_owned();
        async move {
            let mut connection = Connection::open(&address).await;
            let (mut count, mut traded) = (0, Vec::new());
            while started.elapsed() < duration {
                let request = setup::request(&setup::random_order());
                traded.extend(place(&mut connection, &request).await);
                count += 1;
            }
            (count, traded)
        }
    });
    let (counts, traded): (Vec<usize>, Vec<_>) = together(tasks).await.into_iter().unzip();
    (counts.iter().sum(), traded.concat())
}

/// Pairs of orders that trade with each other: so many in a second, by these many connections in
/// turn, or as fast as they are answered where that is less.
pub async fn at_rate(
    address: &str,
    connections: u32,
    trades_per_second: u32,
    duration: Duration,
) -> Vec<Traded> {
    let each = Duration::from_secs(1) * connections / trades_per_second;
    let start = Instant::now();
    let tasks = (0..connections).map(|number| {
        let address = address.to_owned();
        async move {
            let mut connection = Connection::open(&address).await;
            let first = start + each * number / connections;
            let mut ticks = tokio::time::interval_at(first.into(), each);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut traded = Vec::new();
            while start.elapsed() < duration {
                ticks.tick().await;
                traded.extend(pair(&mut connection).await);
            }
            traded
        }
    });
    together(tasks).await.concat()
}

/// So many trades, as fast as these many connections are answered.
pub async fn trades(address: &str, connections: usize, count: usize) {
    let tasks = (0..connections).map(|number| {
        let address = address.to_owned();
        async move {
            let mut connection = Connection::open(&address).await;
            for _ in (number..count).step_by(connections) {
                pair(&mut connection).await;
            }
        }
    });
    together(tasks).await;
}

/// An order that waits, and one that trades. Sellers are odd and buyers even, so that nobody meets
/// an order of their own; whoever buys finds at least the order that was placed before.
async fn pair(connection: &mut Connection) -> Option<Traded> {
    let half = rand::rng().random_range(1..=setup::USERS / 2);
    let sell = setup::request(&setup::order(2 * half - 1, Side::Sell));
    let half = rand::rng().random_range(1..=setup::USERS / 2);
    let buy = setup::request(&setup::order(2 * half, Side::Buy));
    assert!(place(connection, &sell).await.is_none(), "nobody buys yet");
    Some(place(connection, &buy).await.expect("a trade"))
}

/// Runs everything at once, each in a task of its own.
pub async fn together<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = work.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("no panic"));
    }
    results
}
