//! The load: each order is sent when it is due, whether or not earlier ones have been answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::Run;
use super::instance::decimal;
use super::orders::{PlannedOrder, Planner};
use super::tally::{Outcome, Unclear};
use crate::market::Fixed;

/// Requests that wait for an answer. Further orders wait, and their latency includes it.
const MAX_IN_FLIGHT: usize = 1_000;
/// Orders of a user that rest; the oldest one is cancelled when there are more.
const MAX_RESTING: usize = 20;
/// How often the price is read again.
const PRICE_INTERVAL: Duration = Duration::from_secs(5);
/// How long the last answers may take.
const LAST_ANSWERS: Duration = Duration::from_secs(20);
/// What says that the order may have been executed.
const OUTCOME_UNKNOWN: &str = "outcome_unknown";

/// How much is sent, and when.
pub struct Load {
    pub interval: Duration,
    pub orders: u64,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub orders: u64,
    pub elapsed: Duration,
    /// How much later than it was due an order was sent at most: this program was too slow, or
    /// [`MAX_IN_FLIGHT`] orders were waiting.
    pub latest: Duration,
    pub is_interrupted: bool,
}

impl Load {
    /// Sends the orders, and returns when they are answered. An interrupt ends the sending.
    pub async fn send(&self, run: &Arc<Run>, mut planner: Planner) -> Sent {
        let price = Arc::new(Mutex::new(run.instance.market.price));
        let refreshing = tokio::spawn(refresh(Arc::clone(run), Arc::clone(&price)));
        let permits = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
        let mut in_flight = JoinSet::new();
        let mut sent = Sent::default();
        let mut interrupt = Box::pin(tokio::signal::ctrl_c());
        let started = Instant::now();
        let run_id: u32 = rand::random();
        for number in 0..self.orders {
            let due = started + self.interval.mul_f64(number as f64);
            let permit = async {
                tokio::time::sleep_until(due.into()).await;
                Arc::clone(&permits).acquire_owned().await
            };
            let permit = tokio::select! {
                permit = permit => permit,
                _ = &mut interrupt => {
                    sent.is_interrupted = true;
                    break;
                }
            };
            // Nobody closes the semaphore.
            let Ok(permit) = permit else { break };
            sent.latest = sent.latest.max(due.elapsed());
            sent.orders += 1;
            let order = planner.next(*price.lock());
            let name = format!("demo-{run_id:08x}-{number:07}");
            in_flight.spawn(place(Arc::clone(run), order, name, due, permit));
            while in_flight.try_join_next().is_some() {}
        }
        let all = async { while in_flight.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_ANSWERS, all).await.is_err() {
            run.tally.note_problem("not all orders were answered".to_owned());
        }
        refreshing.abort();
        sent.elapsed = started.elapsed();
        sent
    }
}

/// Follows the price of the market.
async fn refresh(run: Arc<Run>, price: Arc<Mutex<Fixed>>) {
    let path = format!("/ticker?symbol={}", run.instance.market.symbol);
    loop {
        tokio::time::sleep(PRICE_INTERVAL).await;
        let ticker = run.api.get(&path, None).await;
        if let Some(last) = ticker.ok().and_then(|ticker| decimal(&ticker["last"])) {
            *price.lock() = last;
        }
    }
}

/// Places an order, and cancels an older one if the user has many.
async fn place(
    run: Arc<Run>,
    order: PlannedOrder,
    client_order_id: String,
    due: Instant,
    _permit: OwnedSemaphorePermit,
) {
    let participant = &run.participants[order.participant];
    let body = order.body(&run.instance.market.symbol, &client_order_id);
    let answer = run.api.send(Method::POST, "/orders", Some(&participant.token), Some(&body)).await;
    let answered_at = Instant::now();
    let latency = answered_at.duration_since(due);
    let placed = match answer {
        Ok(answer) if answer.is_success() => answer.body["data"].clone(),
        Ok(answer) if answer.code() != OUTCOME_UNKNOWN => {
            return run.tally.add(Outcome::Refused(answer.code()), latency);
        }
        _ => {
            run.tally.add(Outcome::Unanswered, latency);
            let unclear = Unclear { participant: order.participant, client_order_id };
            return run.tally.change(|counts| counts.unclear.push(unclear));
        }
    };
    let outcome = outcome_of(&placed["order"]);
    let is_resting = matches!(outcome, Outcome::Rested | Outcome::PartlyFilled);
    run.tally.add(outcome, latency);
    note(&run, order.participant, &placed, Some(answered_at));
    let Some(id) = placed["order"]["id"].as_i64().filter(|_| is_resting) else { return };
    let oldest = {
        let mut resting = participant.resting.lock();
        resting.push_back(id);
        if resting.len() > MAX_RESTING { resting.pop_front() } else { None }
    };
    if let Some(oldest) = oldest {
        cancel(&run, order.participant, oldest).await;
    }
}

/// Remembers an acknowledged order and its trades.
pub fn note(run: &Run, participant: usize, placed: &Value, answered_at: Option<Instant>) {
    let trades = placed["trades"].as_array().cloned().unwrap_or_default();
    run.tally.change(|counts| {
        let acknowledged = counts.acknowledged.entry(participant).or_default();
        acknowledged.extend(placed["order"]["id"].as_i64());
        counts.trades.extend(trades.iter().filter_map(|trade| trade["id"].as_i64()));
    });
    for trade in &trades {
        let Some(id) = trade["id"].as_i64() else { continue };
        for party in ["buyer_id", "seller_id"] {
            let is_party = |known: &i64| trade[party].as_i64() == Some(*known);
            for user in run.participants.iter().map(|known| known.id).filter(is_party) {
                run.expected.expect(user, id, answered_at);
            }
        }
    }
}

fn outcome_of(order: &Value) -> Outcome {
    let filled = decimal(&order["filled_amount"]).unwrap_or_default();
    match order["status"].as_i64() {
        Some(1) if filled.is_zero() => Outcome::Rested,
        Some(1) => Outcome::PartlyFilled,
        Some(2) => Outcome::Filled,
        _ => Outcome::Ended,
    }
}

/// Cancels an order, which may have been filled meanwhile.
pub async fn cancel(run: &Run, participant: usize, order: i64) {
    let (token, started) = (&run.participants[participant].token, Instant::now());
    let path = format!("/orders/{order}/cancel");
    let answer = run.api.send(Method::POST, &path, Some(token), None).await;
    let outcome = match answer {
        Ok(answer) if answer.is_success() => Outcome::Cancelled,
        Ok(answer) if answer.code() == "order_not_open" => Outcome::NotOpen,
        Ok(answer) => {
            let problem = format!("an order was not cancelled: {}", answer.code());
            return run.tally.note_problem(problem);
        }
        Err(error) => {
            let problem = format!("an order was not cancelled: {error}");
            return run.tally.note_problem(problem);
        }
    };
    run.tally.add(outcome, started.elapsed());
}
