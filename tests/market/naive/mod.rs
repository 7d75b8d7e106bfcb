//! A second implementation of the market, written to be obviously correct, not to be fast.
//!
//! It has no derived state: it records deposits, orders, fills and cancellations, and computes
//! every balance, reservation and queue position from these records each time. It knows no batches:
//! what a command triggers happens before the next command.

mod amounts;
mod funds;
mod matching;
mod rules;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use matchcast::market::{
    ClientOrderId, Command, CommissionRates, Fixed, MarketStatus, NewOrder, Rejection, Side,
    Status, TimeInForce, UserStatus, WithdrawalEnd,
};

use super::sequence::Limits;
use super::world::{BTC, ETH};
use funds::WithdrawalRecord;

const SCALE: i128 = 100_000_000;
const MAX_UNITS: i128 = i64::MAX as i128;

fn mul_floor(price: i128, amount: i128) -> i128 {
    price * amount / SCALE
}

/// The exact product of rate and value, rounded up.
fn rounded_up(product: i128) -> i128 {
    (product + SCALE - 1) / SCALE
}

fn units(number: Fixed) -> i128 {
    i128::from(number.units())
}

fn base(market: i32) -> i32 {
    if market == 1 { BTC.0 } else { ETH.0 }
}

#[derive(Clone, Debug)]
struct OrderRecord {
    user: i64,
    market: i32,
    side: Side,
    price: i128,
    amount: i128,
    /// What it pays as maker and as taker.
    rates: (i128, i128),
    new: NewOrder,
    /// When it came last, among all that came.
    arrival: usize,
    /// It waits for its stop price.
    waits: bool,
    /// What self-trade prevention took away.
    prevented: i128,
    accepted: bool,
    cancelled: bool,
}

/// A fill. `buy` and `sell` are positions in the list of all orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    pub buy: usize,
    pub sell: usize,
    pub price: i128,
    pub amount: i128,
    pub value: i128,
    pub buyer_commission: i128,
    pub seller_commission: i128,
    pub taker_side: Side,
}

/// The state of an order, computed from the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    pub price: i128,
    pub amount: i128,
    pub filled: i128,
    pub value: i128,
    pub commission: i128,
    pub reserved: i128,
    pub prevented: i128,
    pub waits: bool,
    pub status: Status,
}

/// An order after its own matching: with its fills, and the makers and amounts of the trades that
/// were prevented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub order: usize,
    pub state: OrderState,
    pub fills: Vec<Fill>,
    pub prevented: Vec<(usize, i128)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Placed(Placed),
    Batch(Vec<Result<Placed, Rejection>>),
    Amended(Placed),
    Cancelled(OrderState),
    CancelledAll(Vec<usize>),
    Expired(Vec<usize>),
    Deposited(i128),
    /// The number of the deposit among those with a reference, and whether it is new.
    DepositedOnce(usize, bool),
    /// The number of the withdrawal, whether it has ended and how, and whether that is new.
    Withdrawal(usize, Option<WithdrawalEnd>, bool),
    /// User, asset and amount, and whether it is new.
    Adjusted((i64, i32, i128), bool),
}

#[derive(Clone, Default)]
pub struct NaiveMarket {
    pub commission: CommissionRates,
    pub limits: Limits,
    pub now: i64,
    pub statuses: BTreeMap<i32, MarketStatus>,
    /// Of those who are not active.
    pub user_statuses: BTreeMap<i64, UserStatus>,
    deposits: Vec<(i64, i32, i128)>,
    /// User, asset, amount and reference.
    deposits_once: Vec<(i64, i32, i128, String)>,
    withdrawals: Vec<WithdrawalRecord>,
    /// User, asset and amount.
    adjustments: Vec<(i64, i32, i128)>,
    /// The ids of those that were proposed and approved.
    approved: BTreeSet<i64>,
    orders: Vec<OrderRecord>,
    fills: Vec<Fill>,
    arrivals: usize,
    last_prices: BTreeMap<i32, i128>,
    /// The number of fills before the command, or the triggered order, that is being executed.
    fills_before: usize,
}

impl NaiveMarket {
    pub fn run(&mut self, command: &Command) -> Result<Done, Rejection> {
        let first = self.fills.len();
        self.fills_before = first;
        let done = self.execute(command);
        for market in [1, 2] {
            self.trigger(market, first);
        }
        done
    }

    fn execute(&mut self, command: &Command) -> Result<Done, Rejection> {
        match command {
            Command::Place(new) => self.place(new).map(Done::Placed),
            Command::Batch { orders, is_atomic } => Ok(self.place_batch(orders, *is_atomic)),
            Command::Amend { user, market, order, price, amount } => {
                let order = self.own_open_order(user.0, market.0, order.0);
                let order = order.map_err(|rejection| match rejection {
                    Rejection::OrderNotOpen => Rejection::OrderNotAmendable,
                    rejection => rejection,
                })?;
                self.require_active(user.0)?;
                self.amend(order, price.map(units), amount.map(units)).map(Done::Amended)
            }
            Command::Cancel { user, market, order } => {
                let order = self.own_open_order(user.0, market.0, order.0)?;
                self.require(market.0, MarketStatus::CancelOnly)?;
                self.orders[order].cancelled = true;
                Ok(Done::Cancelled(self.order_state(order)))
            }
            Command::CancelAll { user, market, side, .. } => {
                self.require(market.0, MarketStatus::CancelOnly)?;
                let cancelled: Vec<usize> = self
                    .open_orders_of(market.0)
                    .filter(|i| self.orders[*i].user == user.0)
                    .filter(|i| side.is_none_or(|side| side == self.orders[*i].side))
                    .collect();
                cancelled.iter().for_each(|i| self.orders[*i].cancelled = true);
                Ok(Done::CancelledAll(cancelled))
            }
            Command::Advance { market } => {
                let expired: Vec<usize> =
                    self.open_orders_of(market.0).filter(|i| self.has_expired(*i)).collect();
                expired.iter().for_each(|i| self.orders[*i].cancelled = true);
                Ok(Done::Expired(expired))
            }
            Command::Deposit { .. }
            | Command::DepositOnce { .. }
            | Command::RequestWithdrawal { .. }
            | Command::EndWithdrawal { .. }
            | Command::Adjust { .. }
            | Command::ApproveAdjustment { .. } => self.move_funds(command),
        }
    }

