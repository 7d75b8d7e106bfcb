//! The round trips to PostgreSQL that a batch needs, counted between the engine and the server.

use std::sync::Arc;
use std::thread::JoinHandle;

use matchcast::engine::{
    self, EngineHandle, EngineSettings, EventSettings, Notifiers, Once, PlacedOrder, Render,
    RenderedResponse,
};
use matchcast::events::{MatchedShape, Model};
use matchcast::market::{
    AccountKey, CancelReason, ClientOrderId, Command, Fixed, MarketId, NewOrder, Side, TimeInForce,
    UserId,
};
use matchcast::store::idempotency::IdempotencyKey;
use matchcast::store::markets::Catalog;
use matchcast::store::{Store, users};

use crate::support::database::Database;
use crate::support::relay::Relay;
use crate::support::{run_concurrently, wait_for};

/// Begin and lock, load, write, commit.
const OF_A_BATCH: usize = 4;
const MARKET: MarketId = MarketId(1);
/// PostgreSQL plans a statement anew for its first five executions, and Diesel prepares it in the
/// first one.
const WARM_UPS: usize = 6;

/// An engine behind a relay, with nothing else that uses the database.
struct Engine {
    database: Database,
    relay: Relay,
    catalog: Arc<Catalog>,
    handle: EngineHandle,
    thread: JoinHandle<()>,
    users: [UserId; 3],
}

impl Engine {
    async fn start() -> Self {
        Self::start_with(EventSettings::default()).await
    }

    async fn start_with(events: EventSettings) -> Self {
        let database = Database::postgres();
        let (store, shared) = database.open_store();
        let catalog = shared.current();
        let users = ["a", "b", "c"].map(|name| create(&store, &catalog, name));
        let relay = Relay::start(&database.url).await;
        let through = Database::existing(relay.url.clone());
        let (store, shared) = through.open_store();
        let settings = EngineSettings { events, ..EngineSettings::default() };
        let notifiers = Notifiers::default();
        let started = engine::start(store, shared, Default::default(), notifiers, settings);
        let (handle, thread) = started.expect("the engine starts");
        let engine = Self { database, relay, catalog, handle, thread, users };
        engine.fund().await;
        engine
    }

    async fn fund(&self) {
        for user in self.users {
            for asset in self.catalog.assets.keys() {
                let account = AccountKey { user, asset: *asset };
                let deposit = self.handle.deposit(account, fixed("1000000"), u32::MAX).await;
                deposit.expect("a deposit");
            }
        }
    }

    async fn place(&self, order: NewOrder) -> PlacedOrder {
        self.handle.place(order, None).await.expect("the order is placed")
    }

    /// Round trips of this command.
    async fn of(&self, command: Command) -> usize {
        let before = self.relay.round_trips();
        self.handle.execute(command, None).await.expect("the command is executed");
        self.relay.round_trips() - before
    }

    /// Round trips of these commands, which are executed together: the first one waits for the
    /// market, and the others join it.
    async fn of_one_batch(&self, commands: Vec<Command>) -> usize {
        let lock = self.database.lock_market("BTC");
        let before = self.relay.round_trips();
        let mut commands = commands.into_iter();
        let execute = |command| {
            let handle = self.handle.clone();
            async move { handle.execute(command, None).await.expect("the command is executed") }
        };
        let first = tokio::spawn(execute(commands.next().expect("a command")));
        wait_for("the first batch", || async { (self.relay.round_trips() > before).then_some(()) })
            .await;
        let rest = commands.map(execute).collect::<Vec<_>>();
        let count = rest.len();
        let rest = tokio::spawn(run_concurrently(rest));
        wait_for("a full queue", || async { (self.handle.queue_len() >= count).then_some(()) })
            .await;
        drop(lock);
        first.await.expect("no panic");
        rest.await.expect("no panic");
        self.relay.round_trips() - before
    }

    async fn stop(self) {
        self.handle.stop().await;
        self.thread.join().expect("no panic");
        self.database.audit();
    }
}

fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).expect("a number")
}

fn create(store: &Store, catalog: &Catalog, name: &str) -> UserId {
    let mut connection = store.connect().expect("a connection");
    let assets: Vec<_> = catalog.assets.keys().copied().collect();
    let email = format!("{name}@round-trips.example");
    let created = store.write(&mut connection, |c| users::create(c, name, &email, "hash", &assets));
    created.expect("a user").user_id()
}

