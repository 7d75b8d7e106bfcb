//! Places an order.

use super::execute::{Execution, account};
use super::{
    AccountKey, Fixed, Market, MarketStatus, NewOrder, Order, OrderId, PlacedOrder, PriceRange,
    Rejection, Status, TimeInForce,
};

impl Execution<'_> {
    pub(super) fn place(&mut self, new: NewOrder) -> Result<PlacedOrder, Rejection> {
        let id = self.next_order_id();
        let client_order_id = new.client_order_id.map(|client_id| (new.user, client_id));
        // First, so that a request that is repeated learns that it was executed.
        if client_order_id.is_some_and(|id| self.state.client_order_ids.contains(&id)) {
            return Err(Rejection::ClientOrderIdTaken);
        }
        self.require_active(account(new.user, self.market(new.market).base))?;
        self.require(new.market, MarketStatus::Open)?;
        if let TimeInForce::Gtd(expires_at) = new.time_in_force
            && expires_at <= self.state.now
        {
            return Err(Rejection::Expired);
        }
        let order = self.opened(&new, id)?;
        let reserved_in = self.reserved_in(&order);
        self.state.ledger.reserve(reserved_in, order.reserved, id).map_err(|_| {
            Rejection::InsufficientFunds { side: new.side, asset: reserved_in.asset }
        })?;
        self.new.insert(id);
        self.state.client_order_ids.extend(client_order_id);
        let order = Order { arrival: self.next_arrival(new.market), ..order };
        Ok(self.wait_or_match(order))
    }

    pub(super) fn next_order_id(&mut self) -> OrderId {
        self.state.order_ids.pop_front().expect("load() provides an id for each new order")
    }

    /// The order with its reservation, which nothing has been done for yet.
    fn opened(&mut self, new: &NewOrder, id: OrderId) -> Result<Order, Rejection> {
        let (reference_price, price) = self.prices(new)?;
        let mut new = *new;
        let Market { base, rules, commission, .. } = *self.market(new.market);
        let rates = commission.of(new.side);
        match new.quote_amount {
            None => rules.check(&new, reference_price)?,
            Some(budget) if budget < rules.min_value => {
                return Err(Rejection::QuoteAmountTooSmall);
            }
            // At the best price it buys the most.
            Some(_) => {
                let whole = NewOrder { amount: Fixed::MAX, ..new };
                let order = whole.open(id, price, rates).ok_or(Rejection::OutOfRange)?;
                new.amount = order.affordable(reference_price, rules.lot_size);
            }
        }
        if new.amount.is_zero() {
            return Err(Rejection::QuoteAmountTooSmall);
        }
        let open_orders = self.state.ledger.account(account(new.user, base)).open_orders;
        let at_most = rules.max_open_orders.filter(|at_most| open_orders >= *at_most);
        let stays_open = new.may_rest() || new.stop_price.is_some();
        if let Some(at_most) = at_most.filter(|_| stays_open) {
            return Err(Rejection::TooManyOpenOrders { at_most });
        }
        let order = new.open(id, price, rates).ok_or(Rejection::OutOfRange)?;
        if new.post_only && self.would_match(&order) {
            return Err(Rejection::PostOnlyWouldMatch);
        }
        Ok(order)
    }

    /// The price that its value is computed with, and the worst price that the order accepts.
    fn prices(&mut self, new: &NewOrder) -> Result<(Fixed, Fixed), Rejection> {
        if let Some(price) = new.price {
            return Ok((price, price));
        }
        let best = match new.stop_price {
            // What is best once it is triggered is not known yet.
            Some(stop_price) => Some(stop_price),
            None => self.best_price(new.market, new.side.opposite()),
        };
        let best = best.ok_or(Rejection::NoMarketPrice)?;
        Ok((best, self.market(new.market).rules.market_bound(new.side, best)))
    }

    /// A stop order waits, unless the last trade has reached its price. Everything else matches.
    fn wait_or_match(&mut self, mut order: Order) -> PlacedOrder {
        let last_price = self.market_state(order.market).last_price;
        let is_reached =
            |price| last_price.is_some_and(|last| PriceRange::of(last).triggers(order.side, price));
        let is_waiting = order.stop.is_some_and(|stop| !is_reached(stop.price));
        let first_trade = self.trades.len();
        let prevented = if is_waiting {
            order.set_waiting(true);
            self.count_waiting_stop(order.market, true);
            Vec::new()
        } else {
            self.match_incoming(&mut order)
        };
        if order.status == Status::Open {
            let base = self.base_account(&order);
            self.state.ledger.count_open_order(base, true);
        }
        self.state.insert_order(order);
        PlacedOrder { order, trades: first_trade..self.trades.len(), prevented }
    }

    /// The account of the order's user in the base asset of its market.
    pub(super) fn base_account(&self, order: &Order) -> AccountKey {
        account(order.user, self.market(order.market).base)
    }
}
