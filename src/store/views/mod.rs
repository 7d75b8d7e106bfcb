//! The reads of the API. Every query follows an index, and every list has a cap.

mod accounts;
mod admin_log;
mod book;
mod deposits;
mod orders;
mod page;
mod trades;
mod versions;
mod withdrawals;

pub use super::codes::ReferenceKind;
pub use accounts::{Balance, EntryView, TradeShare, balances, history};
pub use admin_log::admin_acts;
pub use book::{BookRow, book};
pub use deposits::deposits;
pub use orders::{OrderFilter, OrderName, OrderView, order_of, orders_of};
pub use page::{MAX_EXAMINED, Page, PageRequest};
pub use trades::{TradeFilter, UserTrade, trades, trades_of};
pub use versions::{
    NewestRow, account_versions, book_version, depth_version, newest_entries, newest_trade,
};
pub use withdrawals::{AdjustmentFilter, WithdrawalFilter, adjustments, withdrawals};
