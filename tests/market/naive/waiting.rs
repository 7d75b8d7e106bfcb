//! Stop orders.

use matchcast::market::Side;

use super::{NaiveMarket, OrderRecord, units};

impl NaiveMarket {
    fn stop_price(&self, order: usize) -> Option<i128> {
        self.orders[order].new.stop_price.map(units)
    }

    pub(super) fn waits_for_its_stop_price(&self, order: usize) -> bool {
        let OrderRecord { market, side, .. } = self.orders[order];
        let Some(stop_price) = self.stop_price(order) else { return false };
        match (self.last_prices.get(&market), side) {
            (None, _) => true,
            (Some(last), Side::Buy) => *last < stop_price,
            (Some(last), Side::Sell) => *last > stop_price,
        }
    }

    /// Executes the stop orders of a market that the fills since `first` trigger, one after the
    /// other, as do the fills of these.
    pub(super) fn trigger(&mut self, market: i32, first: usize) {
        loop {
            let fills = self.fills[first..].iter();
            let of_market = fills.filter(|fill| self.orders[fill.buy].market == market);
            let prices: Vec<i128> = of_market.map(|fill| fill.price).collect();
            let (Some(low), Some(high)) = (prices.iter().min(), prices.iter().max()) else {
                return;
            };
            self.last_prices.insert(market, *prices.last().unwrap());
            let mut triggered: Vec<usize> = self
                .open_orders_of(market)
                .filter(|i| self.orders[*i].waits)
                .filter(|i| match (self.orders[*i].side, self.stop_price(*i).unwrap()) {
                    (Side::Buy, stop_price) => stop_price <= *high,
                    (Side::Sell, stop_price) => stop_price >= *low,
                })
                .collect();
            triggered.sort_by_key(|i| {
                let OrderRecord { side, arrival, .. } = self.orders[*i];
                let stop_price = self.stop_price(*i).unwrap();
                let rank = if side == Side::Buy { stop_price } else { -stop_price };
                (side, rank, arrival)
            });
            let Some(next) = triggered.first().copied() else { return };
            self.orders[next].waits = false;
            if self.require_active(self.orders[next].user).is_err() {
                self.orders[next].cancelled = true;
                continue;
            }
            self.arrive(next);
            self.fills_before = self.fills.len();
            self.matched(next);
        }
    }
}