fn order(user: UserId, side: Side, price: &str, amount: &str) -> NewOrder {
    NewOrder::gtc(user, MARKET, side, fixed(price), fixed(amount))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_in_payloads_cost_a_batch_with_trades_one_round_trip_more() {
    let matched_shape = MatchedShape { include: Model::ALL.to_vec(), ..MatchedShape::default() };
    let events = EventSettings { matched_shape, ..EventSettings::default() };
    let engine = Engine::start_with(events).await;
    let [a, b, _] = engine.users;
    for _ in 0..WARM_UPS {
        engine.place(order(a, Side::Sell, "100", "0.01")).await;
        engine.place(order(b, Side::Buy, "100", "0.01")).await;
    }
    let resting = Command::Place(order(a, Side::Sell, "100", "1"));
    assert_eq!(engine.of(resting).await, OF_A_BATCH);
    let matching = Command::Place(order(b, Side::Buy, "100", "1"));
    assert_eq!(engine.of(matching).await, OF_A_BATCH + 1);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_any_size_has_four_round_trips() {
    let engine = Engine::start().await;
    let [a, b, _] = engine.users;
    for _ in 0..WARM_UPS {
        engine.place(order(a, Side::Sell, "100", "0.01")).await;
        engine.place(order(b, Side::Buy, "100", "0.01")).await;
    }
    for (side, price) in [(Side::Sell, "100"), (Side::Buy, "100"), (Side::Buy, "99")] {
        let user = if side == Side::Sell { a } else { b };
        assert_eq!(engine.of(Command::Place(order(user, side, price, "1"))).await, OF_A_BATCH);
    }
    for len in [2, 20, 300, 900] {
        let mixed = (0..len).map(|number| {
            let user = engine.users[number % 3];
            let side = if number % 2 == 0 { Side::Sell } else { Side::Buy };
            let price = format!("{}", 95 + number * 7 % 11);
            Command::Place(order(user, side, &price, "0.02"))
        });
        let round_trips = engine.of_one_batch(mixed.collect()).await;
        assert_eq!(round_trips, OF_A_BATCH, "{len} orders");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_with_an_idempotency_key_has_four_round_trips() {
    let engine = Engine::start().await;
    let [a, ..] = engine.users;
    let place = async |number: usize| {
        let key = IdempotencyKey::parse(a, &format!("key-{number}"), "").expect("a key");
        let render: Render =
            |_, _| RenderedResponse { status: 200, body: "{}".to_owned(), is_kept: true };
        let once = Once { key, fingerprint: [0; 32], render };
        let before = engine.relay.round_trips();
        let order = order(a, Side::Sell, "100", "0.01");
        let command = Command::Place(order);
        engine.handle.execute_once(command, None, once).await.expect("it is placed");
        engine.relay.round_trips() - before
    };
    for number in 0..WARM_UPS {
        place(number).await;
    }
    assert_eq!(place(WARM_UPS).await, OF_A_BATCH);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_command_has_few_round_trips() {
    let engine = Engine::start().await;
    let [a, b, c] = engine.users;
    for _ in 0..WARM_UPS {
        let placed = engine.place(order(a, Side::Sell, "100", "0.01")).await;
        let command = Command::Cancel { user: a, market: MARKET, order: placed.order.id };
        engine.of(command).await;
        engine.place(order(a, Side::Sell, "100", "0.01")).await;
        engine.place(order(b, Side::Buy, "100", "0.01")).await;
    }
    let place = |order: NewOrder| Command::Place(order);
    let resting = order(a, Side::Sell, "100", "1");
    let market = NewOrder { price: None, ..order(b, Side::Buy, "100", "0.01") };
    let ioc = NewOrder { time_in_force: TimeInForce::Ioc, ..order(b, Side::Buy, "101", "0.01") };
    let fok = NewOrder { time_in_force: TimeInForce::Fok, ..ioc };
    let post_only = NewOrder { post_only: true, ..order(b, Side::Buy, "90", "0.01") };
    let named =
        NewOrder { client_order_id: ClientOrderId::parse("n-1"), ..order(c, Side::Buy, "91", "1") };
    let stop = NewOrder { stop_price: Some(fixed("200")), ..order(c, Side::Buy, "201", "0.01") };
    for order in [resting, market, ioc, fok, post_only, named, stop] {
        let kind = format!("{order:?}");
        assert_eq!(engine.of(place(order)).await, OF_A_BATCH, "{kind}");
    }
    let resting = engine.place(order(a, Side::Sell, "150", "1")).await.order.id;
    for price in ["151", "152"] {
        let (price, amount) = (Some(fixed(price)), None);
        let amended = Command::Amend { user: a, market: MARKET, order: resting, price, amount };
        assert_eq!(engine.of(amended).await, OF_A_BATCH);
    }
    let cancelled = Command::Cancel { user: a, market: MARKET, order: resting };
    assert_eq!(engine.of(cancelled).await, OF_A_BATCH);
    let all =
        Command::CancelAll { user: a, market: MARKET, side: None, reason: CancelReason::User };
    assert_eq!(engine.of(all).await, OF_A_BATCH);
    engine.stop().await;
}
