//! Commission: the share that an order pays of the value of its fills.

use super::{Fixed, Side};

/// The part of an order in a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It rested in the book.
    Maker,
    /// It came in and matched a resting order.
    Taker,
}

/// The commission rates of a market: 0.015 is 1.5 % of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommissionRates {
    BySide { buyer: Fixed, seller: Fixed },
    ByRole { maker: Fixed, taker: Fixed },
}

impl CommissionRates {
    /// Nobody pays anything.
    pub const NONE: Self = Self::BySide { buyer: Fixed::ZERO, seller: Fixed::ZERO };

    /// The rates of an order of this side.
    pub const fn of(self, side: Side) -> OrderRates {
        match (self, side) {
            (Self::BySide { buyer, .. }, Side::Buy) => OrderRates { maker: buyer, taker: buyer },
            (Self::BySide { seller, .. }, Side::Sell) => {
                OrderRates { maker: seller, taker: seller }
            }
            (Self::ByRole { maker, taker }, _) => OrderRates { maker, taker },
        }
    }
}

/// The commission rates of an order, which it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRates {
    pub maker: Fixed,
    pub taker: Fixed,
}

impl OrderRates {
    /// The role in which it pays more. An order can take both: one that is amended may match again.
    pub(super) fn dearer_role(self) -> Role {
        if self.maker > self.taker { Role::Maker } else { Role::Taker }
    }

    pub fn highest(self) -> Fixed {
        self.maker.max(self.taker)
    }

    /// The commission on these values together, rounded up once. `None` if it is out of range.
    pub(super) fn commission_on(self, values: FilledValues) -> Option<Fixed> {
        Fixed::products_ceil([(self.maker, values.maker), (self.taker, values.taker)])
    }
}

/// The values that an order has filled as maker and as taker, in the quote asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilledValues {
    pub maker: Fixed,
    pub taker: Fixed,
}

impl FilledValues {
    /// `None` if it is out of range.
    pub fn total(self) -> Option<Fixed> {
        self.maker.checked_add(self.taker)
    }

    /// With the value of another fill. `None` if it is out of range.
    pub(super) fn with(mut self, value: Fixed, role: Role) -> Option<Self> {
        let of_role = match role {
            Role::Maker => &mut self.maker,
            Role::Taker => &mut self.taker,
        };
        *of_role = of_role.checked_add(value)?;
        Some(self)
    }
}

impl Default for CommissionRates {
    fn default() -> Self {
        Self::NONE
    }
}
