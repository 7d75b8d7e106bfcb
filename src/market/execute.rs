//! Executes commands one after the other against the state they can touch.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AccountKey, Action, AssetId, CancelReason, Command, Done, Fixed, Market, MarketId, NewOrder,
    Order, OrderId, Plan, Reference, Rejection, Side, State, Status, Trade, UserId,
};

/// Executes a batch: changes `state` and returns the plan of everything to be written.
///
/// A plan has at most `max_fills` trades. A command that could need more than are left is not
/// executed, nor are those after it: they are for the next batch, so that no result depends on how
/// commands were divided into batches. An order that needs more than `max_fills` alone gets them,
/// and its rest is cancelled.
///
/// # Panics
/// If `state` lacks something that the batch can touch, or an invariant of this module is violated.
pub fn execute(state: &mut State, commands: &[Command], max_fills: usize) -> Plan {
    let mut execution = Execution {
        state,
        max_fills,
        trades: Vec::new(),
        new: BTreeSet::new(),
        changed: BTreeSet::new(),
        commission: BTreeMap::new(),
    };
    let mut outcomes = Vec::with_capacity(commands.len());
    for command in commands {
        if !execution.has_room_for(command) {
            break;
        }
        outcomes.push(execution.execute(*command));
    }
    execution.credit_houses();
    execution.into_plan(outcomes)
}

pub(super) struct Execution<'a> {
    pub state: &'a mut State,
    /// The most trades of the batch.
    pub max_fills: usize,
    pub trades: Vec<Trade>,
    new: BTreeSet<OrderId>,
    pub changed: BTreeSet<OrderId>,
    /// Commission collected in this batch; each house user gets one ledger entry.
    pub commission: BTreeMap<MarketId, Fixed>,
}

