//! Load: clients that place crossing orders, one after the other, and record the responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::client::{Client, Response};
use super::wait_for;

/// The responses that the clients received.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The ids of acknowledged orders: a list for each task, in the order of the responses.
    pub orders: Vec<Vec<i64>>,
    /// The ids of the trades in the responses.
    pub trades: Vec<i64>,
    /// Every response that was not a success.
    pub error_responses: Vec<Response>,
    /// The number of requests without a complete response.
    pub without_response: usize,
    /// The time that each acknowledged order took.
    pub latencies: Vec<Duration>,
}

impl Outcome {
    /// The ids of all acknowledged orders, in ascending order.
    pub fn all_orders(&self) -> Vec<i64> {
        let mut ids: Vec<i64> = self.orders.iter().flatten().copied().collect();
        ids.sort_unstable();
        ids
    }

    pub fn add(&mut self, other: Self) {
        self.orders.extend(other.orders);
        self.trades.extend(other.trades);
        self.error_responses.extend(other.error_responses);
        self.without_response += other.without_response;
        self.latencies.extend(other.latencies);
    }
}

/// Running clients. Each runs until it is stopped, or until a request gets no response.
pub struct Load {
    acknowledged: watch::Sender<usize>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Outcome>>,
}

impl Load {
    /// Starts one task for each client and market. Buys and sells of different users cross.
    pub fn start(clients: &[Client], symbols: &[&'static str]) -> Self {
        let acknowledged = watch::Sender::new(0);
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for client in clients {
            for symbol in symbols {
                let (count, stop) = (acknowledged.clone(), stop.clone());
                let first = tasks.len();
                tasks.push(tokio::spawn(trade(client.clone(), symbol, first, count, stop)));
            }
        }
        Self { acknowledged, stop, tasks }
    }

    /// Waits until `count` orders have been acknowledged in total.
    pub async fn wait_for_acknowledged(&self, count: usize) {
        let mut current = self.acknowledged.subscribe();
        wait_for(&format!("{count} acknowledged orders"), || {
            let enough = *current.borrow_and_update() >= count;
            async move { enough.then_some(()) }
        })
        .await;
    }

    pub fn count(&self) -> usize {
        *self.acknowledged.borrow()
    }

    /// Stops the clients after their current order and returns their responses.
    pub async fn stop(self) -> Outcome {
        self.stop.store(true, Ordering::SeqCst);
        self.join().await
    }

    /// Waits until every client has stopped by itself because the server is gone.
    pub async fn join(self) -> Outcome {
        let mut outcome = Outcome::default();
        for task in self.tasks {
            outcome.add(task.await.expect("no panic"));
        }
        outcome
    }
}

async fn trade(
    client: Client,
    symbol: &'static str,
    first: usize,
    count: watch::Sender<usize>,
    stop: Arc<AtomicBool>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut acknowledged = Vec::new();
    for number in first.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let side = if number.is_multiple_of(2) { "buy" } else { "sell" };
        let body = format!(r#"{{"symbol":"{symbol}","side":"{side}","price":10,"amount":0.0001}}"#);
        let headers = [("content-type", "application/json")];
        let sent_at = Instant::now();
        let result =
            client.try_send(Method::POST, "/api/orders", &headers, body.into_bytes()).await;
        match result {
            Ok(response) if response.status == 200 => {
                outcome.latencies.push(sent_at.elapsed());
                let data = response.data();
                acknowledged.push(data["order"]["id"].as_i64().expect("a numeric id"));
                let trades = data["trades"].as_array().expect("a list");
                outcome.trades.extend(trades.iter().filter_map(|trade| trade["id"].as_i64()));
                count.send_modify(|count| *count += 1);
            }
            Ok(response) => outcome.error_responses.push(response),
            Err(_) => {
                outcome.without_response += 1;
                break;
            }
        }
    }
    outcome.orders.push(acknowledged);
    outcome
}
