//! The catalogue of events: what is in them and how it is written.

pub mod decimal;
pub mod payload;
pub mod timestamp;
