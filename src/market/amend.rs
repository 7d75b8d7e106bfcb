//! Changes the price and the amount of an open order.

use super::execute::Execution;
use super::{
    Action, Fixed, MarketId, MarketStatus, Order, OrderId, OrderType, PlacedOrder, Rejection,
    Status, UserId,
};

impl Execution<'_> {
    /// An order that keeps its priority stays where it is. Any other is taken out of the book, or
    /// from among the waiting ones, and arrives again.
    pub(super) fn amend(
        &mut self,
        user: UserId,
        market: MarketId,
        id: OrderId,
        price: Option<Fixed>,
        amount: Option<Fixed>,
    ) -> Result<PlacedOrder, Rejection> {
        let before =
            self.own_open_order(user, market, id).map_err(|rejection| match rejection {
                Rejection::OrderNotOpen => Rejection::OrderNotAmendable,
                rejection => rejection,
            })?;
        self.require_active(self.base_account(&before))?;
        self.require(market, MarketStatus::Open)?;
        if price.is_some() && before.order_type == OrderType::Market {
            return Err(Rejection::NoPriceToAmend);
        }
        let (price, amount) = (price.unwrap_or(before.price), amount.unwrap_or(before.amount));
        let no_trade = self.trades.len()..self.trades.len();
        if (price, amount) == (before.price, before.amount) {
            return Ok(PlacedOrder { order: before, trades: no_trade, prevented: Vec::new() });
        }
        let mut order = self.amended(&before, price, amount)?;
        self.change_reservation(&before, &order)?;
        let keeps_priority = price == before.price && amount <= before.amount;
        if !keeps_priority && !order.is_waiting() {
            self.state.books.entry(market).or_default().remove(&before);
            return Ok(self.arrive_again(order));
        }
        if !keeps_priority {
            self.state.stops.entry(market).or_default().remove(&before);
            order.arrival = self.next_arrival(market);
        }
        self.changed.insert(id);
        self.state.insert_order(order);
        Ok(PlacedOrder { order, trades: no_trade, prevented: Vec::new() })
    }

    /// The order as it is wanted, if the rules allow it.
    fn amended(&mut self, before: &Order, price: Fixed, amount: Fixed) -> Result<Order, Rejection> {
        let rules = self.market(before.market).rules;
        if price != before.price {
            rules.check_tick(price)?;
        }
        let used = before.filled.checked_add(before.prevented).unwrap_or(Fixed::MAX);
        if amount <= used {
            return Err(Rejection::AmountUsed);
        }
        rules.check_amount(amount, price)?;
        let order = before.amended(price, amount).ok_or(Rejection::OutOfRange)?;
        let is_moved = price != before.price && !order.is_waiting();
        if is_moved && order.post_only && self.would_match(&order) {
            return Err(Rejection::PostOnlyWouldMatch);
        }
        Ok(order)
    }

    /// Locks what the amended order needs in addition, or releases what it no longer needs.
    fn change_reservation(&mut self, before: &Order, order: &Order) -> Result<(), Rejection> {
        let reserved_in = self.reserved_in(order);
        let more = order.reserved.checked_sub(before.reserved).ok_or(Rejection::OutOfRange)?;
        let ledger = &mut self.state.ledger;
        if more.is_positive() {
            ledger.reserve(reserved_in, more, order.id).map_err(|_| {
                Rejection::InsufficientFunds { side: order.side, asset: reserved_in.asset }
            })?;
        } else if more < Fixed::ZERO {
            ledger.release(reserved_in, Action::OrderRefund, more.negated(), order.id);
        }
        Ok(())
    }

    /// Matches an open order that is neither in the book nor waiting, behind all others.
    pub(super) fn arrive_again(&mut self, mut order: Order) -> PlacedOrder {
        order.arrival = self.next_arrival(order.market);
        let first_trade = self.trades.len();
        let prevented = self.match_incoming(&mut order);
        if order.status != Status::Open {
            let base = self.base_account(&order);
            self.state.ledger.count_open_order(base, false);
        }
        self.changed.insert(order.id);
        self.state.insert_order(order);
        PlacedOrder { order, trades: first_trade..self.trades.len(), prevented }
    }
}
