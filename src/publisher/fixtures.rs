//! Values for the unit tests of the publisher.

use crate::config;
use crate::store::now;
use crate::store::outbox::OutboxEvent;

/// Settings whose waits are exact: 100 ms, doubled up to one second, without jitter.
pub fn settings() -> config::Publisher {
    config::Publisher {
        poll_ms: 250,
        lease_ms: 6_000,
        lanes: 16,
        page_len: 100,
        backoff_first_ms: 100,
        backoff_factor: 2.0,
        backoff_cap_ms: 1_000,
        backoff_jitter: 0.0,
        retry_after_cap_ms: 60_000,
        hold_ms: 30_000,
    }
}

/// An event with this id and name on a channel of `shard`.
pub fn event(id: i64, shard: i16, name: &str) -> OutboxEvent {
    OutboxEvent {
        id,
        shard,
        channel: format!("private-user.{shard}"),
        name: name.to_owned(),
        data: "{}".to_owned(),
        socket_id: None,
        attempts: 0,
        created_at: now(),
    }
}

pub fn ids(events: &[OutboxEvent]) -> Vec<i64> {
    events.iter().map(|event| event.id).collect()
}
