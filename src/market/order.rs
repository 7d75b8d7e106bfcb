//! An order and the arithmetic of its reservation; a trade.
//!
//! A buy order reserves `⌊price × amount⌋` and the commission on it. At every moment its maximum
//! total cost is `total = V + ⌊price × rest⌋ + ⌈rate × (V + ⌊price × rest⌋)⌉`, where V is the value
//! filled so far and rest the remaining amount. A fill of value v at or below the limit never
//! raises that total, because `v + ⌊price × rest'⌋ ≤ ⌊price × rest⌋`. The reservation therefore
//! always suffices, and a fill refunds the difference.

use super::{ClientOrderId, Fixed, MarketId, OrderId, TradeId, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

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
    /// A fill would have taken a balance, or the sum of its fills, out of range.
    OutOfRange,
    /// It has had as many fills as one transaction may have.
    FillLimit,
}

/// A limit order to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub user: UserId,
    pub market: MarketId,
    pub side: Side,
    pub price: Fixed,
    pub amount: Fixed,
    pub client_order_id: Option<ClientOrderId>,
}

/// An order and its current state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub user: UserId,
    pub market: MarketId,
    pub side: Side,
    pub price: Fixed,
    pub amount: Fixed,
    /// The part of the amount that is filled.
    pub filled: Fixed,
    /// The value of the fills so far, in the quote asset.
    pub filled_value: Fixed,
    /// Commission charged so far, in the quote asset.
    pub commission: Fixed,
    /// The rate at the time of placement, which the order keeps.
    pub commission_rate: Fixed,
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
}

impl Trade {
    /// The side of the incoming order, which is the newer one.
    pub fn taker_side(&self) -> Side {
        if self.buy_order > self.sell_order { Side::Buy } else { Side::Sell }
    }
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
    /// The order before its first match, with its reservation.
    ///
    /// `None` if its value or its reservation is out of range.
    pub fn open(self, id: OrderId, commission_rate: Fixed) -> Option<Order> {
        let mut order = Order {
            id,
            user: self.user,
            market: self.market,
            side: self.side,
            price: self.price,
            amount: self.amount,
            filled: Fixed::ZERO,
            filled_value: Fixed::ZERO,
            commission: Fixed::ZERO,
            commission_rate,
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
    /// The amount that is not filled yet.
    pub fn remaining(&self) -> Fixed {
        self.amount.checked_sub(self.filled).expect("no more than the amount is filled")
    }

    /// Value and commission of the whole order if the remaining amount fills at its limit.
    fn total(&self) -> Option<Fixed> {
        let rest = self.price.mul_floor(self.remaining())?;
        let value = self.filled_value.checked_add(rest)?;
        value.checked_add(self.commission_rate.mul_ceil(value)?)
    }

    /// The order after `amount` of it is filled for `value`, and the effect on its reservation.
    ///
    /// Commission is cumulative, `⌈rate × value so far⌉ − charged so far`: many small fills never
    /// cost more than one large fill. `None` if the value of all fills would be out of range, which
    /// can only happen to sell orders: a buy order has reserved it.
    ///
    /// # Panics
    /// If the fill exceeds the remaining amount or the limit price: a bug in matching.
    pub(super) fn filled_with(mut self, amount: Fixed, value: Fixed) -> Option<(Self, Fill)> {
        self.filled = self.filled.checked_add(amount)?;
        self.filled_value = self.filled_value.checked_add(value)?;
        assert!(self.filled <= self.amount, "an order is filled beyond its amount");
        let charged = self.commission_rate.mul_ceil(self.filled_value)?;
        let commission = charged.checked_sub(self.commission)?;
        self.commission = charged;
        if self.remaining().is_zero() {
            self.status = Status::Filled;
        }
        let spent = match self.side {
            Side::Buy => value.checked_add(commission)?,
            Side::Sell => amount,
        };
        let still_needed = match self.side {
            Side::Buy => self.total()?.checked_sub(self.filled_value)?.checked_sub(charged)?,
            Side::Sell => self.remaining(),
        };
        let refund = self.reserved.checked_sub(spent)?.checked_sub(still_needed)?;
        assert!(refund >= Fixed::ZERO, "the reservation does not cover the fill");
        self.reserved = still_needed;
        Some((self, Fill { commission, spent, refund }))
    }

    /// Closes the order and returns its remaining reservation.
    pub(super) fn cancel(&mut self, reason: CancelReason) -> Fixed {
        assert!(self.status == Status::Open, "only an open order can be cancelled");
        self.status = Status::Cancelled;
        self.cancel_reason = Some(reason);
        std::mem::take(&mut self.reserved)
    }
}
