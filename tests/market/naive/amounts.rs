//! Balances, reservations and the states of orders, computed from the records.

use matchcast::market::{Side, Status};

use super::super::world::USD;
use super::{Fill, MAX_UNITS, NaiveMarket, OrderRecord, OrderState, base, mul_floor, rounded_up};

impl NaiveMarket {
    pub(super) fn can_credit(&self, user: i64, asset: i32, more: i128) -> bool {
        self.available(user, asset) + self.locked(user, asset) + more <= MAX_UNITS
    }

    pub(super) fn filled(&self, order: usize) -> i128 {
        self.fills_of(order).map(|fill| fill.amount).sum()
    }

    pub(super) fn value(&self, order: usize) -> i128 {
        self.fills_of(order).map(|fill| mul_floor(fill.price, fill.amount)).sum()
    }

    /// The commission on the fills so far, not rounded.
    pub(super) fn exact_commission(&self, order: usize) -> i128 {
        let OrderRecord { side, rates: (maker, taker), .. } = self.orders[order];
        let rate = |fill: &Fill| if fill.taker_side == side { taker } else { maker };
        self.fills_of(order).map(|fill| rate(fill) * mul_floor(fill.price, fill.amount)).sum()
    }

    fn commission(&self, order: usize) -> i128 {
        rounded_up(self.exact_commission(order))
    }

    fn fills_of(&self, order: usize) -> impl Iterator<Item = &Fill> {
        self.fills.iter().filter(move |fill| fill.buy == order || fill.sell == order)
    }

    pub(super) fn remaining(&self, order: usize) -> i128 {
        self.orders[order].amount - self.filled(order) - self.orders[order].prevented
    }

    pub(super) fn is_open(&self, order: usize) -> bool {
        let OrderRecord { accepted, cancelled, .. } = self.orders[order];
        accepted && !cancelled && self.remaining(order) > 0
    }

    /// The maximum amount that the order can still cost: of the base for a sell order, of the quote
    /// including commission for a buy order.
    pub(super) fn reserved(&self, order: usize) -> i128 {
        let OrderRecord { side, price, rates: (maker, taker), .. } = self.orders[order];
        if !self.is_open(order) {
            return 0;
        }
        let remaining = self.remaining(order);
        if side == Side::Sell {
            return remaining;
        }
        let value = mul_floor(price, remaining);
        let commission = rounded_up(self.exact_commission(order) + maker.max(taker) * value);
        value + commission - self.commission(order)
    }

    pub fn locked(&self, user: i64, asset: i32) -> i128 {
        let own = (0..self.orders.len()).filter(|i| self.orders[*i].user == user);
        let orders = own.filter(|i| asset == self.reserved_asset(*i)).map(|i| self.reserved(i));
        orders.sum::<i128>() + self.pending(user, asset)
    }

    pub(super) fn reserved_asset(&self, order: usize) -> i32 {
        let OrderRecord { side, market, .. } = self.orders[order];
        if side == Side::Buy { USD.0 } else { base(market) }
    }

    /// Deposits plus received amounts, minus paid and reserved amounts.
    pub fn available(&self, user: i64, asset: i32) -> i128 {
        if user == 0 {
            return self.fees(asset);
        }
        if user < 0 {
            let is_quote = asset == USD.0;
            return if is_quote { self.house(i32::try_from(-user).unwrap()) } else { 0 };
        }
        let own = self.deposits.iter().filter(|deposit| (deposit.0, deposit.1) == (user, asset));
        let mut sum: i128 = own.map(|deposit| deposit.2).sum();
        let once = self.deposits_once.iter().filter(|once| (once.0, once.1) == (user, asset));
        sum += once.map(|once| once.2).sum::<i128>() + self.adjusted(user, asset);
        for (i, order) in self.orders.iter().enumerate().filter(|(_, order)| order.user == user) {
            let value = self.value(i);
            let commission = self.commission(i);
            let (quote_change, base_change) = match order.side {
                Side::Buy => (-value - commission, self.filled(i)),
                Side::Sell => (value - commission, -self.filled(i)),
            };
            if asset == USD.0 {
                sum += quote_change;
            }
            if asset == base(order.market) {
                sum += base_change;
            }
        }
        sum - self.locked(user, asset)
    }

    pub(super) fn house(&self, market: i32) -> i128 {
        let of_market = (0..self.orders.len()).filter(|i| self.orders[*i].market == market);
        of_market.map(|i| self.commission(i)).sum()
    }

    pub fn order_state(&self, order: usize) -> OrderState {
        let OrderRecord { price, amount, prevented, waits, .. } = self.orders[order];
        let (filled, value) = (self.filled(order), self.value(order));
        let waits = waits && self.is_open(order);
        let status = match (self.is_open(order), filled == amount) {
            (true, _) => Status::Open,
            (false, true) => Status::Filled,
            (false, false) => Status::Cancelled,
        };
        let commission = self.commission(order);
        let reserved = self.reserved(order);
        OrderState { price, amount, filled, value, commission, reserved, prevented, waits, status }
    }
}
