//! The calls of administrators, under `/api/admin`.

pub mod adjustments;
pub mod deposits;
pub mod log;
pub mod token;
pub mod withdrawals;
