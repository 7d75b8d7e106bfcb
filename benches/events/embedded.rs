//! Measures the embedded provider: from an order over HTTP to the WebSockets of its buyer and its
//! seller.

use std::time::Duration;

use serde_json::json;

use crate::database::Database;
use crate::latency;
use crate::load::{self, TradedOrder};
use crate::provider::APP;
use crate::received::{self, EventLog, ReceivedEvent};
use crate::recorder::Recorder;
use crate::sdk::{self, Event};
use crate::server::Server;
use crate::setup;
use crate::subscriber;

/// WebSocket connections. Each subscribes to the channels of an equal share of the users.
const SUBSCRIBERS: i64 = 100;
/// Connections that place orders at a fixed rate, and at full speed.
const CONNECTIONS: u32 = 64;
const FULL_SPEED_CONNECTIONS: usize = 256;
/// A low rate, and one that every machine should sustain without queueing.
const TRADES_PER_SECOND: [u32; 2] = [100, 1_000];

/// Measures the SDK, then matchcast at fixed rates and at full speed.
pub async fn measure(
    recorder: &mut Recorder,
    repetition: u32,
    name: &str,
    database: &Database,
    duration: Duration,
) {
    setup::prepare(database);
    let embedded = [("BROADCAST_CONNECTION", "embedded")];
    let variables = [&embedded[..], &APP].concat();
    let server = Server::start(database, &variables);
    let log = EventLog::new();
    let users_each = setup::USERS / SUBSCRIBERS;
    let mut subscribers = Vec::new();
    for first in (0..SUBSCRIBERS).map(|number| number * users_each + 1) {
        let users = first..=first + users_each - 1;
        subscribers.push(subscriber::subscribe(&server.address, users, log.clone()).await);
    }
    let trigger_awaited = measure_sdk(&server, &log, duration).await;
    let parameters = json!({ "database": name, "sender": "sdk" });
    recorder.record("events_per_second", parameters, repetition, trigger_awaited);
    let mut received = Vec::new();
    for rate in TRADES_PER_SECOND {
        let orders = load::at_rate(&server.address, CONNECTIONS, rate, duration).await;
        let events = events_of(&log, &orders).await;
        let parameters = json!({ "database": name, "load": format!("{rate}/s") });
        latency::record(recorder, &parameters, repetition, &orders, &events);
        received.extend(events);
    }
    let (placed, orders) =
        load::at_full_speed(&server.address, FULL_SPEED_CONNECTIONS, duration).await;
    let events = events_of(&log, &orders).await;
    let parameters = json!({ "database": name, "sender": "matchcast" });
    let per_second = latency::events_per_second(&orders, &events);
    recorder.record("events_per_second", parameters, repetition, per_second);
    let parameters = json!({ "database": name, "load": "full" });
    latency::record(recorder, &parameters, repetition, &orders, &events);
    let per_second = placed as f64 / duration.as_secs_f64();
    recorder.record("orders_per_second", parameters, repetition, per_second);
    received.extend(events);
    subscribers.iter().for_each(|subscriber| subscriber.abort());
    received::check(database, &received).await;
}

/// Waits until all events of these orders were received, and returns them.
async fn events_of(log: &EventLog, orders: &[TradedOrder]) -> Vec<ReceivedEvent> {
    let trades: usize = orders.iter().map(|order| order.trades.len()).sum();
    log.wait_for(2 * trades).await;
    log.take()
}

/// Events per second that the SDK publishes to the subscribers.
async fn measure_sdk(server: &Server, log: &EventLog, duration: Duration) -> f64 {
    let event = |number: i64| {
        let (buyer, seller) = (number % setup::USERS + 1, (number + 1) % setup::USERS + 1);
        let data = json!({
            "event_id": format!("order.matched-{number}"), "trade_id": number, "symbol": "BTC",
            "price": 50_000, "amount": 0.1, "buyer_id": buyer, "seller_id": seller,
            "buy_order_id": 2 * number, "sell_order_id": 2 * number + 1,
        });
        Event { channel: format!("private-user.{buyer}"), data: data.to_string() }
    };
    // More than can be published one at a time.
    let max_events = i64::try_from(duration.as_millis()).expect("a short duration") * 10;
    let events: Vec<Event> = (1..=max_events).map(event).collect();
    let port = server.address.rsplit(':').next().and_then(|port| port.parse().ok());
    let port = port.expect("a port");
    let summary = sdk::publish(port, "awaited", &events, duration).await;
    assert_eq!(summary.failed, 0, "{:?}", summary.error);
    log.wait_for(summary.accepted).await;
    assert_eq!(log.take().len(), summary.accepted, "each accepted event is received once");
    summary.accepted as f64 / summary.elapsed_ms * 1_000.0
}
