//! The calls of administrators, under `/api/admin`.

pub mod deposits;
pub mod log;
pub mod token;
