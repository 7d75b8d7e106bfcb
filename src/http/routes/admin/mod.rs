//! The calls of administrators, under `/api/admin`.

pub mod adjustments;
pub mod dead_letters;
pub mod deposits;
pub mod health;
pub mod ledger;
pub mod log;
pub mod markets;
pub mod orders;
pub mod reports;
pub mod token;
pub mod trades;
pub mod user_export;
pub mod users;
pub mod withdrawals;
