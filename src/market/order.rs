//! An order and the arithmetic of its reservation; a trade.
//!
//! A buy order reserves `⌊price × amount⌋` and the commission on it. At every moment its maximum
//! total cost is `total = V + ⌊price × rest⌋ + ⌈C + rate × ⌊price × rest⌋⌉`, where V is the value
//! filled so far, C the exact commission on it, rest the remaining amount, and rate the higher one
//! of its rates as maker and as taker. A fill of value v at or below the limit never raises that
//! total, because `v + ⌊price × rest'⌋ ≤ ⌊price × rest⌋`, and what it pays on v is no more than
//! `rate × v`. The reservation therefore always suffices, and a fill refunds the difference.

use super::{
    ClientOrderId, FilledValues, Fixed, MarketId, OrderId, OrderRates, OrderType, Role,
    SelfTradePrevention, Side, Stop, TimeInForce, TradeId, UserId,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Including partially filled orders.
    Open,
    Filled,
    Cancelled,
}

/// Why an order was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// Its user cancelled it.
    User,
    /// It would have matched an order of the same user.
    SelfTrade,
    /// It is immediate or cancel, and nothing more matched.
    Ioc,
    /// It is fill or kill, and did not fill completely.
    Fok,
    /// It is a market order, and the next price is too far from the best one.
    Slippage,
    /// A fill would have taken a balance, or the sum of its fills, out of range.
    OutOfRange,
    /// It has had as many fills as one transaction may have.
    FillLimit,
    /// Its time in force has ended.
    Expired,
    /// An administrator has frozen the user and cancelled it, or it was a stop order and triggered
    /// since.
    AccountFrozen,
}

/// An order to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub user: UserId,
    pub market: MarketId,
    pub side: Side,
    /// The worst price that it accepts. `None`: a market order.
    pub price: Option<Fixed>,
    /// Ignored if there is a `quote_amount`.
    pub amount: Fixed,
    /// Of a market order to buy: what its fills and their commission may cost together.
    pub quote_amount: Option<Fixed>,
    /// A market order never rests, so for it only [`TimeInForce::Fok`] makes a difference.
    pub time_in_force: TimeInForce,
    /// It waits until a trade reaches this price. `None`: it does not wait.
    pub stop_price: Option<Fixed>,
    /// It is rejected if it would match, and always rests.
    pub post_only: bool,
    pub self_trade_prevention: SelfTradePrevention,
    pub client_order_id: Option<ClientOrderId>,
}

/// An order and its current state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    /// Its number among the arrivals of its market: of equal prices the smaller one fills first. A
    /// stop order that is triggered arrives again, as does an order that is amended so that it
    /// loses its priority.
    pub arrival: i64,
    pub user: UserId,
    pub market: MarketId,
    pub side: Side,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    pub post_only: bool,
    pub self_trade_prevention: SelfTradePrevention,
    /// `None`: not a stop order.
    pub stop: Option<Stop>,
    /// Its price or its amount was another one before.
    pub is_amended: bool,
    /// The worst price that it accepts.
    pub price: Fixed,
    /// If it has a `quote_amount`, the most that this can buy, and once it is filled, what it
    /// bought.
    pub amount: Fixed,
    /// What its fills and their commission may cost together. `None`: the amount limits it.
    pub quote_amount: Option<Fixed>,
    /// The part of the amount that is filled.
    pub filled: Fixed,
    /// The part of the amount that [`SelfTradePrevention::Decrement`] took away.
    pub prevented: Fixed,
    /// The values of the fills so far, in the quote asset.
    pub filled_values: FilledValues,
    /// Commission charged so far, in the quote asset.
    pub commission: Fixed,
    /// The commission rates at the time of placement, which the order keeps.
    pub rates: OrderRates,
    /// Still locked for this order, in the quote asset for a buy and the base asset for a sell.
    pub reserved: Fixed,
    pub status: Status,
    /// `None` unless it is cancelled; also if it was cancelled before reasons were recorded.
    pub cancel_reason: Option<CancelReason>,
    pub client_order_id: Option<ClientOrderId>,
}

/// One fill between two orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Assigned by the store, see [`super::Plan::number_trades`].
    pub id: TradeId,
    pub market: MarketId,
    /// Its number within its market: 1, 2, 3, … without gaps.
    pub sequence: i64,
    pub buy_order: OrderId,
    pub sell_order: OrderId,
    pub buyer: UserId,
    pub seller: UserId,
    pub price: Fixed,
    pub amount: Fixed,
    /// `⌊price × amount⌋`
    pub value: Fixed,
    pub buyer_commission: Fixed,
    pub seller_commission: Fixed,
    /// The side of the incoming order.
    pub taker_side: Side,
}

