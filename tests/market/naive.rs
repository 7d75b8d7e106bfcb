//! The market once more, written to be obviously right and not to be fast: nothing is maintained.
//!
//! It remembers what was deposited, ordered, filled and cancelled. Every balance, every reservation
//! and every place in the queue is worked out from that anew, whenever it is asked for.

use matchcast::market::{Command, Fixed, NewOrder, Rejection, Side, Status};

use super::world::{BTC, ETH, USD};

const SCALE: i128 = 100_000_000;
const MOST: i128 = i64::MAX as i128;

fn floor(price: i128, amount: i128) -> i128 {
    price * amount / SCALE
}

fn ceil(rate: i128, value: i128) -> i128 {
    (rate * value + SCALE - 1) / SCALE
}

fn units(number: Fixed) -> i128 {
    i128::from(number.units())
}

#[derive(Clone, Debug)]
struct Ordered {
    user: i64,
    market: i32,
    side: Side,
    price: i128,
    amount: i128,
    rate: i128,
    accepted: bool,
    cancelled: bool,
}

/// One fill, by the positions of its orders.
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

/// What anybody can see of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub filled: i128,
    pub value: i128,
    pub commission: i128,
    pub reserved: i128,
    pub status: Status,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Placed(usize, Line, Vec<Fill>),
    Cancelled(Line),
    Deposited(i128),
}

#[derive(Default)]
pub struct Naive {
    pub buyer_rate: i128,
    pub seller_rate: i128,
    deposits: Vec<(i64, i32, i128)>,
    orders: Vec<Ordered>,
    fills: Vec<Fill>,
}

impl Naive {
    pub fn run(&mut self, command: &Command) -> Result<Done, Rejection> {
        match command {
            Command::Place(new) => self.place(new),
            Command::Cancel { user, order } => {
                let position = usize::try_from(order.0 - 1).unwrap_or(usize::MAX);
                match self.orders.get(position) {
                    Some(order) if order.accepted && order.user == user.0 => {}
                    _ => return Err(Rejection::OrderNotFound),
                }
                if !self.is_open(position) {
                    return Err(Rejection::OrderNotOpen);
                }
                self.orders[position].cancelled = true;
                Ok(Done::Cancelled(self.line(position)))
            }
            Command::Deposit { account, amount, daily_limit } => {
                let (user, asset) = (account.user.0, account.asset.0);
                let earlier = self.deposits.iter().filter(|d| (d.0, d.1) == (user, asset)).count();
                if earlier >= usize::try_from(*daily_limit).unwrap() {
                    return Err(Rejection::DepositLimit);
                }
                if !self.has_room(user, asset, units(*amount)) {
                    return Err(Rejection::OutOfRange);
                }
                self.deposits.push((user, asset, units(*amount)));
                Ok(Done::Deposited(self.available(user, asset)))
            }
        }
    }

    fn place(&mut self, new: &NewOrder) -> Result<Done, Rejection> {
        let (price, amount) = (units(new.price), units(new.amount));
        let rate = if new.side == Side::Buy { self.buyer_rate } else { self.seller_rate };
        let me = self.orders.len();
        let (user, market, side) = (new.user.0, new.market.0, new.side);
        let (accepted, cancelled) = (false, false);
        let ordered = Ordered { user, market, side, price, amount, rate, accepted, cancelled };
        self.orders.push(ordered);

        let value = floor(price, amount);
        let cost = value + ceil(rate, value);
        if cost > MOST {
            return Err(Rejection::OutOfRange);
        }
        let (asset, needed) =
            if side == Side::Buy { (USD.0, cost) } else { (base(market), amount) };
        if self.available(user, asset) < needed {
            return Err(Rejection::InsufficientFunds(side));
        }
        self.orders[me].accepted = true;

        let first = self.fills.len();
        while self.is_open(me) {
            let Some(maker) = self.best_against(me) else { break };
            let fill = self.fill_between(me, maker);
            if self.orders[maker].user == user || !self.fits(&fill) {
                self.orders[me].cancelled = true;
            } else {
                self.fills.push(fill);
            }
        }
        Ok(Done::Placed(me, self.line(me), self.fills[first..].to_vec()))
    }

    /// Who is next, found by sorting everybody.
    fn best_against(&self, taker: usize) -> Option<usize> {
        let of = &self.orders;
        let mut queue: Vec<usize> = (0..taker)
            .filter(|i| self.is_open(*i))
            .filter(|i| of[*i].market == of[taker].market && of[*i].side != of[taker].side)
            .filter(|i| match of[taker].side {
                Side::Buy => of[*i].price <= of[taker].price,
                Side::Sell => of[*i].price >= of[taker].price,
            })
            .collect();
        queue.sort_by(|a, b| match of[taker].side {
            Side::Buy => of[*a].price.cmp(&of[*b].price).then(a.cmp(b)),
            Side::Sell => of[*b].price.cmp(&of[*a].price).then(a.cmp(b)),
        });
        queue.first().copied()
    }

