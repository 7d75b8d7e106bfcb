//! The input and the output of a batch.

use std::collections::{BTreeMap, VecDeque};

use super::{
    AccountKey, AssetId, Book, Done, Entry, Fixed, Ledger, MarketId, Order, OrderId, Rejection,
    Trade, TradeId,
};

/// A market: its assets and commission rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    pub id: MarketId,
    /// Its public name: `BTC`.
    pub symbol: String,
    pub base: AssetId,
    pub quote: AssetId,
    /// The share of the value that new orders pay: 0.015 is 1.5 %.
    pub buyer_rate: Fixed,
    pub seller_rate: Fixed,
}

/// Everything that a batch can touch, read while its locks are held.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub markets: BTreeMap<MarketId, Market>,
    pub books: BTreeMap<MarketId, Book>,
    /// Resting orders that may match, and the orders that commands name, open or not.
    pub orders: BTreeMap<OrderId, Order>,
    pub ledger: Ledger,
    /// Ids for new orders, smallest first: one for each order to be placed.
    pub order_ids: VecDeque<OrderId>,
    /// Deposits of the last day, for the accounts of this batch's deposits.
    pub recent_deposits: BTreeMap<AccountKey, u32>,
    /// The number of trades of each market so far.
    pub trade_counts: BTreeMap<MarketId, i64>,
}

impl State {
    /// Adds an order; an open one also rests in the book.
    pub fn insert_order(&mut self, order: Order) {
        if order.status == super::Status::Open {
            let book = self.books.entry(order.market).or_default();
            book.insert(order.side, order.price, order.id);
        }
        self.orders.insert(order.id, order);
    }
}

/// Everything to be written, all or nothing.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// One outcome per command, in order.
    pub outcomes: Vec<Result<Done, Rejection>>,
    /// Orders to insert, in their final state, by id.
    pub new_orders: Vec<Order>,
    /// Existing orders that changed, in their final state, by id.
    pub changed_orders: Vec<Order>,
    pub trades: Vec<Trade>,
    /// In the order in which they occurred.
    pub entries: Vec<Entry>,
}

impl Plan {
    /// Assigns ids to the trades. The database generates them once their number is known.
    ///
    /// # Panics
    /// If there are not as many ids as trades.
    pub fn number_trades(&mut self, ids: &[TradeId]) {
        assert_eq!(ids.len(), self.trades.len(), "one id for each trade");
        for (trade, id) in self.trades.iter_mut().zip(ids) {
            trade.id = *id;
        }
    }

    /// Whether every command was rejected: there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.new_orders.is_empty() && self.changed_orders.is_empty() && self.entries.is_empty()
    }
}