/// The effect of a fill on one of its two orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fill {
    /// Commission of this fill.
    pub commission: Fixed,
    /// Taken from the reservation.
    pub spent: Fixed,
    /// Saved by a better price and released from the reservation.
    pub refund: Fixed,
}

impl NewOrder {
    /// An order that rests in the book until it is filled or cancelled.
    pub const fn gtc(
        user: UserId,
        market: MarketId,
        side: Side,
        price: Fixed,
        amount: Fixed,
    ) -> Self {
        Self {
            user,
            market,
            side,
            price: Some(price),
            amount,
            quote_amount: None,
            time_in_force: TimeInForce::Gtc,
            stop_price: None,
            post_only: false,
            self_trade_prevention: SelfTradePrevention::CancelNewest,
            client_order_id: None,
        }
    }

    /// The worst price that it may accept, whatever the best one is.
    pub fn limit(&self) -> Fixed {
        self.price.unwrap_or(self.side.any_price())
    }

    /// Whether what does not fill at once stays in the book.
    pub fn may_rest(&self) -> bool {
        self.price.is_some() && self.time_in_force.may_rest()
    }

    /// The order with its reservation, before it arrives. `price` is the worst that it accepts.
    ///
    /// `None` if its value or its reservation is out of range.
    pub fn open(self, id: OrderId, price: Fixed, rates: OrderRates) -> Option<Order> {
        let (order_type, time_in_force) = match (self.price, self.time_in_force) {
            (Some(_), time_in_force) => (OrderType::Limit, time_in_force),
            (None, TimeInForce::Fok) => (OrderType::Market, TimeInForce::Fok),
            (None, _) => (OrderType::Market, TimeInForce::Ioc),
        };
        let mut order = Order {
            id,
            arrival: 0,
            user: self.user,
            market: self.market,
            side: self.side,
            order_type,
            time_in_force,
            post_only: self.post_only,
            self_trade_prevention: self.self_trade_prevention,
            stop: self.stop_price.map(|price| Stop { price, is_waiting: false }),
            is_amended: false,
            price,
            amount: self.amount,
            quote_amount: self.quote_amount,
            filled: Fixed::ZERO,
            prevented: Fixed::ZERO,
            filled_values: FilledValues::default(),
            commission: Fixed::ZERO,
            rates,
            reserved: Fixed::ZERO,
            status: Status::Open,
            cancel_reason: None,
            client_order_id: self.client_order_id,
        };
        let total = order.total()?;
        order.reserved = match self.side {
            Side::Buy => total,
            Side::Sell => self.amount,
        };
        Some(order)
    }
}

impl Order {
    /// The worst price up to which the book must be known when it arrives: a market order that did
    /// not fill says whether there are orders beyond its bound.
    pub const fn reach(&self) -> Fixed {
        match self.order_type {
            OrderType::Limit => self.price,
            OrderType::Market => self.side.any_price(),
        }
    }

    /// Whether it waits for its stop price, and is not in the book.
    pub fn is_waiting(&self) -> bool {
        self.stop.is_some_and(|stop| stop.is_waiting)
    }

    pub(super) fn set_waiting(&mut self, is_waiting: bool) {
        if let Some(stop) = &mut self.stop {
            stop.is_waiting = is_waiting;
        }
    }

    /// The amount that may still be filled.
    pub fn remaining(&self) -> Fixed {
        let unfilled = self.amount.checked_sub(self.filled);
        unfilled
            .and_then(|unfilled| unfilled.checked_sub(self.prevented))
            .expect("no more than the amount is filled or prevented")
    }

    /// The value of the fills so far, in the quote asset.
    pub fn filled_value(&self) -> Fixed {
        self.filled_values.total().expect("each fill has kept it in range")
    }

    /// The average price of the fills, rounded down. `None` if there is none.
    pub fn average_price(&self) -> Option<Fixed> {
        self.filled_value().div_floor(self.filled)
    }

    /// The most that can be filled at this price, in whole lots, if the cost is limited.
    pub(super) fn affordable(&self, price: Fixed, lot_size: Fixed) -> Fixed {
        let remaining = self.remaining();
        let Some(budget) = self.quote_amount else { return remaining };
        let costs_at_most = |amount: Fixed| {
            let cost = self.cost_with(price.mul_floor(amount)?, Role::Taker)?;
            Some(cost <= budget)
        };
        lot_size.most_multiples(remaining, |amount| costs_at_most(amount).unwrap_or(false))
    }

