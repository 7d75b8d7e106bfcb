//! How times are written in JSON.

use chrono::NaiveDateTime;

/// ISO 8601, UTC, six fractional digits.
pub fn iso(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
