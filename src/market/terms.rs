//! What an order is for, and what it may do besides resting at its price.

use super::Fixed;

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

    /// The limit of an order of this side that accepts every price.
    pub const fn any_price(self) -> Fixed {
        match self {
            Self::Buy => Fixed::MAX,
            Self::Sell => Fixed::UNIT,
        }
    }
}

/// How the price of an order is determined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderType {
    /// The user sets it.
    #[default]
    Limit,
    /// [`Rules::max_slippage`](super::Rules::max_slippage) away from the best price of the book.
    Market,
}

/// How long an order may wait for its fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeInForce {
    /// Good till cancelled: what does not fill at once rests in the book.
    #[default]
    Gtc,
    /// Immediate or cancel: what does not fill at once is cancelled.
    Ioc,
    /// Fill or kill: all of it fills at once, or nothing.
    Fok,
    /// Good till date: what does not fill at once rests in the book until this time.
    Gtd(UnixMicros),
}

impl TimeInForce {
    /// Whether what does not fill at once stays in the book.
    pub const fn may_rest(self) -> bool {
        matches!(self, Self::Gtc | Self::Gtd(_))
    }
}

/// A time in microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMicros(pub i64);

/// The condition of a stop order: it waits outside the book until a trade reaches its price. A buy
/// order waits for a price as high or higher, a sell order for one as low or lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    pub price: Fixed,
    /// Until it is triggered, or is no longer open.
    pub is_waiting: bool,
}

/// What happens to an incoming order that would match an order of the same user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelfTradePrevention {
    /// The rest of the incoming order is cancelled.
    #[default]
    CancelNewest,
    /// The resting order is cancelled, and the incoming one continues.
    CancelOldest,
    /// Both are cancelled.
    CancelBoth,
    /// Both lose the smaller of their remaining amounts. One with nothing left is cancelled.
    Decrement,
}

impl SelfTradePrevention {
    /// Whether an incoming order may change resting orders without filling them.
    pub const fn changes_resting(self) -> bool {
        !matches!(self, Self::CancelNewest)
    }
}
