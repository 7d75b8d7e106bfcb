//! The statements of the hot path, of the engine and of the publisher, are prepared once per
//! connection, whatever the size of a batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use diesel::connection::{Connection, Instrumentation, InstrumentationEvent};
use matchcast::events::{EventKind, NewEvent};
use matchcast::market::{
    AccountKey, Command, MarketId, NewOrder, OrderId, Plan, Side, Status, UserId, execute,
};
use matchcast::store::markets::Catalog;
use matchcast::store::outbox::{self, FailedAttempt};
use matchcast::store::trading::{self, Additions, NewEvents};
#[cfg(feature = "postgres-tests")]
use matchcast::store::views::{self, PageRequest};
use matchcast::store::{AnyConnection, LockedMarkets, Store, now, occupancy, users};

use super::views::fixed;
use crate::on_both;
#[cfg(feature = "postgres-tests")]
use crate::support::database::assert_true;

/// More than any batch of these tests needs.
const MAX_FILLS: usize = 1000;

/// The texts of the statements that a connection has run, and of those that it has prepared.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Texts>>);

#[derive(Default)]
struct Texts {
    run: BTreeSet<String>,
    prepared: Vec<String>,
}

impl Instrumentation for Statements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let mut texts = self.0.lock().unwrap();
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                let text = query.to_string();
                let text = text.split(" -- binds:").next().unwrap().trim();
                let is_transaction = text.starts_with("BEGIN") || text.starts_with("COMMIT");
                if !is_transaction {
                    texts.run.insert(text.to_owned());
                }
            }
            InstrumentationEvent::CacheQuery { sql, .. } => texts.prepared.push(sql.to_owned()),
            _ => {}
        }
    }
}

/// A market with two users who have unlimited funds.
struct Traders<'a> {
    store: &'a Store,
    catalog: &'a Catalog,
    buyer: UserId,
    seller: UserId,
}

impl Traders<'_> {
    fn market(&self) -> MarketId {
        self.catalog.market("BTC").unwrap().id
    }

    fn deposit(&self, user: UserId, symbol: &str) -> Command {
        let account = AccountKey { user, asset: self.catalog.asset(symbol).unwrap() };
        Command::Deposit { account, amount: fixed("1000000"), daily_limit: u32::MAX }
    }

    fn order(&self, user: UserId, side: Side, price: &str) -> Command {
        let (price, amount) = (fixed(price), fixed("1"));
        Command::Place(NewOrder::gtc(user, self.market(), side, price, amount))
    }

    /// One batch of the engine, with `len` events.
    fn batch(&self, c: &mut AnyConnection, commands: &[Command], len: usize) -> Plan {
        let event = NewEvent {
            channel: "market.BTC".to_owned(),
            kind: EventKind::BookUpdated,
            custom_name: None,
            data: "{}".to_owned(),
            socket_id: None,
        };
        let new_events = NewEvents { events: vec![event; len], matched_per_trade: 0 };
        let work = |c: &mut AnyConnection, locked: &LockedMarkets| {
            let markets = &self.catalog.markets;
            let mut loaded = trading::load(c, locked, markets, commands, MAX_FILLS, true, now())?;
            let mut plan = execute(&mut loaded.state, commands, MAX_FILLS);
            plan.number_trades(&loaded.trade_ids(c, plan.trades.len())?);
            trading::apply(c, &loaded.state, &plan, &new_events, &Additions::default(), now())?;
            Ok(plan)
        };
        self.store.write_locking(c, trading::markets_of(commands), work).unwrap()
    }

    /// Batches of everything that the engine does: deposits, resting orders, trades with orders of
    /// the database, and cancellations; `len` of each.
    fn trade(&self, c: &mut AnyConnection, len: usize) {
        let mut resting = vec![self.deposit(self.buyer, "USD"), self.deposit(self.seller, "BTC")];
        resting.extend(vec![self.order(self.seller, Side::Sell, "100"); len]);
        resting.extend(vec![self.order(self.buyer, Side::Buy, "90"); len]);
        self.batch(c, &resting, len);
        let mut incoming = vec![self.order(self.buyer, Side::Buy, "100"); len];
        incoming.extend(vec![self.order(self.seller, Side::Sell, "90"); len]);
        incoming.extend(vec![self.order(self.seller, Side::Sell, "200"); len]);
        let plan = self.batch(c, &incoming, 2 * len);
        assert_eq!(plan.trades.len(), 2 * len);
        let open = plan.new_orders.iter().filter(|order| order.status == Status::Open);
        let open: Vec<OrderId> = open.map(|order| order.id).collect();
        assert_eq!(open.len(), len);
        let cancel = |order| Command::Cancel { user: self.seller, market: self.market(), order };
        let cancels: Vec<Command> = open.into_iter().map(cancel).collect();
        self.batch(c, &cancels, len);
    }
}

