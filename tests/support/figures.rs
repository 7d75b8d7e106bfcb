//! Measures what clients observe during a fault: their waits, their responses, the stall of another
//! market, and the memory of the process.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::Rng;
use reqwest::Method;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::client::Client;
use super::database::Database;
use super::fault_injection::Seed;
use super::process::Process;
use super::wait_for;

/// A longer random pause between two orders would hide a short stall.
const PAUSE_MS: std::ops::Range<u64> = 1..8;

/// The responses of one or more clients.
#[derive(Default)]
struct Record {
    /// The number of responses with each status and code.
    answers: BTreeMap<String, usize>,
    longest_wait: Duration,
    /// The longest time between two successes.
    longest_stall: Duration,
    acknowledged: Vec<i64>,
}

/// Clients that place orders until they are stopped, whatever the responses are.
pub struct Observation {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Record>>,
    other_market: JoinHandle<Record>,
    /// The number of successes in the other market.
    successes: watch::Receiver<usize>,
}

/// The result of an observation.
pub struct Figures {
    answers: BTreeMap<String, usize>,
    pub longest_wait: Duration,
    pub longest_stall: Duration,
    acknowledged: Vec<i64>,
    peak_mb: u64,
    final_mb: u64,
    /// Further figures of this fault.
    pub more: String,
}

impl Observation {
    /// The clients trade ETH with each other; `other` trades BTC with itself.
    pub fn start(seed: &Seed, clients: &[Client], other: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (count, successes) = watch::channel(0);
        let unseen = watch::Sender::new(0);
        let clients = (0..).zip(clients).map(|(number, client)| {
            let orders = Orders::new(seed, number, "ETH", client.clone());
            tokio::spawn(orders.place_until(stop.clone(), unseen.clone()))
        });
        let clients = clients.collect();
        let orders = Orders::new(seed, 1_000, "BTC", other.clone());
        let other_market = tokio::spawn(orders.place_until(stop.clone(), count));
        Self { stop, clients, other_market, successes }
    }

    /// Waits for further successes in the other market, and returns the time until the first.
    pub async fn wait_for_success(&self) -> Duration {
        let started = Instant::now();
        // The next response may belong to an order from before.
        for _ in 0..2 {
            let before = *self.successes.borrow();
            let successes = &self.successes;
            wait_for("an accepted order", || async {
                (*successes.borrow() > before).then_some(())
            })
            .await;
        }
        started.elapsed()
    }

    pub async fn stop(self, process: &Process) -> Figures {
        self.stop.store(true, Ordering::SeqCst);
        let other = self.other_market.await.expect("no panic");
        let Record { mut answers, mut longest_wait, longest_stall, mut acknowledged } = other;
        for client in self.clients {
            let record = client.await.expect("no panic");
            longest_wait = longest_wait.max(record.longest_wait);
            acknowledged.extend(record.acknowledged);
            for (kind, count) in record.answers {
                *answers.entry(kind).or_default() += count;
            }
        }
        let (peak_mb, final_mb) = (process.peak_resident_mb(), process.resident_mb());
        let more = String::new();
        Figures { answers, longest_wait, longest_stall, acknowledged, peak_mb, final_mb, more }
    }
}

impl Figures {
    /// Checks the database, and prints the figures in one line.
    ///
    /// # Panics
    /// If an acknowledged order is missing, the audit finds anything, or there was a response that
    /// a client cannot act on.
    pub fn report(&self, fault: &str, database: &Database) {
        // libtest shows the output of a success only on request, except what is written here.
        let _ = writeln!(std::io::stderr(), "fault {fault}: {self}");
        let stored = database.order_ids();
        let missing = self.acknowledged.iter().filter(|id| stored.binary_search(id).is_err());
        assert_eq!(missing.count(), 0, "every acknowledged order is stored");
        for kind in self.answers.keys() {
            let expected = kind == "200" || kind.starts_with("503 ");
            assert!(expected, "{fault}: {self}");
        }
        database.audit();
        let _ = writeln!(std::io::stderr(), "fault {fault}: audit clean");
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_millis();
        write!(f, "longest wait {} ms, ", ms(self.longest_wait))?;
        write!(f, "longest stall of the other market {} ms, ", ms(self.longest_stall))?;
        write!(f, "memory {} MB peak, {} MB at the end, answers", self.peak_mb, self.final_mb)?;
        for (kind, count) in &self.answers {
            write!(f, " [{kind}]: {count}")?;
        }
        write!(f, "{}", self.more)
    }
}

/// The orders of one client.
struct Orders {
    numbers: rand::rngs::StdRng,
    is_buy: bool,
    symbol: &'static str,
    client: Client,
}

impl Orders {
    fn new(seed: &Seed, number: u64, symbol: &'static str, client: Client) -> Self {
        let numbers = seed.numbers(number);
        Self { numbers, is_buy: number.is_multiple_of(2), symbol, client }
    }

    async fn place_until(mut self, stop: Arc<AtomicBool>, count: watch::Sender<usize>) -> Record {
        let mut record = Record::default();
        let mut last_success = Instant::now();
        while !stop.load(Ordering::SeqCst) {
            let sent_at = Instant::now();
            let kind = self.place(&mut record).await;
            record.longest_wait = record.longest_wait.max(sent_at.elapsed());
            if kind == "200" {
                record.longest_stall = record.longest_stall.max(last_success.elapsed());
                last_success = Instant::now();
                count.send_modify(|count| *count += 1);
            }
            *record.answers.entry(kind).or_default() += 1;
            let pause = self.numbers.random_range(PAUSE_MS);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        record.longest_stall = record.longest_stall.max(last_success.elapsed());
        record
    }

    /// Places the next order and returns the status and code of the response.
    async fn place(&mut self, record: &mut Record) -> String {
        let Self { symbol, is_buy, .. } = self;
        let side = if *is_buy { "buy" } else { "sell" };
        *is_buy = !*is_buy;
        let amount = self.numbers.random_range(1..20);
        let body = format!(
            r#"{{"symbol":"{symbol}","side":"{side}","price":10,"amount":0.00{amount:03}}}"#
        );
        let headers = [("content-type", "application/json")];
        let sent =
            self.client.try_send(Method::POST, "/api/orders", &headers, body.into_bytes()).await;
        match sent {
            Ok(response) if response.status == 200 => {
                record.acknowledged.extend(response.data()["order"]["id"].as_i64());
                "200".to_owned()
            }
            Ok(response) => {
                let body: serde_json::Value =
                    serde_json::from_str(&response.body).unwrap_or_default();
                format!("{} {}", response.status, body["code"].as_str().unwrap_or("without code"))
            }
            Err(_) => "no response".to_owned(),
        }
    }
}
