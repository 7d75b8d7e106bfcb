//! Matching.

use matchcast::market::{SelfTradePrevention, Side, TimeInForce};

use super::super::world::USD;
use super::{
    Fill, MAX_UNITS, NaiveMarket, OrderRecord, Placed, base, mul_floor, rounded_up, units,
};

impl NaiveMarket {
    /// An order that has arrived, after its matching unless it waits.
    pub(super) fn matched(&mut self, taker: usize) -> Placed {
        let (first, before) = (self.fills.len(), self.clone());
        if self.orders[taker].waits {
            return self.unmatched(taker);
        }
        let new = self.orders[taker].new;
        let mut prevented = self.fill(taker, new.self_trade_prevention);
        if new.time_in_force == TimeInForce::Fok && self.filled(taker) < self.orders[taker].amount {
            *self = before;
            prevented.clear();
        }
        if self.is_open(taker) && !new.may_rest() {
            self.orders[taker].cancelled = true;
        }
        let fills = self.fills[first..].to_vec();
        Placed { order: taker, state: self.order_state(taker), fills, prevented }
    }

    /// An order that did not match anything now.
    pub(super) fn unmatched(&self, order: usize) -> Placed {
        let (state, fills, prevented) = (self.order_state(order), Vec::new(), Vec::new());
        Placed { order, state, fills, prevented }
    }

    /// Fills an order until nothing matches. The makers and amounts of prevented trades.
    fn fill(&mut self, taker: usize, mode: SelfTradePrevention) -> Vec<(usize, i128)> {
        let mut prevented = Vec::new();
        while self.is_open(taker) {
            let Some(maker) = self.best_maker(taker) else { break };
            let both = self.remaining(taker).min(self.remaining(maker));
            let affordable = self.affordable(taker, self.orders[maker].price);
            let fill = self.fill_between(taker, maker, both.min(affordable));
            let is_at_limit = self.fills.len() - self.fills_before == self.limits.max_fills;
            if self.orders[maker].user == self.orders[taker].user {
                prevented.push((maker, both));
                match mode {
                    SelfTradePrevention::CancelNewest => self.orders[taker].cancelled = true,
                    SelfTradePrevention::CancelOldest => self.orders[maker].cancelled = true,
                    SelfTradePrevention::CancelBoth => {
                        self.orders[taker].cancelled = true;
                        self.orders[maker].cancelled = true;
                    }
                    SelfTradePrevention::Decrement => {
                        self.orders[taker].prevented += both;
                        self.orders[maker].prevented += both;
                    }
                }
            } else if affordable == 0 {
                let record = self.orders[taker].clone();
                match self.filled(taker) {
                    filled if filled > 0 && record.prevented == 0 => {
                        self.orders[taker].amount = filled;
                    }
                    _ => self.orders[taker].cancelled = true,
                }
            } else if is_at_limit || !self.can_settle(&fill) {
                self.orders[taker].cancelled = true;
            } else {
                self.fills.push(fill);
            }
        }
        prevented
    }

    /// The maker with the best price and the earliest arrival, found by sorting all candidates.
    pub(super) fn best_maker(&self, taker: usize) -> Option<usize> {
        let orders = &self.orders;
        let mut queue: Vec<usize> = self
            .open_orders_of(orders[taker].market)
            .filter(|i| !orders[*i].waits && orders[*i].side != orders[taker].side)
            .filter(|i| match orders[taker].side {
                Side::Buy => orders[*i].price <= orders[taker].price,
                Side::Sell => orders[*i].price >= orders[taker].price,
            })
            .collect();
        let by_arrival = |a: &usize, b: &usize| orders[*a].arrival.cmp(&orders[*b].arrival);
        queue.sort_by(|a, b| match orders[taker].side {
            Side::Buy => orders[*a].price.cmp(&orders[*b].price).then(by_arrival(a, b)),
            Side::Sell => orders[*b].price.cmp(&orders[*a].price).then(by_arrival(a, b)),
        });
        queue.first().copied()
    }

    /// The most that an order can pay for at this price, in whole lots.
    pub(super) fn affordable(&self, order: usize, price: i128) -> i128 {
        let OrderRecord { rates: (_, taker), new, .. } = self.orders[order];
        let remaining = self.remaining(order);
        let Some(budget) = new.quote_amount.map(units) else { return remaining };
        let lot = units(self.limits.rules.lot_size);
        let cost = |lots: i128| {
            let value = mul_floor(price, lots * lot);
            let commission = rounded_up(self.exact_commission(order) + taker * value);
            self.value(order) + value + commission
        };
        // From the largest power of two to the smallest: the sum of those that fit.
        let mut lots = 0;
        for power in (0..63).rev().map(|exponent| 1_i128 << exponent) {
            if (lots + power) * lot <= remaining && cost(lots + power) <= budget {
                lots += power;
            }
        }
        lots * lot
    }

    fn fill_between(&self, taker: usize, maker: usize, amount: i128) -> Fill {
        let price = self.orders[maker].price;
        let value = mul_floor(price, amount);
        let (buy, sell) =
            if self.orders[taker].side == Side::Buy { (taker, maker) } else { (maker, taker) };
        let commission = |i: usize| {
            let (as_maker, as_taker) = self.orders[i].rates;
            let rate = if i == taker { as_taker } else { as_maker };
            let before = self.exact_commission(i);
            rounded_up(before + rate * value) - rounded_up(before)
        };
        let (buyer_commission, seller_commission) = (commission(buy), commission(sell));
        let taker_side = self.orders[taker].side;
        Fill { buy, sell, price, amount, value, buyer_commission, seller_commission, taker_side }
    }

    /// Whether the fill keeps all amounts within the range.
    fn can_settle(&self, fill: &Fill) -> bool {
        let (buy, sell) = (&self.orders[fill.buy], &self.orders[fill.sell]);
        let collected = fill.buyer_commission + fill.seller_commission;
        self.value(fill.sell) + fill.value <= MAX_UNITS
            && self.can_credit(buy.user, base(buy.market), fill.amount)
            && self.can_credit(sell.user, USD.0, fill.value - fill.seller_commission)
            && self.house(buy.market) + collected <= MAX_UNITS
    }
}
