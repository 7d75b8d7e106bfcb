//! The reads of the API: order and cap of every list.

use std::sync::Arc;
use std::time::Duration;

use matchcast::engine::{self, EngineHandle, EngineSettings, EventSettings, Notifiers};
use matchcast::market::{
    AccountKey, Action, AssetId, Fixed, MarketId, NewOrder, OrderId, Side, Status, UserId,
};
use matchcast::store::markets::Catalog;
use matchcast::store::views::{self, OrderFilter, PageRequest, ReferenceKind, TradeShare};
use matchcast::store::{Store, users};

use crate::on_both;
use crate::support::database::Database;

/// A store with an engine before it, and two users: the first with money, the second with bitcoins.
pub struct Traded {
    pub store: Store,
    pub catalog: Arc<Catalog>,
    engine: EngineHandle,
    pub buyer: UserId,
    pub seller: UserId,
}

pub fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

impl Traded {
    pub async fn start(database: &Database) -> Self {
        let (store, shared) = database.open_store();
        let catalog = shared.current();
        let events = EventSettings::default();
        let max_wait = Duration::from_secs(60);
        let settings = EngineSettings {
            queue_len: 100,
            batch_len: 100,
            max_wait,
            events,
            ..EngineSettings::default()
        };
        let (engine, _) = engine::start(
            store.clone(),
            shared,
            Default::default(),
            Notifiers::default(),
            settings,
        )
        .unwrap();
        let assets: Vec<AssetId> = catalog.assets.keys().copied().collect();
        let mut c = store.connect().unwrap();
        let mut user = |email: &str| {
            let made = store.write(&mut c, |c| users::create(c, "U", email, "hash", &assets));
            made.unwrap().user_id()
        };
        let (buyer, seller) = (user("buyer@x.example"), user("seller@x.example"));
        let traded = Self { store, catalog, engine, buyer, seller };
        traded.deposit(buyer, "USD", "1000").await;
        traded.deposit(seller, "BTC", "10").await;
        traded
    }

    pub fn market(&self) -> MarketId {
        self.catalog.market("BTC").unwrap().id
    }

    pub async fn deposit(&self, user: UserId, symbol: &str, amount: &str) {
        let account = AccountKey { user, asset: self.catalog.asset(symbol).unwrap() };
        self.engine.deposit(account, fixed(amount), u32::MAX).await.unwrap();
    }

    /// Cancels an order of the seller.
    pub async fn cancel(&self, order: OrderId) {
        self.engine.cancel(self.seller, order, None).await.unwrap();
    }

    pub async fn place(&self, side: Side, price: &str, amount: &str) -> OrderId {
        let user = if side == Side::Buy { self.buyer } else { self.seller };
        let (price, amount, market) = (fixed(price), fixed(amount), self.market());
        let order = NewOrder::gtc(user, market, side, price, amount);
        self.engine.place(order, None).await.unwrap().order.id
    }
}

