//! What changes of a market as it trades.

use super::{Fixed, Side};

/// Which commands a market accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarketStatus {
    #[default]
    Open,
    /// Orders can be cancelled, and nothing else. Stop orders are not triggered; orders expire.
    CancelOnly,
    /// No command is accepted. Orders expire.
    Halted,
}

/// What changes of a market as it trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarketState {
    pub status: MarketStatus,
    /// The number of its trades so far.
    pub trades: i64,
    /// The number of its arrivals so far, see [`Order::arrival`](super::Order::arrival).
    pub arrivals: i64,
    /// `None`: there was no trade.
    pub last_price: Option<Fixed>,
    /// The number of its waiting stop orders.
    pub waiting_stops: u32,
    /// The prices of trades by which waiting stop orders may be triggered. They are executed before
    /// anything else in this market. `None`: there are none.
    pub triggering: Option<PriceRange>,
}

impl MarketState {
    /// Whether triggered stop orders come before everything else.
    pub fn is_triggering(&self) -> bool {
        self.triggering.is_some() && self.status == MarketStatus::Open
    }
}

/// The lowest and the highest price of some trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRange {
    pub low: Fixed,
    pub high: Fixed,
}

impl PriceRange {
    pub const fn of(price: Fixed) -> Self {
        Self { low: price, high: price }
    }

    /// Whether a trade in this range triggers a stop order of this side and stop price.
    pub fn triggers(self, side: Side, stop_price: Fixed) -> bool {
        match side {
            Side::Buy => stop_price <= self.high,
            Side::Sell => stop_price >= self.low,
        }
    }

    pub(super) fn with(self, price: Fixed) -> Self {
        Self { low: self.low.min(price), high: self.high.max(price) }
    }
}
