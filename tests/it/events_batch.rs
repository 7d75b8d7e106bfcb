//! The events of several commands in one batch, without HTTP: their order, events that are
//! combined, excluded sockets, and events that are too large.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::NaiveDateTime;
use matchcast::engine::{
    self, EngineError, EngineHandle, EngineSettings, EventSettings, Notifiers, OriginatingSocket,
};
use matchcast::events::{SizeLimits, UserChannelKinds, UserChannels};
use matchcast::market::{
    AccountKey, Fixed, MarketId, NewOrder, Order, OrderId, Rejection, Side, UserId,
};
use matchcast::store::markets::Catalog;
use matchcast::store::users;

use crate::on_both;
use crate::support::database::Database;
use crate::support::outbox::OutboxRow;
use crate::support::wait_for;

/// An engine with a seller (1), who owns BTC, and a buyer (2), who owns USD.
struct Batches {
    engine: EngineHandle,
    thread: JoinHandle<()>,
    catalog: Arc<Catalog>,
}

/// A request to the engine. Only the seller cancels orders.
enum Request {
    Place(NewOrder),
    Cancel(OrderId),
}

const SELLER: UserId = UserId(1);
const BUYER: UserId = UserId(2);

fn all_events() -> EventSettings {
    EventSettings {
        order_updated: true,
        balance_updated: true,
        trade_executed: true,
        ..EventSettings::default()
    }
}

fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).expect(text)
}

impl Batches {
    async fn start(database: &Database, events: EventSettings) -> Self {
        let (store, shared) = database.open_store();
        let catalog = shared.current();
        let mut connection = store.connect().expect("a connection");
        for email in ["seller@test.example", "buyer@test.example"] {
            let create = |c: &mut _| users::create(c, "user", email, "no hash", &[]);
            store.write(&mut connection, create).expect("a user");
        }
        let max_wait = Duration::from_secs(60);
        let settings = EngineSettings {
            queue_len: 100,
            batch_len: 100,
            max_wait,
            events,
            ..EngineSettings::default()
        };
        let (engine, thread) =
            engine::start(store, shared, Default::default(), Notifiers::default(), settings)
                .expect("a thread");
        let batches = Self { engine, thread, catalog };
        for (user, symbol, amount) in [(SELLER, "BTC", "10"), (BUYER, "USD", "10000")] {
            let asset = batches.catalog.asset(symbol).expect("an asset");
            let account = AccountKey { user, asset };
            batches.engine.deposit(account, fixed(amount), 1).await.expect("a deposit");
        }
        database.execute("DELETE FROM outbox; DELETE FROM dead_letters");
        batches
    }

    fn market(&self) -> MarketId {
        self.catalog.market("BTC").expect("a market").id
    }

    fn order(&self, side: Side, price: &str, amount: &str) -> NewOrder {
        let user = if side == Side::Buy { BUYER } else { SELLER };
        let (price, amount) = (fixed(price), fixed(amount));
        NewOrder::gtc(user, self.market(), side, price, amount)
    }

    /// Executes the requests in one transaction: they collect in the queue behind an order that
    /// waits for a lock and is then rejected.
    async fn execute_in_one_batch(
        &self,
        database: &Database,
        requests: Vec<(Option<OriginatingSocket>, Request)>,
    ) -> Vec<Order> {
        let lock = database.lock_market("BTC");
        let rejected = self.order(Side::Buy, "10000", "10000");
        let mut context = Context::from_waker(Waker::noop());
        let mut rejected = pin!(self.engine.place(rejected, None));
        // The first poll puts a command into the queue.
        assert!(rejected.as_mut().poll(&mut context).is_pending());
        wait_for("the engine to take the first order", || {
            let busy = self.engine.queue_len() == 0;
            async move { busy.then_some(()) }
        })
        .await;
        let submit = |(socket, request)| Box::pin(self.submit(socket, request));
        let mut pending: Vec<_> = requests.into_iter().map(submit).collect();
        for (index, submitted) in pending.iter_mut().enumerate() {
            // A cancellation first reads the market of its order.
            wait_for("the request in the queue", || {
                assert!(submitted.as_mut().poll(&mut context).is_pending());
                let is_queued = self.engine.queue_len() == index + 1;
                async move { is_queued.then_some(()) }
            })
            .await;
        }
        drop(lock);
        let error = rejected.await.expect_err("a rejection");
        assert!(matches!(
            error,
            EngineError::Rejected(Rejection::InsufficientFunds { side: Side::Buy, .. })
        ));
        let mut results = Vec::new();
        for submitted in pending {
            results.push(submitted.await.expect("a result"));
        }
        assert!(results.windows(2).all(|pair| pair[0].1 == pair[1].1), "one batch");
        results.into_iter().map(|(order, _)| order).collect()
    }

