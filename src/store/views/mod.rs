//! The reads of the API. Every query follows an index, and every list has a cap.

mod accounts;
mod admin_log;
mod book;
mod dead_letters;
mod deposits;
mod holdings;
mod ledger;
mod orders;
mod page;
mod trades;
mod users;
mod versioned;
mod versions;
mod withdrawals;

pub use super::codes::ReferenceKind;
pub use accounts::{Balance, EntryView, TradeShare, balances, history, history_with_versions};
pub use admin_log::admin_acts;
pub use book::{BookRow, read_book};
pub use dead_letters::dead_letters;
pub use deposits::deposits;
pub use holdings::{AccountVersions, Holding, Holdings, UserView, holdings};
pub use ledger::{EntryFilter, EntryPosition, LedgerEntry, entries, entries_by_account};
pub use orders::{
    OrderFilter, OrderName, OrderView, all_orders, order_of, orders_of, orders_with_versions,
};
pub(super) use page::ids_between;
pub use page::{MAX_EXAMINED, Page, PageRequest};
pub use trades::{
    TradeFilter, UserTrade, all_trades, trades, trades_of, trades_of_with_versions,
    trades_with_newest,
};
pub use users::{UserDetails, UserFilter, markets_with_open_orders, user, users};
pub use versions::{MarketVersions, NewestRow, market_versions, newest_trade};
pub use withdrawals::{AdjustmentFilter, WithdrawalFilter, adjustments, withdrawals};
