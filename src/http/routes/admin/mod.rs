//! The calls of administrators, under `/api/admin`.

pub mod token;
