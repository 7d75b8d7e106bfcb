//! Values for the unit tests of the publisher.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::{self, Backoff, OneTo};
use crate::store::now;
use crate::store::outbox::OutboxEvent;

/// Settings whose waits are exact: 100 ms, doubled up to one second, without jitter.
pub fn settings() -> config::Publisher {
    config::Publisher {
        poll: Duration::from_millis(250),
        lease: Duration::from_secs(6),
        lanes: OneTo::new(16).expect("16 is in range"),
        page_len: NonZeroU32::new(100).expect("100 is not 0"),
        backoff: Backoff {
            first: Duration::from_millis(100),
            factor: 2.0,
            cap: Duration::from_secs(1),
            jitter: 0.0,
            retry_after_cap: Duration::from_secs(60),
        },
        hold: Duration::from_secs(30),
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
