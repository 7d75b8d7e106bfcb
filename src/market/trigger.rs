//! Triggers and executes stop orders, and cancels orders that have expired.
//!
//! Trades of a command may reach the prices of waiting stop orders. The prices are part of the
//! market's state ([`MarketState::triggering`](super::MarketState::triggering)), and until no
//! waiting order is left that they trigger, no further command of the market is executed, in
//! whichever transaction or process. So stop orders are executed in the same order however commands
//! are divided into batches, and a crash between two of them changes nothing.

use super::execute::Execution;
use super::stops::Triggered;
use super::{
    CancelReason, Done, ExecutedStop, MarketId, MarketState, Order, OrderId, PlacedOrder,
    PriceRange, Status,
};

impl Execution<'_> {
    pub(super) fn market_state(&mut self, market: MarketId) -> &mut MarketState {
        self.state.market_states.get_mut(&market).expect("load() provides every market of a batch")
    }

    pub(super) fn next_arrival(&mut self, market: MarketId) -> i64 {
        let state = self.market_state(market);
        state.arrivals = state.arrivals.checked_add(1).expect("no market sees 2^63 arrivals");
        state.arrivals
    }

    pub(super) fn count_waiting_stop(&mut self, market: MarketId, is_waiting: bool) {
        let state = self.market_state(market);
        state.waiting_stops = if is_waiting {
            state.waiting_stops.checked_add(1).expect("fewer than 2^32 orders wait")
        } else {
            state.waiting_stops.checked_sub(1).expect("every waiting order is counted")
        };
    }

    /// Records the trades since `first_trade`: the last price, and that waiting orders may be
    /// triggered.
    pub(super) fn note_trades(&mut self, first_trade: usize) {
        for position in first_trade..self.trades.len() {
            let (market, price) = (self.trades[position].market, self.trades[position].price);
            let state = self.market_state(market);
            state.last_price = Some(price);
            if state.waiting_stops > 0 || state.triggering.is_some() {
                let range = state.triggering.unwrap_or(PriceRange::of(price));
                state.triggering = Some(range.with(price));
            }
        }
    }

    fn first_triggered(&self, market: MarketId) -> Triggered {
        let state = &self.state.market_states[&market];
        match (state.triggering, self.state.stops.get(&market)) {
            (Some(range), Some(stops)) => stops.first_triggered(range),
            (Some(_) | None, _) => Triggered::None,
        }
    }

    /// Executes the stop orders that are triggered and ready. False if others are left, which come
    /// before every further command.
    pub(super) fn execute_triggered(&mut self, after: usize) -> bool {
        let states = self.state.market_states.iter();
        let markets = states.filter(|(_, state)| state.is_triggering()).map(|(market, _)| *market);
        let markets: Vec<MarketId> = markets.collect();
        markets.into_iter().all(|market| self.execute_triggered_in(market, after))
    }

    fn execute_triggered_in(&mut self, market: MarketId, after: usize) -> bool {
        loop {
            let id = match self.first_triggered(market) {
                Triggered::None => {
                    self.market_state(market).triggering = None;
                    return true;
                }
                Triggered::Unknown => return false,
                Triggered::Order(id) => id,
            };
            let mut order = self.state.orders[&id];
            if !self.state.ready_stops.contains(&id) || !self.has_room_for_order(&order) {
                return false;
            }
            let first_trade = self.trades.len();
            let order = if self.require_active(self.base_account(&order)).is_ok() {
                self.stop_waiting(&mut order);
                self.arrive_again(order)
            } else {
                // It would take what the user may not order.
                self.cancel_open(&mut order, CancelReason::AccountFrozen);
                PlacedOrder { order, trades: first_trade..first_trade, prevented: Vec::new() }
            };
            self.note_trades(first_trade);
            self.stops.push(ExecutedStop { after, order });
        }
    }

    /// The order no longer waits for its stop price.
    pub(super) fn stop_waiting(&mut self, order: &mut Order) {
        if let Some(stops) = self.state.stops.get_mut(&order.market) {
            stops.remove(order);
        }
        self.count_waiting_stop(order.market, false);
        order.set_waiting(false);
    }

    /// Cancels the orders that have expired.
    pub(super) fn advance(&mut self, market: MarketId) -> Done {
        let is_meant = |id: &OrderId| {
            let order = self.state.orders[id];
            order.market == market && order.status == Status::Open
        };
        let expired: Vec<OrderId> = self.state.expired.iter().copied().filter(is_meant).collect();
        let mut orders: Vec<Order> = expired.iter().map(|id| self.state.orders[id]).collect();
        for order in &mut orders {
            self.cancel_open(order, CancelReason::Expired);
        }
        Done::Advanced { expired: orders }
    }
}