    async fn submit(
        &self,
        socket: Option<OriginatingSocket>,
        request: Request,
    ) -> Result<(Order, NaiveDateTime), EngineError> {
        match request {
            Request::Place(order) => {
                let placed = self.engine.place(order, socket).await?;
                Ok((placed.order, placed.executed_at))
            }
            Request::Cancel(order) => {
                let cancelled = self.engine.cancel(SELLER, order, socket).await?;
                Ok((cancelled.order, cancelled.executed_at))
            }
        }
    }

    async fn stop(self, database: &Database) {
        self.engine.stop().await;
        self.thread.join().expect("the engine stops");
        database.audit();
    }
}

/// The id of an event, or of `balance.updated` the currency, and of `order.updated` the order, its
/// filled amount and its status.
fn description(row: &OutboxRow) -> String {
    let event = row.json();
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
    match row.name.as_str() {
        "balance.updated" => format!("balance.updated {}", event["currency"]),
        "order.updated" => {
            let (order, status) = (&event["order_id"], &event["status"]);
            format!("order.updated-{order}-{}-{status}", text("filled_amount"))
        }
        _ => row.event_id(),
    }
}

/// Ids may have gaps.
fn trade_ids(database: &Database) -> Vec<i64> {
    database.trades().into_iter().map(|(id, ..)| id).collect()
}

fn events_on(rows: &[OutboxRow], channel: &str) -> Vec<String> {
    rows.iter().filter(|row| row.channel == channel).map(description).collect()
}

