//! What the world hears of several commands that were one batch, below HTTP: the order of events,
//! what is told together, whose connection is left out, and what is too large.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::NaiveDateTime;
use matchcast::engine::{
    self, EngineError, EngineHandle, EngineSettings, EventSettings, Notifiers, OriginatingSocket,
};
use matchcast::events::{SizeLimits, UserChannels};
use matchcast::market::{
    AccountKey, Fixed, MarketId, NewOrder, Order, OrderId, Rejection, Side, UserId,
};
use matchcast::store::markets::Catalog;
use matchcast::store::users;

use crate::on_both;
use crate::support::database::Database;
use crate::support::outbox::Row;
use crate::support::wait_for;

/// An engine with a seller (1), who has bitcoins, and a buyer (2), who has money.
struct Batches {
    engine: EngineHandle,
    thread: JoinHandle<()>,
    catalog: Arc<Catalog>,
}

/// A request for the engine; the seller is the one who cancels.
enum Request {
    Place(NewOrder),
    Cancel(OrderId),
}

const SELLER: UserId = UserId(1);
const BUYER: UserId = UserId(2);

fn everything() -> EventSettings {
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
        let (store, catalog) = database.open_store();
        let catalog = Arc::new(catalog);
        let mut connection = store.connect().expect("a connection");
        for email in ["seller@test.example", "buyer@test.example"] {
            let make = |c: &mut _| users::create(c, "user", email, "no hash", &[]);
            store.write(&mut connection, make).expect("a user");
        }
        let max_wait = Duration::from_secs(60);
        let settings = EngineSettings { queue_len: 100, batch_len: 100, max_wait, events };
        let (engine, thread) =
            engine::start(store, catalog.clone(), Notifiers::default(), settings)
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
        NewOrder { user, market: self.market(), side, price, amount }
    }

    /// Executes all of them in one transaction: they gather behind an order that is refused, but
    /// not before it has had the lock that is held meanwhile.
    async fn at_once(
        &self,
        database: &Database,
        requests: Vec<(Option<OriginatingSocket>, Request)>,
    ) -> Vec<Order> {
        let held = database.hold_market("BTC");
        let refused = self.order(Side::Buy, "10000", "10000");
        let mut context = Context::from_waker(Waker::noop());
        let mut refused = pin!(self.engine.place(refused, None));
        // The first look puts a command into the queue.
        assert!(refused.as_mut().poll(&mut context).is_pending());
        wait_for("an engine that is busy", || {
            let busy = self.engine.queue_len() == 0;
            async move { busy.then_some(()) }
        })
        .await;
        let submit = |(socket, request)| Box::pin(self.submit(socket, request));
        let mut waiting: Vec<_> = requests.into_iter().map(submit).collect();
        for submitted in &mut waiting {
            assert!(submitted.as_mut().poll(&mut context).is_pending());
        }
        drop(held);
        let refused = refused.await.expect_err("a rejection");
        assert_eq!(refused, EngineError::Rejected(Rejection::InsufficientFunds(Side::Buy)));
        let mut results = Vec::new();
        for submitted in waiting {
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

    async fn end(self, database: &Database) {
        self.engine.stop().await;
        self.thread.join().expect("the engine ends");
        database.audit();
    }
}

/// What was told on a channel: the names, and what tells one event of a name from the other.
fn told_on(rows: &[Row], channel: &str) -> Vec<String> {
    let on_it = rows.iter().filter(|row| row.channel == channel);
    on_it
        .map(|row| match row.name.as_str() {
            "balance.updated" => format!("balance.updated {}", row.json()["currency"]),
            _ => row.event_id(),
        })
        .collect()
}

on_both! {
    async fn a_batch_tells_the_last_state_once_and_trades_first(database: Database) {
        let batches = Batches::start(&database, everything()).await;
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
        let orders = batches.at_once(&database, requests).await;
        let told = database.events().split_off(before);
        let ids: Vec<i64> = orders.iter().map(|order| order.id.0).collect();
        let [partly, first, second, cancelled, opened] = ids[..] else { panic!("{ids:?}") };
        let updated = |order: i64, rest: &str| format!("order.updated-{order}-{rest}");
        assert_eq!(told_on(&told, "private-user.1"), [
            "order.matched-1".to_owned(),
            "order.matched-2".to_owned(),
            updated(partly, "150000000-1"),
            updated(cancelled, "0-3"),
            updated(opened, "0-1"),
            r#"balance.updated "USD""#.to_owned(),
            r#"balance.updated "BTC""#.to_owned(),
        ]);
        assert_eq!(told_on(&told, "private-user.2"), [
            "order.matched-1".to_owned(),
            "order.matched-2".to_owned(),
            updated(first, "100000000-2"),
            updated(second, "50000000-2"),
            r#"balance.updated "USD""#.to_owned(),
            r#"balance.updated "BTC""#.to_owned(),
        ]);
        assert_eq!(told_on(&told, "market.BTC"), ["trade.executed-1", "trade.executed-2"]);
        let houses = told.iter().filter(|row| row.channel.contains("user.-"));
        assert_eq!(houses.count(), 0, "nobody listens there");
        batches.end(&database).await;
    }

    async fn a_connection_is_left_out_of_what_it_alone_has_caused(database: Database) {
        let settings = EventSettings { to_others: true, ..everything() };
        let batches = Batches::start(&database, settings).await;
        let from = |socket: &str| Some(OriginatingSocket::new(socket));
        let resting = batches.order(Side::Sell, "100", "1");
        batches.engine.place(resting, from("9.9")).await.expect("it rests");
        let place = |side, price, amount| Request::Place(batches.order(side, price, amount));
        let before = database.events().len();
        let requests = vec![
            // Two connections meet the first order together; what follows is one's alone.
            (from("1.1"), place(Side::Buy, "100", "0.1")),
            (from("2.2"), place(Side::Buy, "100", "0.2")),
            (from("1.1"), place(Side::Sell, "110", "0.5")),
            (from("1.1"), place(Side::Buy, "110", "0.9")),
            (None, place(Side::Buy, "90", "1")),
            (from("2.2"), place(Side::Buy, "80", "1")),
        ];
        batches.at_once(&database, requests).await;
        let told = database.events().split_off(before);
        let mut left_out: Vec<(String, Option<String>)> = told
            .iter()
            .filter(|row| row.name.starts_with("order.") && row.channel == "private-user.1"
                || row.name == "order.updated")
            .map(|row| (row.event_id(), row.socket_id.clone()))
            .collect();
        left_out.dedup();
        let ids = database.order_ids();
        let updated = |index: usize, rest: &str| format!("order.updated-{}-{rest}", ids[index]);
        let socket = |text: &str| Some(text.to_owned());
        assert_eq!(left_out, [
            ("order.matched-1".to_owned(), socket("1.1")),
            ("order.matched-2".to_owned(), socket("2.2")),
            ("order.matched-3".to_owned(), socket("1.1")),
            ("order.matched-4".to_owned(), socket("1.1")),
            (updated(1, "10000000-2"), socket("1.1")),
            (updated(2, "20000000-2"), socket("2.2")),
            (updated(0, "100000000-2"), None),
            (updated(3, "20000000-1"), socket("1.1")),
            (updated(4, "90000000-2"), socket("1.1")),
            (updated(5, "0-1"), None),
            (updated(6, "0-1"), socket("2.2")),
        ]);
        for row in &told {
            let shared = ["balance.updated", "trade.executed"].contains(&row.name.as_str());
            assert!(!shared || row.socket_id.is_none(), "{row:?}");
        }
        // Both parties of a trade are told alike.
        for row in told.iter().filter(|row| row.name == "order.matched") {
            let twin = |other: &&Row| other.data == row.data && other.channel != row.channel;
            assert_eq!(told.iter().find(twin).map(|twin| &twin.socket_id), Some(&row.socket_id));
        }
        batches.end(&database).await;
    }

    async fn an_event_that_is_too_large_for_its_channel_becomes_a_dead_letter(database: Database) {
        let size_limits = SizeLimits { encrypted: 130, ..SizeLimits::UNLIMITED };
        let user_channels = UserChannels::Both;
        let settings = EventSettings { size_limits, user_channels, ..everything() };
        let batches = Batches::start(&database, settings).await;
        for side in [Side::Sell, Side::Buy] {
            let order = batches.order(side, "100", "1");
            batches.engine.place(order, None).await.expect("a success");
        }
        let aside: Vec<(String, String, String)> = database.kept_aside();
        let names: Vec<&str> = aside.iter().map(|(name, ..)| name.as_str()).collect();
        let (matched, updated) = ("order.matched", "order.updated");
        assert_eq!(names, [updated, matched, matched, updated, updated]);
        for (name, data, answer) in &aside {
            let expected =
                format!("not sent: {} bytes of data, the limit of the channel is 130", data.len());
            assert_eq!(answer, &expected, "{name}");
        }
        let sent = database.events();
        let balances = told_on(&sent, "private-encrypted-user.1");
        assert!(balances.iter().all(|told| told.starts_with("balance.updated")), "{balances:?}");
        assert_eq!(balances.len(), 3, "they are short");
        for channel in ["private-user.1", "private-user.2"] {
            assert!(told_on(&sent, channel).contains(&"order.matched-1".to_owned()), "{channel}");
        }
        // Published, pending and dead letters: the audit counts both parties of the trade.
        batches.end(&database).await;
    }
}
