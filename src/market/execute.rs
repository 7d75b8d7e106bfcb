//! Executes commands one after the other against the state they can touch.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AccountKey, Action, AssetId, CancelReason, Command, Done, ExecutedStop, Fixed, Market,
    MarketId, MarketStatus, NewOrder, Order, OrderId, Plan, Reference, Rejection, Side, State,
    Status, Trade, UserId, UserStatus,
};

/// Executes a batch: changes `state` and returns the plan of everything to be written.
///
/// A plan has at most `max_fills` trades. A command that could need more than are left is not
/// executed, nor are those after it: they are for the next batch, so that no result depends on how
/// commands were divided into batches. An order that needs more than `max_fills` alone gets them,
/// and its rest is cancelled. Likewise a batch ends when a trade triggers stop orders that are not
/// ready: the next one begins with them.
///
/// # Panics
/// If `state` lacks something that the batch can touch, or an invariant of this module is violated.
pub fn execute(state: &mut State, commands: &[Command], max_fills: usize) -> Plan {
    let market_states = state.market_states.clone();
    let mut execution = Execution {
        state,
        max_fills,
        trades: Vec::new(),
        new: BTreeSet::new(),
        changed: BTreeSet::new(),
        commission: BTreeMap::new(),
        stops: Vec::new(),
    };
    let mut outcomes = Vec::with_capacity(commands.len());
    for command in commands {
        if !execution.execute_triggered(outcomes.len()) || !execution.has_room_for(command) {
            break;
        }
        let first_trade = execution.trades.len();
        outcomes.push(execution.execute(command));
        execution.note_trades(first_trade);
    }
    execution.execute_triggered(outcomes.len());
    execution.credit_houses();
    let after = execution.state.market_states.iter();
    let changed_markets =
        after.filter(|(id, state)| market_states.get(id) != Some(state)).map(|(id, _)| *id);
    let changed_markets = changed_markets.collect();
    Plan { changed_markets, ..execution.into_plan(outcomes) }
}

pub(super) struct Execution<'a> {
    pub state: &'a mut State,
    /// The most trades of the batch.
    pub max_fills: usize,
    pub trades: Vec<Trade>,
    pub new: BTreeSet<OrderId>,
    pub changed: BTreeSet<OrderId>,
    /// Commission collected in this batch; each house user gets one ledger entry.
    pub commission: BTreeMap<MarketId, Fixed>,
    pub stops: Vec<ExecutedStop>,
}

/// What a command that is undone goes back to.
pub(super) struct Snapshot {
    state: State,
    trades: usize,
    new: BTreeSet<OrderId>,
    changed: BTreeSet<OrderId>,
    commission: BTreeMap<MarketId, Fixed>,
}

