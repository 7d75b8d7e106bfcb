//! Candles: the trades of a market in one minute or one hour, and longer intervals made of these.
//!
//! A batch adds its trades to the candles of their minute and their hour, in its own transaction
//! and while it holds the lock of the market. So the candles are those of the committed trades at
//! any time. A minute without a trade has no candle. The time of a trade decides which candle it
//! belongs to, and its sequence number whether it is the first or the last one there.

mod read;
mod rebuild;
mod ticker;

pub use read::{Interval, OpenedCandle, Range, Recent, recent};
pub use rebuild::rebuild;
pub use ticker::{Ticker, tickers};