on_both! {
    async fn a_batch_publishes_trades_first_and_each_final_state_once(database: Database) {
        database.number_consecutively();
        let batches = Batches::start(&database, all_events()).await;
        let resting = batches.order(Side::Sell, "100", "1");
        batches.engine.place(resting, None).await.expect("it rests");
        let before = database.events().len();
        let place = |side, price, amount| Request::Place(batches.order(side, price, amount));
        let requests = vec![
            (None, place(Side::Sell, "90", "2")),
            (None, place(Side::Buy, "95", "1")),
            (None, place(Side::Buy, "95", "0.5")),
            (None, Request::Cancel(OrderId(1))),
            (None, place(Side::Sell, "101", "1")),
        ];
        let orders = batches.execute_in_one_batch(&database, requests).await;
        let written = database.events().split_off(before);
        let ids: Vec<i64> = orders.iter().map(|order| order.id.0).collect();
        let [partly, first, second, cancelled, opened] = ids[..] else { panic!("{ids:?}") };
        let updated = |order: i64, rest: &str| format!("order.updated-{order}-{rest}");
        let trades = trade_ids(&database);
        let of_trade = |kind: &str, index: usize| format!("{kind}-{}", trades[index]);
        assert_eq!(events_on(&written, "private-user.1"), [
            of_trade("order.matched", 0),
            of_trade("order.matched", 1),
            updated(partly, "1.5-1"),
            updated(cancelled, "0-3"),
            updated(opened, "0-1"),
            r#"balance.updated "USD""#.to_owned(),
            r#"balance.updated "BTC""#.to_owned(),
        ]);
        assert_eq!(events_on(&written, "private-user.2"), [
            of_trade("order.matched", 0),
            of_trade("order.matched", 1),
            updated(first, "1-2"),
            updated(second, "0.5-2"),
            r#"balance.updated "USD""#.to_owned(),
            r#"balance.updated "BTC""#.to_owned(),
        ]);
        let executed = [0, 1].map(|index| of_trade("trade.executed", index));
        assert_eq!(events_on(&written, "market.BTC"), executed);
        let of_the_house = written.iter().filter(|row| row.channel.contains("user.-"));
        assert_eq!(of_the_house.count(), 0, "the house has no channel");
        batches.stop(&database).await;
    }

    async fn a_socket_is_excluded_from_events_that_it_alone_caused(database: Database) {
        database.number_consecutively();
        let settings = EventSettings { to_others: true, ..all_events() };
        let batches = Batches::start(&database, settings).await;
        let from = |socket: &str| Some(OriginatingSocket::new(socket));
        let resting = batches.order(Side::Sell, "100", "1");
        batches.engine.place(resting, from("9.9")).await.expect("it rests");
        let place = |side, price, amount| Request::Place(batches.order(side, price, amount));
        let before = database.events().len();
        let requests = vec![
            // Both sockets match the first order. Each later event has one originating socket.
            (from("1.1"), place(Side::Buy, "100", "0.1")),
            (from("2.2"), place(Side::Buy, "100", "0.2")),
            (from("1.1"), place(Side::Sell, "110", "0.5")),
            (from("1.1"), place(Side::Buy, "110", "0.9")),
            (None, place(Side::Buy, "90", "1")),
            (from("2.2"), place(Side::Buy, "80", "1")),
        ];
        batches.execute_in_one_batch(&database, requests).await;
        let written = database.events().split_off(before);
        let mut excluded: Vec<(String, Option<String>)> = written
            .iter()
            .filter(|row| row.name.starts_with("order.") && row.channel == "private-user.1"
                || row.name == "order.updated")
            .map(|row| (description(row), row.socket_id.clone()))
            .collect();
        excluded.dedup();
        let ids = database.order_ids();
        let updated = |index: usize, rest: &str| format!("order.updated-{}-{rest}", ids[index]);
        let socket = |text: &str| Some(text.to_owned());
        let trades = trade_ids(&database);
        let matched = |index: usize| format!("order.matched-{}", trades[index]);
        assert_eq!(excluded, [
            (matched(0), socket("1.1")),
            (matched(1), socket("2.2")),
            (matched(2), socket("1.1")),
            (matched(3), socket("1.1")),
            (updated(1, "0.1-2"), socket("1.1")),
            (updated(2, "0.2-2"), socket("2.2")),
            (updated(0, "1-2"), None),
            (updated(3, "0.2-1"), socket("1.1")),
            (updated(4, "0.9-2"), socket("1.1")),
            (updated(5, "0-1"), None),
            (updated(6, "0-1"), socket("2.2")),
        ]);
        for row in &written {
            let shared = ["balance.updated", "trade.executed"].contains(&row.name.as_str());
            assert!(!shared || row.socket_id.is_none(), "{row:?}");
        }
        // Both parties of a trade get the same event with the same excluded socket.
        for row in written.iter().filter(|row| row.name == "order.matched") {
            let twin = |other: &&OutboxRow| other.data == row.data && other.channel != row.channel;
            let other = written.iter().find(twin);
            assert_eq!(other.map(|other| &other.socket_id), Some(&row.socket_id));
        }
        batches.stop(&database).await;
    }

    async fn an_event_that_is_too_large_for_its_channel_becomes_a_dead_letter(database: Database) {
        database.number_consecutively();
        let size_limits = SizeLimits { encrypted: 130, ..SizeLimits::UNLIMITED };
        let kinds = UserChannelKinds::Both;
        let user_channels = UserChannels { kinds, ..UserChannels::default() };
        let settings = EventSettings { size_limits, user_channels, ..all_events() };
        let batches = Batches::start(&database, settings).await;
        for side in [Side::Sell, Side::Buy] {
            let order = batches.order(side, "100", "1");
            batches.engine.place(order, None).await.expect("a success");
        }
        let dead_letters: Vec<(String, String, String)> = database.dead_letter_rows();
        let names: Vec<&str> = dead_letters.iter().map(|(name, ..)| name.as_str()).collect();
        let (matched, updated) = ("order.matched", "order.updated");
        assert_eq!(names, [updated, matched, matched, updated, updated]);
        for (name, data, error) in &dead_letters {
            let expected =
                format!("not sent: {} bytes of data, the limit of the channel is 130", data.len());
            assert_eq!(error, &expected, "{name}");
        }
        let sent = database.events();
        let balances = events_on(&sent, "private-encrypted-user.1");
        assert!(balances.iter().all(|event| event.starts_with("balance.updated")), "{balances:?}");
        assert_eq!(balances.len(), 3, "they are small enough");
        let matched = format!("order.matched-{}", trade_ids(&database)[0]);
        for channel in ["private-user.1", "private-user.2"] {
            assert!(events_on(&sent, channel).contains(&matched), "{channel}");
        }
        // Published, pending and dead letters: the audit counts both parties of the trade.
        batches.stop(&database).await;
    }
}