impl Execution<'_> {
    /// Whether the fills of this command fit into the batch. The first one always has room.
    fn has_room_for(&self, command: &Command) -> bool {
        match command {
            // What it buys is not known before.
            Command::Place(order) if order.quote_amount.is_some() => self.trades.is_empty(),
            Command::Place(order) => {
                let NewOrder { user, market, side, amount, .. } = *order;
                self.has_room(user, market, side, order.limit(), amount)
            }
            Command::Batch { .. } => self.trades.is_empty(),
            Command::Amend { order, price, amount, .. } => {
                let Some(order) = self.state.orders.get(order) else { return true };
                let (limit, amount) =
                    (price.unwrap_or(order.price), amount.unwrap_or(order.amount));
                self.has_room(order.user, order.market, order.side, limit, amount)
            }
            Command::Cancel { .. }
            | Command::CancelAll { .. }
            | Command::Advance { .. }
            | Command::Deposit { .. }
            | Command::DepositOnce { .. }
            | Command::RequestWithdrawal { .. }
            | Command::EndWithdrawal { .. }
            | Command::Adjust { .. }
            | Command::ApproveAdjustment { .. } => true,
        }
    }

    pub(super) fn has_room_for_order(&self, order: &Order) -> bool {
        self.has_room(order.user, order.market, order.side, order.price, order.remaining())
    }

    fn has_room(
        &self,
        user: UserId,
        market: MarketId,
        side: Side,
        limit: Fixed,
        amount: Fixed,
    ) -> bool {
        if self.trades.is_empty() {
            return true;
        }
        let room = self.max_fills.saturating_sub(self.trades.len());
        let makers = self.makers(user, market, side, limit, amount);
        let fills = makers.filter(|maker| maker.user != user);
        fills.take(room.saturating_add(1)).count() <= room
    }

    fn execute(&mut self, command: &Command) -> Result<Done, Rejection> {
        match *command {
            Command::Place(new) => self.place(new).map(Done::Placed),
            Command::Batch { ref orders, is_atomic } => Ok(self.place_batch(orders, is_atomic)),
            Command::Amend { user, market, order, price, amount } => {
                self.amend(user, market, order, price, amount).map(Done::Amended)
            }
            Command::Cancel { user, market, order } => self.cancel(user, market, order),
            Command::CancelAll { user, market, side, reason } => {
                self.cancel_all(user, market, side, reason)
            }
            Command::Advance { market } => Ok(self.advance(market)),
            Command::Deposit { account, amount, daily_limit } => {
                self.deposit(account, amount, daily_limit)
            }
            Command::DepositOnce { account, amount, ref reference } => {
                self.deposit_once(account, amount, reference)
            }
            Command::RequestWithdrawal { account, amount, terms, .. } => {
                self.request_withdrawal(account, amount, terms)
            }
            Command::EndWithdrawal { account, withdrawal, end } => {
                self.end_withdrawal(account, withdrawal, end)
            }
            Command::Adjust { account, amount } => self.adjust(account, amount),
            Command::ApproveAdjustment { account, adjustment, approver } => {
                self.approve_adjustment(account, adjustment, approver)
            }
        }
    }

    /// # Errors
    /// If the market accepts less than it does with this status.
    pub(super) fn require(
        &mut self,
        market: MarketId,
        least: MarketStatus,
    ) -> Result<(), Rejection> {
        let status = self.market_state(market).status;
        if status == MarketStatus::Open || status == least {
            Ok(())
        } else {
            Err(Rejection::MarketNotOpen(status))
        }
    }

    /// # Errors
    /// If the user of this account may not do what binds money.
    pub(super) fn require_active(&self, account: AccountKey) -> Result<(), Rejection> {
        match self.state.ledger.account(account).user_status {
            UserStatus::Active => Ok(()),
            UserStatus::Frozen => Err(Rejection::AccountFrozen),
            UserStatus::Closed => Err(Rejection::AccountClosed),
        }
    }

    /// # Errors
    /// If the user of this account must not hold money any more.
    pub(super) fn require_not_closed(&self, account: AccountKey) -> Result<(), Rejection> {
        let is_closed = self.state.ledger.account(account).user_status == UserStatus::Closed;
        if is_closed { Err(Rejection::AccountClosed) } else { Ok(()) }
    }

    /// # Errors
    /// [`Rejection::OrderNotFound`] and [`Rejection::OrderNotOpen`].
    pub(super) fn own_open_order(
        &self,
        user: UserId,
        market: MarketId,
        id: OrderId,
    ) -> Result<Order, Rejection> {
        match self.state.orders.get(&id) {
            Some(order) if order.user != user || order.market != market => {
                Err(Rejection::OrderNotFound)
            }
            Some(order) if order.status != Status::Open => Err(Rejection::OrderNotOpen),
            Some(order) => Ok(*order),
            None => Err(Rejection::OrderNotFound),
        }
    }

    fn cancel(&mut self, user: UserId, market: MarketId, id: OrderId) -> Result<Done, Rejection> {
        let mut order = self.own_open_order(user, market, id)?;
        self.require(market, MarketStatus::CancelOnly)?;
        self.cancel_open(&mut order, CancelReason::User);
        Ok(Done::Cancelled { order })
    }

    fn cancel_all(
        &mut self,
        user: UserId,
        market: MarketId,
        side: Option<Side>,
        reason: CancelReason,
    ) -> Result<Done, Rejection> {
        self.require(market, MarketStatus::CancelOnly)?;
        let is_meant = |order: &&Order| {
            order.user == user
                && order.status == Status::Open
                && order.market == market
                && side.is_none_or(|side| order.side == side)
        };
        let mut orders: Vec<Order> = self.state.orders.values().filter(is_meant).copied().collect();
        for order in &mut orders {
            self.cancel_open(order, reason);
        }
        Ok(Done::CancelledAll { orders })
    }

    /// Cancels an order that rests or waits.
    pub(super) fn cancel_open(&mut self, order: &mut Order, reason: CancelReason) {
        if order.is_waiting() {
            self.stop_waiting(order);
        }
        self.close(order, reason);
        self.update_resting(*order);
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
            stops: self.stops,
            changed_markets: BTreeSet::new(),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            state: self.state.clone(),
            trades: self.trades.len(),
            new: self.new.clone(),
            changed: self.changed.clone(),
            commission: self.commission.clone(),
        }
    }

    pub(super) fn restore(&mut self, before: Snapshot) {
        *self.state = before.state;
        self.trades.truncate(before.trades);
        self.new = before.new;
        self.changed = before.changed;
        self.commission = before.commission;
    }

    pub(super) fn market(&self, id: MarketId) -> &Market {
        self.state.markets.get(&id).expect("load() provides every market of a batch")
    }
}

pub(super) fn account(user: UserId, asset: AssetId) -> AccountKey {
    AccountKey { user, asset }
}
