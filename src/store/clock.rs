//! The current time, in the resolution that both databases keep.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Timestamp;

use super::{AnyConnection, StoreError};
use crate::market::UnixMicros;

/// The time of PostgreSQL in UTC: not the time at which the transaction began, but now.
pub const SERVER_TIME: &str = "clock_timestamp() AT TIME ZONE 'utc'";

/// The current time in UTC, in microseconds.
#[expect(clippy::disallowed_methods, reason = "the only place that reads the clock")]
pub fn now() -> NaiveDateTime {
    let now: DateTime<Utc> = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now).naive_utc()
}

/// The current time of the clock that all processes share: the server's on PostgreSQL, the
/// machine's on SQLite.
pub fn database_time(connection: &mut AnyConnection) -> Result<NaiveDateTime, StoreError> {
    match connection {
        AnyConnection::Postgres(c) => {
            Ok(diesel::select(sql::<Timestamp>(SERVER_TIME)).get_result(c)?)
        }
        AnyConnection::Sqlite(_) => Ok(now()),
    }
}

pub fn unix_micros(time: NaiveDateTime) -> UnixMicros {
    UnixMicros(time.and_utc().timestamp_micros())
}

/// # Errors
/// If the time is more than 262,000 years from now.
pub fn from_unix_micros(time: UnixMicros) -> Result<NaiveDateTime, StoreError> {
    let time = DateTime::from_timestamp_micros(time.0).map(|time| time.naive_utc());
    time.ok_or_else(|| StoreError::Other("a time is out of range".to_owned()))
}

/// The beginning of the interval that contains `at`. Intervals divide the time since 1970, so those
/// that divide a day begin at midnight UTC.
pub fn start_of_interval(at: NaiveDateTime, interval_s: i32) -> NaiveDateTime {
    let seconds = at.and_utc().timestamp();
    let start = seconds - seconds.rem_euclid(i64::from(interval_s.max(1)));
    DateTime::from_timestamp(start, 0).map_or(at, |start| start.naive_utc())
}

/// The first beginning of an interval that is not before `at`.
pub fn next_interval(at: NaiveDateTime, interval_s: i32) -> NaiveDateTime {
    let start = start_of_interval(at, interval_s);
    if start == at { at } else { start + TimeDelta::seconds(interval_s.into()) }
}
