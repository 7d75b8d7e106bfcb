//! What an order may do besides resting at its price.

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