    fn place(&mut self, new: &NewOrder) -> Result<Placed, Rejection> {
        let taker = self.orders.len();
        self.orders.push(self.record(new));
        self.check(taker)?;
        self.orders[taker].accepted = true;
        self.arrive(taker);
        self.orders[taker].waits = self.waits_for_its_stop_price(taker);
        Ok(self.matched(taker))
    }

    fn record(&self, new: &NewOrder) -> OrderRecord {
        let any_price = if new.side == Side::Buy { MAX_UNITS } else { 1 };
        OrderRecord {
            user: new.user.0,
            market: new.market.0,
            side: new.side,
            price: new.price.map_or(any_price, units),
            amount: units(new.amount),
            rates: match (self.commission, new.side) {
                (CommissionRates::BySide { buyer, .. }, Side::Buy) => (units(buyer), units(buyer)),
                (CommissionRates::BySide { seller, .. }, Side::Sell) => {
                    (units(seller), units(seller))
                }
                (CommissionRates::ByRole { maker, taker }, _) => (units(maker), units(taker)),
            },
            new: *new,
            arrival: 0,
            waits: false,
            prevented: 0,
            accepted: false,
            cancelled: false,
        }
    }

    fn place_batch(&mut self, orders: &[NewOrder], is_atomic: bool) -> Done {
        let before = self.clone();
        let results: Vec<_> = orders.iter().map(|new| self.place(new)).collect();
        let first_rejected = results.iter().position(Result::is_err);
        let Some(rejected) = first_rejected.filter(|_| is_atomic) else {
            return Done::Batch(results);
        };
        *self = before;
        let records: Vec<OrderRecord> = orders.iter().map(|new| self.record(new)).collect();
        self.orders.extend(records);
        let because = results[rejected].clone();
        let mut results = vec![Err(Rejection::BatchRejected); orders.len()];
        results[rejected] = because;
        Done::Batch(results)
    }

    fn arrive(&mut self, order: usize) {
        self.arrivals += 1;
        self.orders[order].arrival = self.arrivals;
    }

    fn own_open_order(&self, user: i64, market: i32, id: i64) -> Result<usize, Rejection> {
        let position = usize::try_from(id - 1).unwrap_or(usize::MAX);
        match self.orders.get(position) {
            Some(order) if order.accepted && (order.user, order.market) == (user, market) => {}
            _ => return Err(Rejection::OrderNotFound),
        }
        if self.is_open(position) { Ok(position) } else { Err(Rejection::OrderNotOpen) }
    }

    fn status_of(&self, user: i64) -> UserStatus {
        self.user_statuses.get(&user).copied().unwrap_or_default()
    }

    fn require_active(&self, user: i64) -> Result<(), Rejection> {
        self.require_not_closed(user)?;
        let is_frozen = self.status_of(user) == UserStatus::Frozen;
        if is_frozen { Err(Rejection::AccountFrozen) } else { Ok(()) }
    }

    fn require_not_closed(&self, user: i64) -> Result<(), Rejection> {
        let is_closed = self.status_of(user) == UserStatus::Closed;
        if is_closed { Err(Rejection::AccountClosed) } else { Ok(()) }
    }

    fn require(&self, market: i32, least: MarketStatus) -> Result<(), Rejection> {
        let status = self.statuses.get(&market).copied().unwrap_or_default();
        let is_enough = status == MarketStatus::Open || status == least;
        if is_enough { Ok(()) } else { Err(Rejection::MarketNotOpen(status)) }
    }

    fn open_orders_of(&self, market: i32) -> impl Iterator<Item = usize> {
        (0..self.orders.len()).filter(move |i| self.is_open(*i) && self.orders[*i].market == market)
    }

    fn has_expired(&self, order: usize) -> bool {
        match self.orders[order].new.time_in_force {
            // A market order has no time.
            TimeInForce::Gtd(expires_at) => {
                self.orders[order].new.price.is_some() && expires_at.0 <= self.now
            }
            _ => false,
        }
    }

    fn client_order_id(&self, order: usize) -> Option<ClientOrderId> {
        self.orders[order].new.client_order_id
    }

    /// The positions of all accepted orders.
    pub fn accepted(&self) -> impl Iterator<Item = usize> {
        (0..self.orders.len()).filter(|i| self.orders[*i].accepted)
    }

    pub fn fills(&self) -> &[Fill] {
        &self.fills
    }
}
