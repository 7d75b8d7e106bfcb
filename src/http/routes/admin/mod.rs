//! The calls of administrators, under `/api/admin`.

pub mod log;
pub mod token;
