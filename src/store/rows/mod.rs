//! Rows of the trading tables as structs, and their conversion from and to the market's types.
//!
//! Each table has one struct that all readers and writers use. A struct of which rows are inserted
//! or updated has a fixed set of columns (`None` is written as NULL, never left out), so that its
//! statement is prepared once.

mod account;
mod candle;
mod entry;
mod market;
mod order;
mod trade;

pub use account::{AccountChange, AccountRow, NewAccountRow};
pub use candle::{CandleRow, STORED_INTERVALS_S};
pub use entry::{EntryRow, StoredEntry};
pub use market::{MarketChange, MarketStateRow};
pub use order::{ClientOrderIdText, FillChange, Micros, OrderChange, OrderRow, StoredOrder};
pub use trade::{StoredTrade, TradeRow};
