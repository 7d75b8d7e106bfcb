//! The current time, in the resolution that both databases keep.

use chrono::{DateTime, NaiveDateTime, Utc};

/// The current time in UTC, in microseconds.
#[expect(clippy::disallowed_methods, reason = "the only place that reads the clock")]
pub fn now() -> NaiveDateTime {
    let now: DateTime<Utc> = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now).naive_utc()
}
