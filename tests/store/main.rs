//! The store through its functions, the same assertions on both databases.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod admin_log;
mod audit;
mod audit_funds;
mod candles;
mod leases;
mod limits;
mod log_ins;
mod migrations;
mod names_first;
mod occupancy;
mod outbox;
mod pages;
mod people;
mod pruning;
mod publishers;
mod sign_ins;
mod standard_names;
mod statements;
mod views;
