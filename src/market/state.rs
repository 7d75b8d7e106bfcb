//! The input and the output of a batch.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    AccountKey, AssetId, Book, ClientOrderId, Done, Entry, Fixed, Ledger, MarketId, NewOrder,
    Order, OrderId, Rejection, Side, Trade, TradeId, UserId,
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
    pub rules: Rules,
}

/// What a new order must fulfil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The least value, in the quote asset.
    pub min_value: Fixed,
    /// Prices are multiples of it.
    pub tick_size: Fixed,
    /// Amounts are multiples of it.
    pub lot_size: Fixed,
    /// The most open orders of a user. `None`: no limit.
    pub max_open_orders: Option<u32>,
    /// How far the price of a market order may be from the best one: 0.05 is 5 %.
    pub max_slippage: Fixed,
}

impl Rules {
    /// Every order is accepted.
    pub const NONE: Self = Self {
        min_value: Fixed::ZERO,
        tick_size: Fixed::UNIT,
        lot_size: Fixed::UNIT,
        max_open_orders: None,
        max_slippage: Fixed::ONE,
    };

    /// # Errors
    /// The first rule that the order violates. [`Rules::max_open_orders`] is not checked here.
    pub(super) fn check(&self, order: &NewOrder, price: Fixed) -> Result<(), Rejection> {
        if order.price.is_some_and(|price| !price.is_multiple_of(self.tick_size)) {
            return Err(Rejection::NotOnTick { tick_size: self.tick_size });
        }
        if !order.amount.is_multiple_of(self.lot_size) {
            return Err(Rejection::NotInLots { lot_size: self.lot_size });
        }
        let value = price.mul_floor(order.amount).ok_or(Rejection::OutOfRange)?;
        if value < self.min_value {
            return Err(Rejection::ValueTooSmall { min_value: self.min_value });
        }
        Ok(())
    }

    /// The worst price of a market order, if `best` is the best price that it could match.
    pub(super) fn market_bound(&self, side: Side, best: Fixed) -> Fixed {
        let slippage = best.mul_floor(self.max_slippage).unwrap_or(Fixed::MAX);
        match side {
            Side::Buy => best.checked_add(slippage).unwrap_or(Fixed::MAX),
            Side::Sell => best.checked_sub(slippage).unwrap_or_default().max(Fixed::UNIT),
        }
    }
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
    /// Client order ids of this batch's new orders that their users have used before.
    pub client_order_ids: BTreeSet<(UserId, ClientOrderId)>,
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
    /// One outcome per executed command, in order. The commands that follow were not executed,
    /// because the fills of a batch are limited.
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
