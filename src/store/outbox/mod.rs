//! The outbox: events that are committed and not yet delivered, and the ways in which they leave.
//!
//! An event ([`NewEvent`](crate::events::NewEvent)) is written in the transaction that caused it.
//! It leaves the outbox in one of four ways, each of which is accounted for: delivered, skipped
//! (its channel is unoccupied), dropped by an operator, or moved to the dead letters together with
//! the provider's error. A dead letter can be returned to the outbox.

mod admin;
mod counters;
mod dead_letters;
mod event;
mod queue;
mod shard_set;

pub use admin::{DeadLetter, PendingEvent, drop_event, list, retry, retry_all};
pub use counters::{counts, total, total_matched};
pub use dead_letters::{move_to_dead_letters, write_dead_letter};
pub use event::{NewEventRow, OutboxEvent, SHARDS, shard_of, write};
pub use queue::{
    FailedAttempt, assign_shards, heads, missing, oldest, record_delivered, record_failure,
    record_skipped,
};
pub use shard_set::ShardSet;
