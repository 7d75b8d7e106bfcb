//! The result of one attempt: a provider's response, or the reason why there is none.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

/// Maximum wait that a provider may ask for. Longer waits are cut to it, so that adding the wait to
/// a clock cannot overflow; the caller applies its own limit.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The parts of a response that matter: the status, two headers and the body.
pub(super) struct ProviderResponse {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// The provider's clock minus this machine's, in seconds, if the response has a date.
    pub clock_lead_s: Option<i64>,
    /// The body as sanitized text.
    pub message: String,
    /// The raw body, up to a limit. Not sanitized, so never log it.
    pub body: Vec<u8>,
    pub body_end: BodyEnd,
}

/// Why the body of a response has no more bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyEnd {
    Complete,
    /// The connection broke or timed out.
    BrokenOff,
    /// There is more, but it is not read.
    TooLarge,
}

/// There is no response. `message` is sanitized.
#[derive(Debug)]
pub(super) struct RequestFailure {
    pub kind: FailureKind,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The host's name could not be resolved.
    NameResolution,
    /// No connection: refused, no route, or timed out.
    Connect,
    Tls,
    /// Connected, but no response in time.
    Timeout,
    /// Connected, but the connection broke before the head of a response was complete.
    Broken,
}

impl ProviderResponse {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Reads a `Retry-After` header: seconds or an HTTP date. Returns `None` for anything else.
pub(super) fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let lead_s = clock_lead_s(value, now)?;
            Duration::from_secs(u64::try_from(lead_s).unwrap_or(0))
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// How far an HTTP date is after `now`, in seconds; negative if it is before.
pub(super) fn clock_lead_s(value: &str, now: SystemTime) -> Option<i64> {
    let date = DateTime::parse_from_rfc2822(value.trim()).ok()?;
    Some((date.to_utc() - DateTime::<Utc>::from(now)).num_seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_784_196_577;

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date_and_is_limited() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S);
        for (value, expected_s) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Thu, 16 Jul 2026 10:09:47 GMT", Some(10)),
            ("Thu, 16 Jul 2026 10:09:27 GMT", Some(0)),
            ("Sat, 16 Jul 2033 10:09:27 GMT", Some(86_400)),
            ("18446744073709551615", Some(86_400)),
            ("-7", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = expected_s.map(Duration::from_secs);
            assert_eq!(parse_retry_after(value, now), expected, "{value:?}");
        }
    }
}
