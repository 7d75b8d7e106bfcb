//! The publisher's side of the database: the lease, completions and pages of events.

pub mod completions;
mod connection;
mod lease;
pub mod worker;
