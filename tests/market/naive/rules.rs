//! What a new or amended order must fulfil.

use matchcast::market::{AssetId, MarketStatus, Rejection, Rules, Side, TimeInForce};

use super::super::world::USD;
use super::{MAX_UNITS, NaiveMarket, OrderRecord, Placed, base, mul_floor, rounded_up, units};

impl NaiveMarket {
    /// Everything but its funds comes before its funds.
    pub(super) fn check(&mut self, order: usize) -> Result<(), Rejection> {
        let OrderRecord { user, market, side, amount, rates, new, .. } = self.orders[order];
        let is_taken = (0..order).any(|i| {
            let of_same_user = self.orders[i].accepted && self.orders[i].user == user;
            of_same_user
                && new.client_order_id.is_some()
                && self.client_order_id(i) == new.client_order_id
        });
        if is_taken {
            return Err(Rejection::ClientOrderIdTaken);
        }
        self.require_active(user)?;
        self.require(market, MarketStatus::Open)?;
        if let TimeInForce::Gtd(expires_at) = new.time_in_force
            && expires_at.0 <= self.now
        {
            return Err(Rejection::Expired);
        }
        let mut reference_price = self.orders[order].price;
        if new.price.is_none() {
            let best = match new.stop_price {
                Some(stop_price) => units(stop_price),
                None => {
                    let best = self.best_maker(order).ok_or(Rejection::NoMarketPrice)?;
                    self.orders[best].price
                }
            };
            let slippage = mul_floor(best, units(self.limits.rules.max_slippage));
            let bound = if side == Side::Buy { best + slippage } else { best - slippage };
            self.orders[order].price = bound.clamp(1, MAX_UNITS);
            reference_price = best;
        }
        let cost = match new.quote_amount.map(units) {
            Some(budget) => {
                self.orders[order].amount = MAX_UNITS;
                let amount = self.affordable(order, reference_price);
                if budget < units(self.limits.rules.min_value) || amount == 0 {
                    return Err(Rejection::QuoteAmountTooSmall);
                }
                self.orders[order].amount = amount;
                budget
            }
            None => {
                self.check_rules(order, mul_floor(reference_price, amount))?;
                let value = mul_floor(self.orders[order].price, amount);
                value + rounded_up(rates.0.max(rates.1) * value)
            }
        };
        if cost > MAX_UNITS {
            return Err(Rejection::OutOfRange);
        }
        if new.post_only && self.best_maker(order).is_some() {
            return Err(Rejection::PostOnlyWouldMatch);
        }
        let (asset, needed) =
            if side == Side::Buy { (USD.0, cost) } else { (base(market), amount) };
        if self.available(user, asset) < needed {
            return Err(Rejection::InsufficientFunds { side, asset: AssetId(asset) });
        }
        Ok(())
    }

    fn check_rules(&self, order: usize, value: i128) -> Result<(), Rejection> {
        let Rules { tick_size, max_open_orders, .. } = self.limits.rules;
        let OrderRecord { user, market, price, amount, new, .. } = self.orders[order];
        if new.stop_price.is_some_and(|stop_price| units(stop_price) % units(tick_size) != 0) {
            return Err(Rejection::StopNotOnTick { tick_size });
        }
        if new.price.is_some() && price % units(tick_size) != 0 {
            return Err(Rejection::NotOnTick { tick_size });
        }
        self.check_amount(amount, value)?;
        let open = self.open_orders_of(market).filter(|i| self.orders[*i].user == user).count();
        let stays_open = new.may_rest() || new.stop_price.is_some();
        match max_open_orders {
            Some(at_most) if stays_open && open >= usize::try_from(at_most).unwrap() => {
                Err(Rejection::TooManyOpenOrders { at_most })
            }
            _ => Ok(()),
        }
    }

    fn check_amount(&self, amount: i128, value: i128) -> Result<(), Rejection> {
        let Rules { min_value, lot_size, .. } = self.limits.rules;
        if amount % units(lot_size) != 0 {
            return Err(Rejection::NotInLots { lot_size });
        }
        if value > MAX_UNITS {
            return Err(Rejection::OutOfRange);
        }
        if value < units(min_value) {
            return Err(Rejection::ValueTooSmall { min_value });
        }
        Ok(())
    }

    pub(super) fn amend(
        &mut self,
        order: usize,
        price: Option<i128>,
        amount: Option<i128>,
    ) -> Result<Placed, Rejection> {
        let before = self.orders[order].clone();
        let OrderRecord { user, market, side, rates, new, .. } = before;
        self.require(market, MarketStatus::Open)?;
        if price.is_some() && new.price.is_none() {
            return Err(Rejection::NoPriceToAmend);
        }
        let (price, amount) = (price.unwrap_or(before.price), amount.unwrap_or(before.amount));
        if (price, amount) == (before.price, before.amount) {
            return Ok(self.unmatched(order));
        }
        let tick_size = self.limits.rules.tick_size;
        if price != before.price && price % units(tick_size) != 0 {
            return Err(Rejection::NotOnTick { tick_size });
        }
        let used = self.filled(order) + before.prevented;
        if amount <= used {
            return Err(Rejection::AmountUsed);
        }
        self.check_amount(amount, mul_floor(price, amount))?;
        let value = mul_floor(price, amount - used);
        let commission = rounded_up(self.exact_commission(order) + rates.0.max(rates.1) * value);
        if self.value(order) + value + commission > MAX_UNITS {
            return Err(Rejection::OutOfRange);
        }
        let (asset, had) = (self.reserved_asset(order), self.reserved(order));
        let available = self.available(user, asset);
        let reject = |market: &mut Self, rejection| {
            market.orders[order] = before.clone();
            Err(rejection)
        };
        (self.orders[order].price, self.orders[order].amount) = (price, amount);
        let is_moved = price != before.price && !before.waits;
        if is_moved && new.post_only && self.best_maker(order).is_some() {
            return reject(self, Rejection::PostOnlyWouldMatch);
        }
        if available + had < self.reserved(order) {
            let asset = AssetId(asset);
            return reject(self, Rejection::InsufficientFunds { side, asset });
        }
        if price == before.price && amount <= before.amount {
            return Ok(self.unmatched(order));
        }
        self.arrive(order);
        Ok(self.matched(order))
    }
}
