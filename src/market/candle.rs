//! Candles: what the trades of a market in an interval of time add up to.

use super::{Fixed, Trade};

/// At least one trade of a market. The order of trades is that of their sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle {
    /// The price of the first trade.
    pub open: Fixed,
    pub high: Fixed,
    pub low: Fixed,
    /// The price of the last trade.
    pub close: Fixed,
    /// The sum of the amounts, in units of 10⁻⁸. It may exceed the largest balance of an account.
    pub volume: i128,
    /// The same of the values, in the quote asset.
    pub quote_volume: i128,
    pub trade_count: i64,
    pub first_sequence: i64,
    pub last_sequence: i64,
}

impl Candle {
    /// The candle of one trade.
    pub fn of(trade: &Trade) -> Self {
        Self {
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: trade.amount.units().into(),
            quote_volume: trade.value.units().into(),
            trade_count: 1,
            first_sequence: trade.sequence,
            last_sequence: trade.sequence,
        }
    }

    /// The candle of both sets of trades, which have no trade in common. Neither needs to be the
    /// earlier one.
    pub fn merged(self, other: Self) -> Self {
        let (first, last) = (
            if other.first_sequence < self.first_sequence { &other } else { &self },
            if other.last_sequence > self.last_sequence { &other } else { &self },
        );
        Self {
            open: first.open,
            high: self.high.max(other.high),
            low: self.low.min(other.low),
            close: last.close,
            volume: self.volume.saturating_add(other.volume),
            quote_volume: self.quote_volume.saturating_add(other.quote_volume),
            trade_count: self.trade_count.saturating_add(other.trade_count),
            first_sequence: first.first_sequence,
            last_sequence: last.last_sequence,
        }
    }
}