    fn fill_between(&self, taker: usize, maker: usize) -> Fill {
        let rest = |i: usize| self.orders[i].amount - self.filled(i);
        let amount = rest(taker).min(rest(maker));
        let price = self.orders[maker].price;
        let value = floor(price, amount);
        let (buy, sell) =
            if self.orders[taker].side == Side::Buy { (taker, maker) } else { (maker, taker) };
        let commission = |i: usize| {
            let (rate, before) = (self.orders[i].rate, self.value(i));
            ceil(rate, before + value) - ceil(rate, before)
        };
        let (buyer_commission, seller_commission) = (commission(buy), commission(sell));
        Fill { buy, sell, price, amount, value, buyer_commission, seller_commission }
    }

    /// Whether everybody can hold what the fill brings.
    fn fits(&self, fill: &Fill) -> bool {
        let (buy, sell) = (&self.orders[fill.buy], &self.orders[fill.sell]);
        let collected = fill.buyer_commission + fill.seller_commission;
        self.value(fill.sell) + fill.value <= MOST
            && self.has_room(buy.user, base(buy.market), fill.amount)
            && self.has_room(sell.user, USD.0, fill.value - fill.seller_commission)
            && self.house(buy.market) + collected <= MOST
    }

    fn has_room(&self, user: i64, asset: i32, more: i128) -> bool {
        self.available(user, asset) + self.locked(user, asset) + more <= MOST
    }

    fn filled(&self, order: usize) -> i128 {
        self.of(order).map(|fill| fill.amount).sum()
    }

    fn value(&self, order: usize) -> i128 {
        self.of(order).map(|fill| floor(fill.price, fill.amount)).sum()
    }

    fn of(&self, order: usize) -> impl Iterator<Item = &Fill> {
        self.fills.iter().filter(move |fill| fill.buy == order || fill.sell == order)
    }

    fn is_open(&self, order: usize) -> bool {
        let Ordered { accepted, cancelled, amount, .. } = self.orders[order];
        accepted && !cancelled && self.filled(order) < amount
    }

    /// What the order may still cost.
    fn reserved(&self, order: usize) -> i128 {
        let Ordered { side, price, amount, rate, .. } = self.orders[order];
        if !self.is_open(order) {
            return 0;
        }
        let rest = amount - self.filled(order);
        if side == Side::Sell {
            return rest;
        }
        let value = self.value(order);
        let at_worst = value + floor(price, rest);
        at_worst + ceil(rate, at_worst) - value - ceil(rate, value)
    }

    pub fn locked(&self, user: i64, asset: i32) -> i128 {
        let mine = (0..self.orders.len()).filter(|i| self.orders[*i].user == user);
        mine.filter(|i| asset == self.paid_with(*i)).map(|i| self.reserved(i)).sum()
    }

    fn paid_with(&self, order: usize) -> i32 {
        let Ordered { side, market, .. } = self.orders[order];
        if side == Side::Buy { USD.0 } else { base(market) }
    }

    /// Deposits, less what was reserved and paid, plus what was received.
    pub fn available(&self, user: i64, asset: i32) -> i128 {
        if user < 0 {
            let is_quote = asset == USD.0;
            return if is_quote { self.house(i32::try_from(-user).unwrap()) } else { 0 };
        }
        let mine = self.deposits.iter().filter(|deposit| (deposit.0, deposit.1) == (user, asset));
        let mut sum: i128 = mine.map(|deposit| deposit.2).sum();
        for (i, order) in self.orders.iter().enumerate().filter(|(_, order)| order.user == user) {
            let value = self.value(i);
            let commission = ceil(order.rate, value);
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
        of_market.map(|i| ceil(self.orders[i].rate, self.value(i))).sum()
    }

    pub fn line(&self, order: usize) -> Line {
        let Ordered { cancelled, amount, rate, .. } = self.orders[order];
        let (filled, value) = (self.filled(order), self.value(order));
        let status = match (cancelled, filled == amount) {
            (true, _) => Status::Cancelled,
            (false, true) => Status::Filled,
            (false, false) => Status::Open,
        };
        let commission = ceil(rate, value);
        Line { filled, value, commission, reserved: self.reserved(order), status }
    }

    /// The positions of all orders that were accepted.
    pub fn accepted(&self) -> impl Iterator<Item = usize> {
        (0..self.orders.len()).filter(|i| self.orders[*i].accepted)
    }
}

fn base(market: i32) -> i32 {
    if market == 1 { BTC.0 } else { ETH.0 }
}