    /// Closes an order whose cost is limited and buys nothing more. What it has not spent is
    /// returned, to be released.
    pub(super) fn fill_as_far_as_affordable(&mut self) -> Fixed {
        self.amount = self.filled;
        self.status = Status::Filled;
        std::mem::take(&mut self.reserved)
    }

    /// Value and commission of the whole order if the remaining amount fills at its limit.
    fn total(&self) -> Option<Fixed> {
        if self.quote_amount.is_some() {
            return self.quote_amount;
        }
        self.cost_with(self.price.mul_floor(self.remaining())?, self.rates.dearer_role())
    }

    /// Value and commission of its fills and of one more.
    fn cost_with(&self, value: Fixed, role: Role) -> Option<Fixed> {
        let values = self.filled_values.with(value, role)?;
        values.total()?.checked_add(self.rates.commission_on(values)?)
    }

    /// The order after `amount` of it is filled for `value`, and the effect on its reservation.
    ///
    /// Commission is cumulative, `⌈rates × values so far⌉ − charged so far`: many small fills never
    /// cost more than one large fill. `None` if the value of all fills would be out of range, which
    /// can only happen to sell orders: a buy order has reserved it.
    ///
    /// # Panics
    /// If the fill exceeds the remaining amount or the limit price: a bug in matching.
    pub(super) fn filled_with(
        mut self,
        amount: Fixed,
        value: Fixed,
        role: Role,
    ) -> Option<(Self, Fill)> {
        self.filled = self.filled.checked_add(amount)?;
        self.filled_values = self.filled_values.with(value, role)?;
        self.filled_values.total()?;
        assert!(self.filled <= self.amount, "an order is filled beyond its amount");
        let charged = self.rates.commission_on(self.filled_values)?;
        let commission = charged.checked_sub(self.commission)?;
        self.commission = charged;
        if self.filled == self.amount {
            self.status = Status::Filled;
        } else if self.remaining().is_zero() {
            self.status = Status::Cancelled;
            self.cancel_reason = Some(CancelReason::SelfTrade);
        }
        let spent = match self.side {
            Side::Buy => value.checked_add(commission)?,
            Side::Sell => amount,
        };
        let still_needed = self.still_needed()?;
        let refund = self.reserved.checked_sub(spent)?.checked_sub(still_needed)?;
        assert!(refund >= Fixed::ZERO, "the reservation does not cover the fill");
        self.reserved = still_needed;
        Some((self, Fill { commission, spent, refund }))
    }

    /// The reservation for the remaining amount.
    fn still_needed(&self) -> Option<Fixed> {
        match self.side {
            _ if self.remaining().is_zero() => Some(Fixed::ZERO),
            Side::Buy => {
                self.total()?.checked_sub(self.filled_value())?.checked_sub(self.commission)
            }
            Side::Sell => Some(self.remaining()),
        }
    }

    /// The order with another price and amount, and the reservation that it needs then.
    ///
    /// `None` if its value or its reservation is out of range. Something must remain of it.
    pub(super) fn amended(mut self, price: Fixed, amount: Fixed) -> Option<Self> {
        self.price = price;
        self.amount = amount;
        self.is_amended = true;
        // Of a sell order too, so that its fills stay in range.
        self.total()?;
        self.reserved = self.still_needed()?;
        Some(self)
    }

    /// Takes away a part of the remaining amount, and returns its reservation. An order with
    /// nothing left is cancelled.
    pub(super) fn prevent(&mut self, amount: Fixed) -> Fixed {
        let reserved = self.reserved;
        self.prevented = self.prevented.checked_add(amount).expect("no more than the amount");
        self.reserved = self.still_needed().expect("a part costs no more than the whole");
        if self.remaining().is_zero() {
            self.status = Status::Cancelled;
            self.cancel_reason = Some(CancelReason::SelfTrade);
        }
        reserved.checked_sub(self.reserved).expect("a part costs no more than the whole")
    }

    /// Closes the order and returns its remaining reservation.
    pub(super) fn cancel(&mut self, reason: CancelReason) -> Fixed {
        assert!(self.status == Status::Open, "only an open order can be cancelled");
        self.status = Status::Cancelled;
        self.cancel_reason = Some(reason);
        self.set_waiting(false);
        std::mem::take(&mut self.reserved)
    }
}
