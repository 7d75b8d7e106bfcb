//! The reads of the API. Every query follows an index, and every list has a cap.

mod accounts;
mod book;
mod orders;
mod trades;
mod versions;

pub use super::codes::ReferenceKind;
pub use accounts::{Balance, EntryView, TradeShare, balances, history};
pub use book::{BookRow, book};
pub use orders::{OrderName, OrderView, order_of, orders_of};
pub use trades::trades;
pub use versions::{NewestRow, account_versions, book_version, newest_entries, newest_trade};
