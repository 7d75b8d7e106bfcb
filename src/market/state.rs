//! The input and the output of a batch.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    AssetId, Book, ClientOrderId, CommissionRates, Done, Entry, Fixed, Funds, Ledger, MarketId,
    MarketState, NewOrder, Order, OrderId, PreventedTrade, Rejection, Side, Status, Stops, Trade,
    TradeId, UnixMicros, UserId,
};

/// A market: its assets and commission rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    pub id: MarketId,
    /// Its public name: `BTC`.
    pub symbol: String,
    pub base: AssetId,
    pub quote: AssetId,
    /// What new orders pay.
    pub commission: CommissionRates,
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
        if order.stop_price.is_some_and(|price| !price.is_multiple_of(self.tick_size)) {
            return Err(Rejection::StopNotOnTick { tick_size: self.tick_size });
        }
        if let Some(price) = order.price {
            self.check_tick(price)?;
        }
        self.check_amount(order.amount, price)
    }

    pub(super) fn check_tick(&self, price: Fixed) -> Result<(), Rejection> {
        let tick_size = self.tick_size;
        let is_on_tick = price.is_multiple_of(tick_size);
        if is_on_tick { Ok(()) } else { Err(Rejection::NotOnTick { tick_size }) }
    }

    /// `price` is what the value is computed with.
    pub(super) fn check_amount(&self, amount: Fixed, price: Fixed) -> Result<(), Rejection> {
        if !amount.is_multiple_of(self.lot_size) {
            return Err(Rejection::NotInLots { lot_size: self.lot_size });
        }
        let value = price.mul_floor(amount).ok_or(Rejection::OutOfRange)?;
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
    pub market_states: BTreeMap<MarketId, MarketState>,
    /// Waiting stop orders, see [`Stops`].
    pub stops: BTreeMap<MarketId, Stops>,
    /// Waiting stop orders for which the books were loaded too: the others are for a later batch.
    pub ready_stops: BTreeSet<OrderId>,
    /// Resting orders that may match, the orders that commands name, open or not, and waiting stop
    /// orders.
    pub orders: BTreeMap<OrderId, Order>,
    pub ledger: Ledger,
    /// Ids for new orders, smallest first: one for each order to be placed.
    pub order_ids: VecDeque<OrderId>,
    /// Client order ids of this batch's new orders that their users have used before.
    pub client_order_ids: BTreeSet<(UserId, ClientOrderId)>,
    /// An order must not have expired by now.
    pub now: UnixMicros,
    /// Open orders of the markets of [`Command::Advance`](super::Command::Advance) whose time has
    /// come.
    pub expired: BTreeSet<OrderId>,
    /// For commands that move money in or out.
    pub funds: Funds,
}

impl State {
    /// Adds an order; an open one also waits for its stop price, or rests in the book.
    pub fn insert_order(&mut self, order: Order) {
        if order.is_waiting() {
            self.stops.entry(order.market).or_default().insert(&order);
        } else if order.status == Status::Open {
            self.books.entry(order.market).or_default().insert(&order);
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
    /// Stop orders that were executed, in order.
    pub stops: Vec<ExecutedStop>,
    /// The markets whose state has changed.
    pub changed_markets: BTreeSet<MarketId>,
}

/// A stop order that was triggered by an earlier trade, and executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedStop {
    /// The number of commands of the batch that were executed before it.
    pub after: usize,
    pub order: PlacedOrder,
}

/// An order after its own matching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedOrder {
    pub order: Order,
    /// Its trades in [`Plan::trades`].
    pub trades: std::ops::Range<usize>,
    pub prevented: Vec<PreventedTrade>,
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
        self.new_orders.is_empty()
            && self.changed_orders.is_empty()
            && self.entries.is_empty()
            && self.changed_markets.is_empty()
    }
}