on_both! {
    async fn the_book_is_sorted_and_capped(database: Database) {
        let traded = Traded::start(&database).await;
        for (price, amount) in [("101", "1"), ("100", "2"), ("102", "3"), ("100", "4")] {
            traded.place(Side::Sell, price, amount).await;
        }
        for (price, amount) in [("90", "0.1"), ("91", "0.2"), ("89", "0.3"), ("91", "0.4")] {
            traded.place(Side::Buy, price, amount).await;
        }
        traded.place(Side::Buy, "100", "0.5").await;
        let mut c = traded.store.connect().unwrap();
        let mut read = |market, cap, known| {
            let mut rows = Vec::new();
            let version = views::read_book(&mut c, market, cap, known, |row| rows.push(row));
            version.map(|version| (version, rows))
        };
        let mut rows = |side, cap| -> Vec<(String, String)> {
            let (_, book) = read(traded.market(), cap, None).unwrap();
            let book: Vec<_> = book.iter().filter(|row| row.side == side).collect();
            let owner = if side == Side::Buy { traded.buyer } else { traded.seller };
            assert!(book.iter().all(|row| row.user == owner));
            book.iter().map(|row| (row.price.to_string(), row.remaining.to_string())).collect()
        };
        let texts = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
            rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        let asks = texts(&[("100", "1.5"), ("100", "4"), ("101", "1"), ("102", "3")]);
        let bids = texts(&[("91", "0.2"), ("91", "0.4"), ("90", "0.1"), ("89", "0.3")]);
        assert_eq!(rows(Side::Sell, 10), asks);
        assert_eq!(rows(Side::Buy, 10), bids);
        assert_eq!(rows(Side::Sell, 2), asks[..2]);
        assert_eq!(rows(Side::Buy, 1), bids[..1]);
        let version = Some(database.book_version("BTC"));
        assert_eq!(read(traded.market(), 10, None).unwrap().0, version);
        assert_eq!(read(traded.market(), 10, version.map(|v| v - 1)).unwrap().1.len(), 8);
        assert_eq!(read(traded.market(), 10, version).unwrap(), (None, Vec::new()), "known");
        read(MarketId(99), 10, None).unwrap_err();
        database.audit();
    }

    async fn orders_come_newest_first(database: Database) {
        let traded = Traded::start(&database).await;
        let first = traded.place(Side::Sell, "100", "1").await;
        let second = traded.place(Side::Sell, "110", "2").await;
        traded.place(Side::Buy, "100", "1").await;
        traded.cancel(second).await;
        let third = traded.place(Side::Sell, "120", "3").await;
        let mut c = traded.store.connect().unwrap();
        let mut orders = |user, limit| {
            let page = PageRequest::newest(limit);
            views::orders_of(&mut c, user, OrderFilter::default(), &page).unwrap().rows
        };
        let all = orders(traded.seller, 10);
        let ids: Vec<OrderId> = all.iter().map(|view| view.order.id).collect();
        assert_eq!(ids, [third, second, first]);
        let statuses: Vec<Status> = all.iter().map(|view| view.order.status).collect();
        assert_eq!(statuses, [Status::Open, Status::Cancelled, Status::Filled]);
        assert_eq!(all[2].order.filled, fixed("1"));
        let cancelled: Vec<bool> = all.iter().map(|order| order.cancelled_at.is_some()).collect();
        assert_eq!(cancelled, [false, true, false]);
        assert_eq!(orders(traded.seller, 2).len(), 2);
        assert!(orders(UserId(99), 10).is_empty());
        database.audit();
    }

    async fn history_comes_newest_first_and_chains(database: Database) {
        let traded = Traded::start(&database).await;
        traded.place(Side::Sell, "80", "0.5").await;
        let order = traded.place(Side::Buy, "100", "1").await;
        let mut c = traded.store.connect().unwrap();
        let (buyer, usd) = (traded.buyer, traded.catalog.asset("USD"));
        let mut history = |asset, limit| {
            views::history(&mut c, buyer, asset, &PageRequest::newest(limit)).unwrap().rows
        };
        let entries = history(usd, 10);
        let actions: Vec<Action> = entries.iter().map(|entry| entry.action).collect();
        let expected = [
            Action::OrderRefund, Action::TradeCompleted, Action::OrderReserved, Action::Deposit,
        ];
        assert_eq!(actions, expected);
        let order = (ReferenceKind::Order, order.0);
        let trade = (ReferenceKind::Trade, database.trades()[0].0);
        let references: Vec<_> = entries.iter().map(|entry| entry.reference).collect();
        assert_eq!(references, [Some(order), Some(trade), Some(order), None]);
        let share = TradeShare { value: fixed("40"), commission: fixed("0.6") };
        let shares: Vec<Option<TradeShare>> = entries.iter().map(|entry| entry.trade).collect();
        assert_eq!(shares, [None, Some(share), None, None]);
        for pair in entries.windows(2) {
            let sum = pair[1].available_after.checked_add(pair[0].available_change);
            assert_eq!(sum, Some(pair[0].available_after));
        }
        assert_eq!(history(usd, 2).len(), 2);
        let all = history(None, 10);
        assert_eq!(all.len(), 5, "four of USD and one of BTC");
        assert!(all.is_sorted_by_key(|entry| std::cmp::Reverse(entry.id)));
        assert_eq!(history(None, 3).len(), 3);
        assert!(history(traded.catalog.asset("ETH"), 10).is_empty());
        database.audit();
    }
}
