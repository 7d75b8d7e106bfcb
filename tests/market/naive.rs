//! A second implementation of the market, written to be obviously correct, not to be fast.
//!
//! It has no derived state: it records deposits, orders, fills and cancellations, and computes
//! every balance, reservation and queue position from these records each time.

use matchcast::market::{
    ClientOrderId, Command, Fixed, NewOrder, Rejection, Rules, SelfTradePrevention, Side, Status,
    TimeInForce,
};

use super::sequence::Limits;

use super::world::{BTC, ETH, USD};

const SCALE: i128 = 100_000_000;
const MAX_UNITS: i128 = i64::MAX as i128;

fn mul_floor(price: i128, amount: i128) -> i128 {
    price * amount / SCALE
}

fn mul_ceil(rate: i128, value: i128) -> i128 {
    (rate * value + SCALE - 1) / SCALE
}

fn units(number: Fixed) -> i128 {
    i128::from(number.units())
}

#[derive(Clone, Debug)]
struct OrderRecord {
    user: i64,
    market: i32,
    side: Side,
    price: i128,
    amount: i128,
    rate: i128,
    client_order_id: Option<ClientOrderId>,
    /// What self-trade prevention took away.
    prevented: i128,
    accepted: bool,
    cancelled: bool,
}

/// A fill. `buy` and `sell` are positions in the list of all orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    pub buy: usize,
    pub sell: usize,
    pub price: i128,
    pub amount: i128,
    pub value: i128,
    pub buyer_commission: i128,
    pub seller_commission: i128,
}

/// The state of an order, computed from the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    pub filled: i128,
    pub value: i128,
    pub commission: i128,
    pub reserved: i128,
    pub prevented: i128,
    pub status: Status,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// With the makers and amounts of the trades that were prevented.
    Placed(usize, OrderState, Vec<Fill>, Vec<(usize, i128)>),
    Cancelled(OrderState),
    CancelledAll(Vec<usize>),
    Deposited(i128),
}

#[derive(Clone, Default)]
pub struct NaiveMarket {
    pub buyer_rate: i128,
    pub seller_rate: i128,
    pub limits: Limits,
    deposits: Vec<(i64, i32, i128)>,
    orders: Vec<OrderRecord>,
    fills: Vec<Fill>,
}

impl NaiveMarket {
    pub fn run(&mut self, command: &Command) -> Result<Done, Rejection> {
        match command {
            Command::Place(new) => self.place(new),
            Command::Cancel { user, market, order } => {
                let position = usize::try_from(order.0 - 1).unwrap_or(usize::MAX);
                match self.orders.get(position) {
                    Some(order)
                        if order.accepted && (order.user, order.market) == (user.0, market.0) => {}
                    _ => return Err(Rejection::OrderNotFound),
                }
                if !self.is_open(position) {
                    return Err(Rejection::OrderNotOpen);
                }
                self.orders[position].cancelled = true;
                Ok(Done::Cancelled(self.order_state(position)))
            }
            Command::CancelAll { user, market, side } => {
                let cancelled: Vec<usize> = (0..self.orders.len())
                    .filter(|i| self.is_open(*i) && self.orders[*i].user == user.0)
                    .filter(|i| self.orders[*i].market == market.0)
                    .filter(|i| side.is_none_or(|side| side == self.orders[*i].side))
                    .collect();
                cancelled.iter().for_each(|i| self.orders[*i].cancelled = true);
                Ok(Done::CancelledAll(cancelled))
            }
            Command::Deposit { account, amount, daily_limit } => {
                let (user, asset) = (account.user.0, account.asset.0);
                let earlier = self.deposits.iter().filter(|d| (d.0, d.1) == (user, asset)).count();
                if earlier >= usize::try_from(*daily_limit).unwrap() {
                    return Err(Rejection::DepositLimit);
                }
                if !self.can_credit(user, asset, units(*amount)) {
                    return Err(Rejection::OutOfRange);
                }
                self.deposits.push((user, asset, units(*amount)));
                Ok(Done::Deposited(self.available(user, asset)))
            }
        }
    }

