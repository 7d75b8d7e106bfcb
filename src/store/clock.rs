//! The current time, in the resolution that both databases keep.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use diesel::dsl::sql;
use diesel::expression::AsExpression;
use diesel::prelude::*;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Timestamp;
use diesel::sqlite::Sqlite;

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

/// The time of a batch as SQLite stores it: Diesel's text, so that the order of texts is that of
/// times. All rows have the same time, and formatting it for each takes a tenth of a batch.
#[derive(Clone, Debug, AsExpression)]
#[diesel(sql_type = Timestamp)]
pub(super) struct BatchTime(Arc<str>);

impl From<NaiveDateTime> for BatchTime {
    fn from(time: NaiveDateTime) -> Self {
        Self(time.format("%F %T%.f").to_string().into())
    }
}

impl ToSql<Timestamp, Sqlite> for BatchTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(&*self.0);
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDateTime};
    use diesel::prelude::*;
    use diesel::sql_types::Timestamp;
    use diesel::sqlite::SqliteConnection;

    use super::BatchTime;

    #[test]
    fn the_time_of_a_batch_is_stored_as_diesel_stores_it() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        // Diesel writes no more digits of a second than it needs.
        for micros in [0, 120_000, 123_000, 123_456] {
            let time = DateTime::from_timestamp_micros(1_800_000_000_000_000 + micros).unwrap();
            let time: NaiveDateTime = time.naive_utc();
            let stored = BatchTime::from(time).into_sql::<Timestamp>();
            let is_equal: bool =
                diesel::select(stored.eq(time)).get_result(&mut connection).unwrap();
            assert!(is_equal, "{time}");
        }
    }
}
