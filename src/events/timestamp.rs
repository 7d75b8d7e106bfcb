//! How timestamps are encoded in JSON.

use chrono::NaiveDateTime;

/// ISO 8601 in UTC with six fractional digits: `2026-01-31T12:00:00.000000Z`.
pub fn iso8601(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