    fn place(&mut self, new: &NewOrder) -> Result<Done, Rejection> {
        let amount = units(new.amount);
        let rate = if new.side == Side::Buy { self.buyer_rate } else { self.seller_rate };
        let taker = self.orders.len();
        let (user, market, side) = (new.user.0, new.market.0, new.side);
        let client_order_id = new.client_order_id;
        let is_taken = self.orders.iter().any(|order| {
            order.accepted
                && order.user == user
                && client_order_id.is_some()
                && order.client_order_id == client_order_id
        });
        let any_price = if side == Side::Buy { MAX_UNITS } else { 1 };
        self.orders.push(OrderRecord {
            user,
            market,
            side,
            price: new.price.map_or(any_price, units),
            amount,
            rate,
            client_order_id,
            prevented: 0,
            accepted: false,
            cancelled: false,
        });
        if is_taken {
            return Err(Rejection::ClientOrderIdTaken);
        }
        let mut reference_price = self.orders[taker].price;
        if new.price.is_none() {
            let best = self.best_maker(taker).ok_or(Rejection::NoMarketPrice)?;
            let best = self.orders[best].price;
            let slippage = mul_floor(best, units(self.limits.rules.max_slippage));
            let bound = if side == Side::Buy { best + slippage } else { best - slippage };
            self.orders[taker].price = bound.clamp(1, MAX_UNITS);
            reference_price = best;
        }

        self.check_limits(taker, mul_floor(reference_price, amount), new)?;
        let value = mul_floor(self.orders[taker].price, amount);
        let cost = value + mul_ceil(rate, value);
        if cost > MAX_UNITS {
            return Err(Rejection::OutOfRange);
        }
        if new.post_only && self.best_maker(taker).is_some() {
            return Err(Rejection::PostOnlyWouldMatch);
        }
        let (asset, needed) =
            if side == Side::Buy { (USD.0, cost) } else { (base(market), amount) };
        if self.available(user, asset) < needed {
            return Err(Rejection::InsufficientFunds(side));
        }
        self.orders[taker].accepted = true;

        let first = self.fills.len();
        let before = self.clone();
        let mut prevented = self.fill(taker, new.self_trade_prevention);
        if new.time_in_force == TimeInForce::Fok && self.filled(taker) < amount {
            *self = before;
            prevented.clear();
        }
        if self.is_open(taker) && !new.may_rest() {
            self.orders[taker].cancelled = true;
        }
        let fills = self.fills[first..].to_vec();
        Ok(Done::Placed(taker, self.order_state(taker), fills, prevented))
    }

    /// Fills an order until nothing matches. The makers and amounts of prevented trades.
    fn fill(&mut self, taker: usize, mode: SelfTradePrevention) -> Vec<(usize, i128)> {
        let (first, mut prevented) = (self.fills.len(), Vec::new());
        while self.is_open(taker) {
            let Some(maker) = self.best_maker(taker) else { break };
            let fill = self.fill_between(taker, maker);
            let is_at_limit = self.fills.len() - first == self.limits.max_fills;
            if self.orders[maker].user == self.orders[taker].user {
                prevented.push((maker, fill.amount));
                match mode {
                    SelfTradePrevention::CancelNewest => self.orders[taker].cancelled = true,
                    SelfTradePrevention::CancelOldest => self.orders[maker].cancelled = true,
                    SelfTradePrevention::CancelBoth => {
                        self.orders[taker].cancelled = true;
                        self.orders[maker].cancelled = true;
                    }
                    SelfTradePrevention::Decrement => {
                        self.orders[taker].prevented += fill.amount;
                        self.orders[maker].prevented += fill.amount;
                    }
                }
            } else if is_at_limit || !self.can_settle(&fill) {
                self.orders[taker].cancelled = true;
            } else {
                self.fills.push(fill);
            }
        }
        prevented
    }

    fn check_limits(&self, order: usize, value: i128, new: &NewOrder) -> Result<(), Rejection> {
        let Rules { min_value, tick_size, lot_size, max_open_orders, .. } = self.limits.rules;
        let OrderRecord { user, market, price, amount, .. } = self.orders[order];
        if new.price.is_some() && price % units(tick_size) != 0 {
            return Err(Rejection::NotOnTick { tick_size });
        }
        if amount % units(lot_size) != 0 {
            return Err(Rejection::NotInLots { lot_size });
        }
        if value > MAX_UNITS {
            return Err(Rejection::OutOfRange);
        }
        if value < units(min_value) {
            return Err(Rejection::ValueTooSmall { min_value });
        }
        let is_open = |i: &usize| {
            (self.orders[*i].user, self.orders[*i].market) == (user, market) && self.is_open(*i)
        };
        let open = (0..order).filter(is_open).count();
        match max_open_orders {
            Some(at_most) if new.may_rest() && open >= usize::try_from(at_most).unwrap() => {
                Err(Rejection::TooManyOpenOrders { at_most })
            }
            _ => Ok(()),
        }
    }

    /// The maker with the best price and the earliest arrival, found by sorting all candidates.
    fn best_maker(&self, taker: usize) -> Option<usize> {
        let orders = &self.orders;
        let mut queue: Vec<usize> = (0..taker)
            .filter(|i| self.is_open(*i))
            .filter(|i| {
                orders[*i].market == orders[taker].market && orders[*i].side != orders[taker].side
            })
            .filter(|i| match orders[taker].side {
                Side::Buy => orders[*i].price <= orders[taker].price,
                Side::Sell => orders[*i].price >= orders[taker].price,
            })
            .collect();
        queue.sort_by(|a, b| match orders[taker].side {
            Side::Buy => orders[*a].price.cmp(&orders[*b].price).then(a.cmp(b)),
            Side::Sell => orders[*b].price.cmp(&orders[*a].price).then(a.cmp(b)),
        });
        queue.first().copied()
    }

