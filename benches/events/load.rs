//! Places orders over HTTP and records those that traded.

use std::time::{Duration, Instant};

use matchcast::market::Side;
use rand::Rng;
use serde::Deserialize;
use tokio::time::MissedTickBehavior;

use crate::connection::Connection;
use crate::setup;

/// An order that traded on arrival.
#[derive(Clone, Debug)]
pub struct TradedOrder {
    pub sent_at: Instant,
    pub responded_at: Instant,
    pub trades: Vec<i64>,
}

#[derive(Deserialize)]
struct ResponseBody {
    data: PlacedOrder,
}

#[derive(Deserialize)]
struct PlacedOrder {
    trades: Vec<Trade>,
}

#[derive(Deserialize)]
struct Trade {
    id: i64,
}

/// Sends a request that places an order and waits for the response. `None` if it did not trade.
async fn place(connection: &mut Connection, request: &str) -> Option<TradedOrder> {
    let sent_at = Instant::now();
    let body = connection.exchange(request).await;
    let responded_at = Instant::now();
    let body: ResponseBody = serde_json::from_slice(body).expect("an order and its trades");
    let trades: Vec<i64> = body.data.trades.iter().map(|trade| trade.id).collect();
    (!trades.is_empty()).then_some(TradedOrder { sent_at, responded_at, trades })
}

/// Places random orders without pause on each connection; half of them trade. Returns the number of
/// orders, and those that traded.
pub async fn at_full_speed(
    address: &str,
    connections: usize,
    duration: Duration,
) -> (usize, Vec<TradedOrder>) {
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
    let (counts, traded): (Vec<usize>, Vec<_>) = join_all(tasks).await.into_iter().unzip();
    (counts.iter().sum(), traded.concat())
}

/// Places pairs of orders that trade with each other, at this total rate, spread evenly over the
/// connections. The rate is lower if the server does not keep up.
pub async fn at_rate(
    address: &str,
    connections: u32,
    trades_per_second: u32,
    duration: Duration,
) -> Vec<TradedOrder> {
    let interval = Duration::from_secs(1) * connections / trades_per_second;
    let start = Instant::now();
    let tasks = (0..connections).map(|number| {
        let address = address.to_owned();
        async move {
            let mut connection = Connection::open(&address).await;
            let first = start + interval * number / connections;
            let mut ticks = tokio::time::interval_at(first.into(), interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut traded = Vec::new();
            while start.elapsed() < duration {
                ticks.tick().await;
                traded.extend(place_pair(&mut connection).await);
            }
            traded
        }
    });
    join_all(tasks).await.concat()
}

/// Produces this number of trades as fast as the server responds.
pub async fn trades(address: &str, connections: usize, count: usize) {
    let tasks = (0..connections).map(|number| {
        let address = address.to_owned();
        async move {
            let mut connection = Connection::open(&address).await;
            for _ in (number..count).step_by(connections) {
                place_pair(&mut connection).await;
            }
        }
    });
    join_all(tasks).await;
}

/// Places an order that rests and one that trades. Sellers have odd ids and buyers even ones, so
/// there are no self-trades. The buy order always trades, because at least the sell order before it
/// is in the book.
async fn place_pair(connection: &mut Connection) -> Option<TradedOrder> {
    let half = rand::rng().random_range(1..=setup::USERS / 2);
    let sell = setup::request(&setup::order(2 * half - 1, Side::Sell));
    let half = rand::rng().random_range(1..=setup::USERS / 2);
    let buy = setup::request(&setup::order(2 * half, Side::Buy));
    assert!(place(connection, &sell).await.is_none(), "no bid is in the book");
    Some(place(connection, &buy).await.expect("a trade"))
}

/// Runs each future in a task of its own and returns their results in order.
async fn join_all<T: Send + 'static>(
    futures: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("no panic"));
    }
    results
}
