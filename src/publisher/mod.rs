//! The publisher: it sends the events of the outbox to the provider.
//!
//! Guarantees:
//!
//! - At least once: an event leaves the outbox after the provider has accepted it, never before.
//! - In order per channel: one process at a time publishes the events of a shard
//!   ([`crate::store::publishers`]), and gives it up when none of its requests is in flight. The
//!   events of a channel are in one lane, which has one request in flight and repeats a failed one
//!   before the next.
//! - Orders never wait for it: no transaction is open while a request is in flight, and an outage
//!   of the provider costs rows in the outbox, nothing else.
//!
//! One task owns everything ([`Publisher::run`]). [`delivery`] decides which requests start and
//! what their outcomes mean, [`outbox`] decides when the database is used, [`failure`] what the log
//! says about the provider, and [`occupancy`] whether events on unoccupied channels are skipped.
//! They share nothing: [`dispatch`] connects them. A commit that wrote events notifies the
//! publisher, also one of another process ([`listen`]). It polls the outbox as well.

mod delivery;
mod dispatch;
mod failure;
#[cfg(test)]
mod fixtures;
mod in_flight;
mod listening;
mod occupancy;
mod outbox;

pub use dispatch::{Publisher, Sink};
pub use listening::listen;