    fn fill_between(&self, taker: usize, maker: usize) -> Fill {
        let remaining = |i: usize| self.remaining(i);
        let amount = remaining(taker).min(remaining(maker));
        let price = self.orders[maker].price;
        let value = mul_floor(price, amount);
        let (buy, sell) =
            if self.orders[taker].side == Side::Buy { (taker, maker) } else { (maker, taker) };
        let commission = |i: usize| {
            let (rate, before) = (self.orders[i].rate, self.value(i));
            mul_ceil(rate, before + value) - mul_ceil(rate, before)
        };
        let (buyer_commission, seller_commission) = (commission(buy), commission(sell));
        Fill { buy, sell, price, amount, value, buyer_commission, seller_commission }
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

    fn can_credit(&self, user: i64, asset: i32, more: i128) -> bool {
        self.available(user, asset) + self.locked(user, asset) + more <= MAX_UNITS
    }

    fn filled(&self, order: usize) -> i128 {
        self.fills_of(order).map(|fill| fill.amount).sum()
    }

    fn value(&self, order: usize) -> i128 {
        self.fills_of(order).map(|fill| mul_floor(fill.price, fill.amount)).sum()
    }

    fn fills_of(&self, order: usize) -> impl Iterator<Item = &Fill> {
        self.fills.iter().filter(move |fill| fill.buy == order || fill.sell == order)
    }

    fn remaining(&self, order: usize) -> i128 {
        self.orders[order].amount - self.filled(order) - self.orders[order].prevented
    }

    fn is_open(&self, order: usize) -> bool {
        let OrderRecord { accepted, cancelled, .. } = self.orders[order];
        accepted && !cancelled && self.remaining(order) > 0
    }

    /// The maximum amount that the order can still cost: of the base for a sell order, of the quote
    /// including commission for a buy order.
    fn reserved(&self, order: usize) -> i128 {
        let OrderRecord { side, price, rate, .. } = self.orders[order];
        if !self.is_open(order) {
            return 0;
        }
        let remaining = self.remaining(order);
        if side == Side::Sell {
            return remaining;
        }
        let value = self.value(order);
        let max_value = value + mul_floor(price, remaining);
        max_value + mul_ceil(rate, max_value) - value - mul_ceil(rate, value)
    }

    pub fn locked(&self, user: i64, asset: i32) -> i128 {
        let own = (0..self.orders.len()).filter(|i| self.orders[*i].user == user);
        own.filter(|i| asset == self.reserved_asset(*i)).map(|i| self.reserved(i)).sum()
    }

    fn reserved_asset(&self, order: usize) -> i32 {
        let OrderRecord { side, market, .. } = self.orders[order];
        if side == Side::Buy { USD.0 } else { base(market) }
    }

    /// Deposits plus received amounts, minus paid and reserved amounts.
    pub fn available(&self, user: i64, asset: i32) -> i128 {
        if user < 0 {
            let is_quote = asset == USD.0;
            return if is_quote { self.house(i32::try_from(-user).unwrap()) } else { 0 };
        }
        let own = self.deposits.iter().filter(|deposit| (deposit.0, deposit.1) == (user, asset));
        let mut sum: i128 = own.map(|deposit| deposit.2).sum();
        for (i, order) in self.orders.iter().enumerate().filter(|(_, order)| order.user == user) {
            let value = self.value(i);
            let commission = mul_ceil(order.rate, value);
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

    fn house(&self, market: i32) -> i128 {
        let of_market = (0..self.orders.len()).filter(|i| self.orders[*i].market == market);
        of_market.map(|i| mul_ceil(self.orders[i].rate, self.value(i))).sum()
    }

    pub fn order_state(&self, order: usize) -> OrderState {
        let OrderRecord { amount, rate, prevented, .. } = self.orders[order];
        let (filled, value) = (self.filled(order), self.value(order));
        let status = match (self.is_open(order), filled == amount) {
            (true, _) => Status::Open,
            (false, true) => Status::Filled,
            (false, false) => Status::Cancelled,
        };
        let commission = mul_ceil(rate, value);
        let reserved = self.reserved(order);
        OrderState { filled, value, commission, reserved, prevented, status }
    }

    /// The positions of all accepted orders.
    pub fn accepted(&self) -> impl Iterator<Item = usize> {
        (0..self.orders.len()).filter(|i| self.orders[*i].accepted)
    }
}

fn base(market: i32) -> i32 {
    if market == 1 { BTC.0 } else { ETH.0 }
}
