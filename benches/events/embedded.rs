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
    let measured =
        Measured { name, log: &log, trigger_awaited: sdk(&server, &log, duration).await };
    measured.report("sdk: trigger, awaited", measured.trigger_awaited);
    let mut heard = Vec::new();
    for rate in RATES {
        let traded = load::at_rate(&server.address, CONNECTIONS, rate, duration).await;
        heard.extend(measured.matchcast(&format!("{rate}/s"), &traded).await);
    }
    let (orders, traded) = load::at_full_speed(&server.address, FULL_CONNECTIONS, duration).await;
    heard.extend(measured.matchcast("full", &traded).await);
    let per_second = orders as f64 / duration.as_secs_f64();
    println!("embedded_orders_per_second database={name:<8} load=full value={per_second:.0}");
    pages.iter().for_each(|page| page.abort());
    heard::check(database, &heard).await;
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

struct Measured<'a> {
    name: &'a str,
    log: &'a Log,
    trigger_awaited: f64,
}

impl Measured<'_> {
    /// Prints what came of these trades, and gives what was heard of them.
    async fn matchcast(&self, load: &str, traded: &[Traded]) -> Vec<Heard> {
        let trades: usize = traded.iter().map(|order| order.trades.len()).sum();
        self.log.wait_for(2 * trades).await;
        let heard = self.log.take();
        let first = traded.iter().map(|order| order.sent).min().expect("a trade");
        let last = heard.iter().map(|heard| heard.at).max().expect("an event");
        let per_second = heard.len() as f64 / (last - first).as_secs_f64();
        self.report(&format!("matchcast: load {load}"), per_second);
        latency::report("embedded", self.name, load, traded, &heard);
        heard
    }

    fn report(&self, sender: &str, per_second: f64) {
        println!(
            "embedded sender=\"{sender}\"{:padding$} database={:<8} \
             events_per_second={per_second:<6.0} ratio_to_trigger={:.1}",
            "",
            self.name,
            per_second / self.trigger_awaited,
            padding = 23_usize.saturating_sub(sender.len()),
        );
    }
}