impl Execution<'_> {
    /// Whether the fills of this command fit into the batch. The first one always has room.
    fn has_room_for(&self, command: &Command) -> bool {
        let Command::Place(order) = command else { return true };
        let room = self.max_fills.saturating_sub(self.trades.len());
        if self.trades.is_empty() {
            return true;
        }
        let NewOrder { user, market, side, amount, .. } = *order;
        let makers = self.makers(user, market, side, order.limit(), amount);
        let fills = makers.filter(|maker| maker.user != user);
        fills.take(room.saturating_add(1)).count() <= room
    }

    fn execute(&mut self, command: Command) -> Result<Done, Rejection> {
        match command {
            Command::Place(new) => self.place(new),
            Command::Cancel { user, market, order } => self.cancel(user, market, order),
            Command::CancelAll { user, market, side } => Ok(self.cancel_all(user, market, side)),
            Command::Deposit { account, amount, daily_limit } => {
                self.deposit(account, amount, daily_limit)
            }
        }
    }

    fn place(&mut self, new: NewOrder) -> Result<Done, Rejection> {
        let id =
            self.state.order_ids.pop_front().expect("load() provides an id for each new order");
        let client_order_id = new.client_order_id.map(|client_id| (new.user, client_id));
        // First, so that a request that is repeated learns that it was executed.
        if client_order_id.is_some_and(|id| self.state.client_order_ids.contains(&id)) {
            return Err(Rejection::ClientOrderIdTaken);
        }
        let (reference_price, price) = self.prices(&new)?;
        let market = self.market(new.market);
        let (base, rules) = (account(new.user, market.base), market.rules);
        let rate = match new.side {
            Side::Buy => market.buyer_rate,
            Side::Sell => market.seller_rate,
        };
        rules.check(&new, reference_price)?;
        let open_orders = self.state.ledger.account(base).open_orders;
        let at_most = rules.max_open_orders.filter(|at_most| open_orders >= *at_most);
        if let Some(at_most) = at_most.filter(|_| new.may_rest()) {
            return Err(Rejection::TooManyOpenOrders { at_most });
        }
        let mut order = new.open(id, price, rate).ok_or(Rejection::OutOfRange)?;
        if new.post_only && self.would_match(&order) {
            return Err(Rejection::PostOnlyWouldMatch);
        }
        let reserved_in = self.reserved_in(&order);
        self.state
            .ledger
            .reserve(reserved_in, order.reserved, id)
            .map_err(|_| Rejection::InsufficientFunds(new.side))?;
        self.new.insert(id);
        self.state.client_order_ids.extend(client_order_id);
        let first_trade = self.trades.len();
        let prevented = self.match_incoming(&mut order);
        if order.status == Status::Open {
            self.state.ledger.count_open_order(base, true);
        }
        self.state.insert_order(order);
        Ok(Done::Placed { order, trades: first_trade..self.trades.len(), prevented })
    }

    /// The price that its value is computed with, and the worst price that the order accepts.
    fn prices(&mut self, new: &NewOrder) -> Result<(Fixed, Fixed), Rejection> {
        if let Some(price) = new.price {
            return Ok((price, price));
        }
        let best = self.best_price(new.market, new.side.opposite());
        let best = best.ok_or(Rejection::NoMarketPrice)?;
        Ok((best, self.market(new.market).rules.market_bound(new.side, best)))
    }

    fn cancel(&mut self, user: UserId, market: MarketId, id: OrderId) -> Result<Done, Rejection> {
        let mut order = match self.state.orders.get(&id) {
            Some(order) if order.user == user && order.market == market => *order,
            _ => return Err(Rejection::OrderNotFound),
        };
        if order.status != Status::Open {
            return Err(Rejection::OrderNotOpen);
        }
        self.close(&mut order, CancelReason::User);
        self.update_resting(order);
        Ok(Done::Cancelled { order })
    }

    fn cancel_all(&mut self, user: UserId, market: MarketId, side: Option<Side>) -> Done {
        let is_meant = |order: &&Order| {
            order.user == user
                && order.status == Status::Open
                && order.market == market
                && side.is_none_or(|side| order.side == side)
        };
        let mut orders: Vec<Order> = self.state.orders.values().filter(is_meant).copied().collect();
        for order in &mut orders {
            self.close(order, CancelReason::User);
            self.update_resting(*order);
        }
        Done::CancelledAll { orders }
    }

    /// Cancels the remaining amount of an order and releases its reservation.
    pub(super) fn close(&mut self, order: &mut Order, reason: CancelReason) {
        let reserved = order.cancel(reason);
        let reserved_in = self.reserved_in(order);
        self.state.ledger.release(reserved_in, Action::OrderCancelled, reserved, order.id);
    }

    /// The account in which the order reserves.
    pub(super) fn reserved_in(&self, order: &Order) -> AccountKey {
        let market = self.market(order.market);
        match order.side {
            Side::Buy => account(order.user, market.quote),
            Side::Sell => account(order.user, market.base),
        }
    }

    fn deposit(
        &mut self,
        account: AccountKey,
        amount: Fixed,
        daily_limit: u32,
    ) -> Result<Done, Rejection> {
        let recent = self.state.recent_deposits.entry(account).or_default();
        if *recent >= daily_limit {
            return Err(Rejection::DepositLimit);
        }
        if !self.state.ledger.can_credit(account, amount) {
            return Err(Rejection::OutOfRange);
        }
        *recent = recent.saturating_add(1);
        let none = Reference::None;
        self.state.ledger.post(account, Action::Deposit, amount, Fixed::ZERO, none);
        let available = self.state.ledger.account(account).available;
        Ok(Done::Deposited { account, amount, available })
    }

    fn credit_houses(&mut self) {
        for (market, collected) in std::mem::take(&mut self.commission) {
            if collected.is_positive() {
                let house = account(market.house(), self.market(market).quote);
                let action = Action::CommissionCollected;
                let reference = Reference::Market(market);
                self.state.ledger.post(house, action, collected, Fixed::ZERO, reference);
            }
        }
    }

    fn into_plan(self, outcomes: Vec<Result<Done, Rejection>>) -> Plan {
        let orders = &self.state.orders;
        let new_orders = self.new.iter().map(|id| orders[id]).collect();
        let changed_orders = self.changed.difference(&self.new).map(|id| orders[id]).collect();
        Plan {
            outcomes,
            new_orders,
            changed_orders,
            trades: self.trades,
            entries: self.state.ledger.take_entries(),
        }
    }

    pub(super) fn market(&self, id: MarketId) -> &Market {
        self.state.markets.get(&id).expect("load() provides every market of a batch")
    }
}

pub(super) fn account(user: UserId, asset: AssetId) -> AccountKey {
    AccountKey { user, asset }
}
