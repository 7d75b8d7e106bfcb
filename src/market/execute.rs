//! Executes commands one after the other against the state they can touch.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AccountKey, Action, AssetId, CancelReason, Command, Done, Fixed, Market, MarketId, NewOrder,
    Order, OrderId, Plan, Reference, Rejection, Side, State, Status, Trade, TradeId, UserId,
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

struct Execution<'a> {
    state: &'a mut State,
    /// The most trades of the batch.
    max_fills: usize,
    trades: Vec<Trade>,
    new: BTreeSet<OrderId>,
    changed: BTreeSet<OrderId>,
    /// Commission collected in this batch; each house user gets one ledger entry.
    commission: BTreeMap<MarketId, Fixed>,
}

impl Execution<'_> {
    /// Whether the fills of this command fit into the batch. The first one always has room.
    fn has_room_for(&self, command: &Command) -> bool {
        let Command::Place(order) = command else { return true };
        let room = self.max_fills.saturating_sub(self.trades.len());
        if self.trades.is_empty() {
            return true;
        }
        let Some(book) = self.state.books.get(&order.market) else { return true };
        let mut wanted = order.amount;
        let matches = book.matches(order.side.opposite(), order.price);
        let fills = matches.map_while(|id| self.state.orders.get(&id)).take_while(|maker| {
            let is_wanted = wanted.is_positive() && maker.user != order.user;
            wanted = wanted.checked_sub(maker.remaining()).unwrap_or_default();
            is_wanted
        });
        fills.take(room.saturating_add(1)).count() <= room
    }

    fn execute(&mut self, command: Command) -> Result<Done, Rejection> {
        match command {
            Command::Place(new) => self.place(new),
            Command::Cancel { user, market, order } => self.cancel(user, market, order),
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
        let market = self.market(new.market);
        let rules = market.rules;
        rules.check(&new)?;
        let base = account(new.user, market.base);
        let open_orders = self.state.ledger.account(base).open_orders;
        if let Some(at_most) = rules.max_open_orders.filter(|at_most| open_orders >= *at_most) {
            return Err(Rejection::TooManyOpenOrders { at_most });
        }
        let (asset, rate) = match new.side {
            Side::Buy => (market.quote, market.buyer_rate),
            Side::Sell => (market.base, market.seller_rate),
        };
        let mut order = new.open(id, rate).ok_or(Rejection::OutOfRange)?;
        self.state
            .ledger
            .reserve(account(new.user, asset), order.reserved, id)
            .map_err(|_| Rejection::InsufficientFunds(new.side))?;
        self.new.insert(id);
        self.state.client_order_ids.extend(client_order_id);
        let first_trade = self.trades.len();
        self.match_incoming(&mut order);
        if order.status == Status::Open {
            self.state.ledger.count_open_order(base, true);
        }
        self.state.insert_order(order);
        Ok(Done::Placed { order, trades: first_trade..self.trades.len() })
    }

    /// Fills `taker` from the other side of the book until it is filled or nothing matches.
    fn match_incoming(&mut self, taker: &mut Order) {
        while taker.status == Status::Open {
            let book = self.state.books.entry(taker.market).or_default();
            let Some(maker_id) = book.next_match(taker.side.opposite(), taker.price) else {
                return;
            };
            let mut maker = self.state.orders[&maker_id];
            if maker.user == taker.user {
                return self.close(taker, CancelReason::SelfTrade);
            }
            if self.trades.len() >= self.max_fills {
                return self.close(taker, CancelReason::FillLimit);
            }
            if self.trade(taker, &mut maker).is_none() {
                return self.close(taker, CancelReason::OutOfRange);
            }
            if maker.status == Status::Filled {
                let base = account(maker.user, self.market(maker.market).base);
                self.state.ledger.count_open_order(base, false);
                let book = self.state.books.entry(maker.market).or_default();
                book.remove(maker.side, maker.price, maker.id);
            }
            self.changed.insert(maker.id);
            self.state.orders.insert(maker.id, maker);
        }
    }

    /// One fill: the smaller remaining amount, at the maker's price.
    ///
    /// Returns `None` and changes nothing if the fill would take a balance, or the sum of an
    /// order's fills, out of range.
    fn trade(&mut self, taker: &mut Order, maker: &mut Order) -> Option<()> {
        let amount = taker.remaining().min(maker.remaining());
        let price = maker.price;
        let value = price.mul_floor(amount).expect("a fill is worth no more than its order");
        let taken = taker.filled_with(amount, value)?;
        let made = maker.filled_with(amount, value)?;
        let ((buy, bought), (sell, sold)) = match taker.side {
            Side::Buy => (taken, made),
            Side::Sell => (made, taken),
        };
        let reference = Reference::Trade(self.trades.len());
        let Market { id: market, base, quote, .. } = *self.market(buy.market);
        let proceeds = value.checked_sub(sold.commission).expect("commission is part of the value");
        let collected = self.commission.get(&market).copied().unwrap_or_default();
        let collected = collected.checked_add(bought.commission)?.checked_add(sold.commission)?;
        let credits = [
            (account(buy.user, base), amount),
            (account(sell.user, quote), proceeds),
            (account(market.house(), quote), collected),
        ];
        if !credits.iter().all(|(key, credit)| self.state.ledger.can_credit(*key, *credit)) {
            return None;
        }

        let paid = bought.spent.negated();
        let ledger = &mut self.state.ledger;
        let done = Action::TradeCompleted;
        ledger.post(account(buy.user, quote), done, Fixed::ZERO, paid, reference);
        if bought.refund.is_positive() {
            let buyer = account(buy.user, quote);
            ledger.release(buyer, Action::OrderRefund, bought.refund, buy.id);
        }
        ledger.post(account(buy.user, base), done, amount, Fixed::ZERO, reference);
        ledger.post(account(sell.user, base), done, Fixed::ZERO, amount.negated(), reference);
        ledger.post(account(sell.user, quote), done, proceeds, Fixed::ZERO, reference);

        self.commission.insert(market, collected);
        let count = self.state.trade_counts.entry(market).or_default();
        *count = count.checked_add(1).expect("no market sees 2^63 trades");
        self.trades.push(Trade {
            id: TradeId(0),
            market,
            sequence: *count,
            buy_order: buy.id,
            sell_order: sell.id,
            buyer: buy.user,
            seller: sell.user,
            price,
            amount,
            value,
            buyer_commission: bought.commission,
            seller_commission: sold.commission,
        });
        match taker.side {
            Side::Buy => (*taker, *maker) = (buy, sell),
            Side::Sell => (*taker, *maker) = (sell, buy),
        }
        Some(())
    }

    fn cancel(&mut self, user: UserId, market: MarketId, id: OrderId) -> Result<Done, Rejection> {
        let mut order = match self.state.orders.get(&id) {
            Some(order) if order.user == user && order.market == market => *order,
            _ => return Err(Rejection::OrderNotFound),
        };
        if order.status != Status::Open {
            return Err(Rejection::OrderNotOpen);
        }
        self.state.books.entry(order.market).or_default().remove(order.side, order.price, id);
        self.close(&mut order, CancelReason::User);
        let base = account(user, self.market(market).base);
        self.state.ledger.count_open_order(base, false);
        self.changed.insert(id);
        self.state.orders.insert(id, order);
        Ok(Done::Cancelled { order })
    }

    /// Cancels the remaining amount of an order and releases its reservation.
    fn close(&mut self, order: &mut Order, reason: CancelReason) {
        let market = self.market(order.market);
        let asset = match order.side {
            Side::Buy => market.quote,
            Side::Sell => market.base,
        };
        let reserved = order.cancel(reason);
        let account = account(order.user, asset);
        self.state.ledger.release(account, Action::OrderCancelled, reserved, order.id);
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

    fn market(&self, id: MarketId) -> &Market {
        self.state.markets.get(&id).expect("load() provides every market of a batch")
    }
}

fn account(user: UserId, asset: AssetId) -> AccountKey {
    AccountKey { user, asset }
}
