//! From an order over HTTP to the WebSockets of its buyer and its seller, with the embedded
//! provider.

use std::time::Duration;

use serde_json::json;

use crate::database::Database;
use crate::heard::{self, Heard, Log};
use crate::latency;
use crate::load::{self, Traded};
use crate::page;
use crate::provider::APP;
use crate::sdk::{self, Event};
use crate::server::Server;
use crate::setup;

/// Connections of pages; each listens for as many of the users.
const PAGES: i64 = 100;
/// Connections that place orders at a rate, and at full speed.
const CONNECTIONS: u32 = 64;
const FULL_CONNECTIONS: usize = 256;
/// Trades in a second: few, and as many as shall be borne with ease.
const RATES: [u32; 2] = [100, 1_000];

/// The SDK, then matchcast: at the rates, and at full speed.
pub async fn measure(name: &str, database: &Database, duration: Duration) {
    setup::prepare(database);
    let embedded = [("BROADCAST_CONNECTION", "embedded")];
    let variables = [&embedded[..], &APP].concat();
    let server = Server::start(database, &variables);
    let log = Log::new();
    let each = setup::USERS / PAGES;
    let mut pages = Vec::new();
    for first in (0..PAGES).map(|page| page * each + 1) {
        pages.push(page::listen(&server.address, first..=first + each - 1, log.clone()).await);
    }
    let trigger_awaited = sdk(&server, &log, duration).await;
    let report = |sender: &str, per_second: f64| {
        let ratio = per_second / trigger_awaited;
        println!(
            "embedded sender={sender:<24} database={name:<8} events_per_second={per_second:<6.0} \
             ratio_to_trigger={ratio:.1}"
        );
    };
    report("\"sdk: trigger, awaited\"", trigger_awaited);
    let mut heard = Vec::new();
    for rate in RATES {
        let traded = load::at_rate(&server.address, CONNECTIONS, rate, duration).await;
        let events = all_of(&log, &traded).await;
        latency::report("embedded", name, &format!("{rate}/s"), &traded, &events);
        heard.extend(events);
    }
    let (orders, traded) = load::at_full_speed(&server.address, FULL_CONNECTIONS, duration).await;
    let events = all_of(&log, &traded).await;
    report("\"matchcast: full load\"", latency::events_per_second(&traded, &events));
    latency::report("embedded", name, "full", &traded, &events);
    let per_second = orders as f64 / duration.as_secs_f64();
    println!("embedded_orders_per_second database={name:<8} load=full   value={per_second:.0}");
    heard.extend(events);
    pages.iter().for_each(|page| page.abort());
    heard::check(database, &heard).await;
}

/// What was heard of these trades, once that is everything.
async fn all_of(log: &Log, traded: &[Traded]) -> Vec<Heard> {
    let trades: usize = traded.iter().map(|order| order.trades.len()).sum();
    log.wait_for(2 * trades).await;
    log.take()
}

/// Events per second that the SDK publishes to the pages.
async fn sdk(server: &Server, log: &Log, duration: Duration) -> f64 {
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
    let most = i64::try_from(duration.as_millis()).expect("few") * 10;
    let events: Vec<Event> = (1..=most).map(event).collect();
    let port = server.address.rsplit(':').next().and_then(|port| port.parse().ok());
    let port = port.expect("a port");
    let published = sdk::publish(port, "awaited", &events, duration).await;
    assert_eq!(published.failed, 0, "{:?}", published.error);
    log.wait_for(published.accepted).await;
    assert_eq!(log.take().len(), published.accepted, "what was published was heard");
    published.accepted as f64 / published.elapsed_ms * 1_000.0
}