/// The publisher's work with the `4 * len` events that were written.
fn publish(store: &Store, c: &mut AnyConnection, len: usize) {
    let shards: Vec<i16> = (0..outbox::SHARDS).collect();
    let events = outbox::heads(c, &shards, 1000).unwrap();
    assert_eq!(events.len(), 4 * len);
    let channels = BTreeSet::from(["market.BTC", "market.ETH"]);
    occupancy::occupied_among(c, &channels).unwrap();
    let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    let error = "503".to_owned();
    let next_attempt_at = now() + TimeDelta::seconds(1);
    let failure = FailedAttempt { ids: BTreeMap::from([(1, ids.clone())]), next_attempt_at, error };
    let work = |c: &mut AnyConnection| {
        outbox::record_failure(c, &failure)?;
        outbox::record_delivered(c, &events[..len])?;
        outbox::record_skipped(c, &events[len..2 * len])?;
        for event in &events[2 * len..] {
            outbox::move_to_dead_letters(c, event, "413")?;
        }
        outbox::missing(c, &ids)
    };
    assert_eq!(store.write(c, work).unwrap().len(), 4 * len);
}

on_both! {
    async fn the_statements_of_the_hot_path_are_prepared_once(database: Database) {
        let (store, shared) = database.open_store();
        let catalog = shared.current();
        let mut c = store.connect().unwrap();
        let mut user = |email: &str| {
            let made = store.write(&mut c, |c| users::create(c, "U", email, "hash", &[]));
            made.unwrap().user_id()
        };
        let (buyer, seller) = (user("buyer@x.example"), user("seller@x.example"));
        let traders = Traders { store: &store, catalog: &catalog, buyer, seller };
        let statements = Statements::default();
        let mut c = store.connect().unwrap();
        c.set_instrumentation(statements.clone());

        // SQLite inserts 32, 8, 4 or 1 of a kind of row at once; 47 and 94 rows need all of these.
        traders.trade(&mut c, 47);
        publish(&store, &mut c, 47);
        let warmed_up = statements.0.lock().unwrap().prepared.len();
        assert!(warmed_up > 10, "{warmed_up}");
        for len in [1, 3, 20, 80] {
            traders.trade(&mut c, len);
            publish(&store, &mut c, len);
        }
        let texts = statements.0.lock().unwrap();
        let later = &texts.prepared[warmed_up..];
        assert!(later.is_empty(), "prepared after the first batch: {later:#?}");
        let prepared: BTreeSet<String> = texts.prepared.iter().cloned().collect();
        let anew: Vec<&String> = texts.run.difference(&prepared).collect();
        assert!(anew.is_empty(), "prepared anew each time: {anew:#?}");
        // SQLite plans a statement anew whenever the parameter of its LIMIT is bound.
        let limited: Vec<&String> = prepared.iter().filter(|text| text.contains("LIMIT")).collect();
        assert!(database.is_postgres() || limited.is_empty(), "planned anew: {limited:#?}");
        database.audit();
    }
}

/// Without statistics it would plan each execution of a statement whose limit is a parameter.
#[cfg(feature = "postgres-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_plans_a_statement_once() {
    crate::support::logs::start();
    let database = crate::support::database::Database::postgres();
    let (store, shared) = database.open_store();
    let market = shared.current().market("BTC").unwrap().id;
    let mut c = store.connect().unwrap();
    for limit in 1..10 {
        let page = PageRequest::newest(limit);
        views::trades_with_newest(&mut c, market, None, &page).unwrap();
    }
    assert_true(
        &mut c,
        "(SELECT sum(custom_plans) = 0 AND sum(generic_plans) >= 9 FROM pg_prepared_statements)",
    );
}
