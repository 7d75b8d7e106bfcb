//! What goes into a batch and what comes out of it.

use std::collections::{BTreeMap, VecDeque};

use super::{
    AccountKey, AssetId, Book, Done, Entry, Fixed, Ledger, MarketId, Order, OrderId, Rejection,
    Trade, TradeId,
};

/// A market: what is traded for what, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    pub id: MarketId,
    /// What people call it, `BTC`.
    pub symbol: String,
    pub base: AssetId,
    pub quote: AssetId,
    /// Share of the value that new orders pay; 0.015 is 1.5 %.
    pub buyer_rate: Fixed,
    pub seller_rate: Fixed,
}

/// Everything that a batch can touch, as it stands under the batch's locks.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub markets: BTreeMap<MarketId, Market>,
    pub books: BTreeMap<MarketId, Book>,
    /// Resting orders within reach, and the orders that commands name, open or not.
    pub orders: BTreeMap<OrderId, Order>,
    pub ledger: Ledger,
    /// Ids for new orders, smallest first: one for each order to be placed.
    pub order_ids: VecDeque<OrderId>,
    /// Deposits of the last day, for the accounts of this batch's deposits.
    pub recent_deposits: BTreeMap<AccountKey, u32>,
    /// How many trades each of the markets has seen.
    pub trade_counts: BTreeMap<MarketId, i64>,
}

impl State {
    /// Brings in an order that the database holds, resting if it is open and within reach.
    pub fn insert_order(&mut self, order: Order) {
        if order.status == super::Status::Open {
            let book = self.books.entry(order.market).or_default();
            book.insert(order.side, order.price, order.id);
        }
        self.orders.insert(order.id, order);
    }
}

/// What has to be written, all or nothing.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// One answer per command, in their order.
    pub outcomes: Vec<Result<Done, Rejection>>,
    /// Orders to insert, as they stand at the end of the batch, by id.
    pub new_orders: Vec<Order>,
    /// Orders of the database that changed, as they stand at the end of the batch, by id.
    pub changed_orders: Vec<Order>,
    pub trades: Vec<Trade>,
    /// In the order in which they happened.
    pub entries: Vec<Entry>,
}

impl Plan {
    /// Gives the trades their ids: the database counts them, and only now is it known how many.
    ///
    /// # Panics
    /// When there are not as many ids as trades.
    pub fn number_trades(&mut self, ids: &[TradeId]) {
        assert_eq!(ids.len(), self.trades.len(), "one id for each trade");
        for (trade, id) in self.trades.iter_mut().zip(ids) {
            trade.id = *id;
        }
    }

    /// Nothing but refusals: there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.new_orders.is_empty() && self.changed_orders.is_empty() && self.entries.is_empty()
    }
}
