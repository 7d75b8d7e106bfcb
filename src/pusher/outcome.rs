//! What became of a call to the provider, and what its sender should do next.
//!
//! Whether an answer can change by itself decides everything: what may pass later is
//! [`Outcome::Retry`], what needs a person is [`Outcome::Held`] or [`Outcome::Refused`], what can
//! never pass is [`Outcome::Rejected`]. A closed enum, so that the caller decides each.
//!
//! Texts are bounded, free of control characters, and contain neither the secret nor a signature.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

/// Longest answer that is kept, in bytes.
pub const MAX_ANSWER_BYTES: usize = 500;

/// Longest wait that a provider may ask for. Longer wishes are cut to it, so that adding the wait
/// to a clock cannot overflow; the caller bounds it further.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What stands in a text where something secret stood.
const REDACTED: &str = "[redacted]";

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has accepted it.
    Delivered,
    /// Not now: network error, timeout, 5xx, 429. The same call may pass later, signed anew, and
    /// everything else for this destination should wait with it. After a timeout it may have
    /// been accepted.
    Retry {
        /// How long the provider asks to wait.
        after: Option<Duration>,
        /// What happened, for the log.
        reason: String,
    },
    /// 400, 404 and what no Pusher-compatible provider answers (3xx among them): the
    /// configuration is wrong, or this event is malformed. Only the caller can tell, by whether
    /// other events pass.
    Refused { status: u16, answer: String },
    /// 401, 403: signature, clock, disabled app or used-up quota. Nothing will pass until a
    /// person acts (or the day ends).
    Held { status: u16, answer: String },
    /// 413, 422: this payload will never pass. Without a status it was not even sent: the answer
    /// says in our own words why it cannot be.
    Rejected { status: Option<u16>, answer: String },
}

/// An answer as far as it matters: its status, what two headers said, and a tidied text.
pub(super) struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// The provider's clock minus ours, in seconds, when it told its time.
    pub clock_lead_s: Option<i64>,
    pub text: String,
    /// The bytes that came, up to a limit; not tidied, so never for a log.
    pub body: Vec<u8>,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        let Answer { status, text, retry_after, .. } = answer;
        match status {
            200..300 => Self::Delivered,
            401 | 403 => Self::Held { status, answer: text },
            413 | 422 => Self::Rejected { status: Some(status), answer: text },
            408 | 425 | 429 | 500.. => {
                let reason = format!("the provider answered {status}: {text}");
                Self::Retry { after: retry_after, reason }
            }
            _ => Self::Refused { status, answer: text },
        }
    }
}

/// Reads a `Retry-After`: seconds, or a date of HTTP. What it does not understand is `None`.
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

/// How far a date of HTTP lies after `now`, in seconds; negative when it lies before.
pub(super) fn clock_lead_s(value: &str, now: SystemTime) -> Option<i64> {
    let date = DateTime::parse_from_rfc2822(value.trim()).ok()?;
    Some((date.to_utc() - DateTime::<Utc>::from(now)).num_seconds())
}

/// Makes foreign text fit for a log line or a database row.
///
/// What `secrets` names is replaced first, then control characters become spaces, then the text
/// is cut to [`MAX_ANSWER_BYTES`] between two characters.
pub(super) fn tidy(text: &str, secrets: &[&str]) -> String {
    let mut tidied = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        tidied = tidied.replace(secret, REDACTED);
    }
    tidied = tidied.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut tidied = tidied.trim().to_owned();
    tidied.truncate(tidied.floor_char_boundary(MAX_ANSWER_BYTES));
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_784_196_577;

    #[test]
    fn a_wait_is_read_as_seconds_or_as_a_date_and_is_bounded() {
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

    #[test]
    fn tidy_text_is_short_clean_and_without_secrets() {
        let tidied = tidy("\u{1b}[31mkey s3cret\r\nand s3cret\0", &["s3cret", ""]);
        assert_eq!(tidied, "[31mkey [redacted]  and [redacted]");
        // 500 is inside the 167th of these three-byte characters.
        assert_eq!(tidy(&"€".repeat(400), &[]).len(), 498);
        let at_the_end = format!("{}s3cret", "a".repeat(MAX_ANSWER_BYTES - 3));
        assert!(!tidy(&at_the_end, &["s3cret"]).contains("s3c"));
    }

    #[test]
    fn every_status_has_one_meaning() {
        for (status, expected) in [
            (200, "Delivered"),
            (202, "Delivered"),
            (301, "Refused"),
            (400, "Refused"),
            (401, "Held"),
            (402, "Refused"),
            (403, "Held"),
            (404, "Refused"),
            (408, "Retry"),
            (413, "Rejected"),
            (422, "Rejected"),
            (429, "Retry"),
            (500, "Retry"),
            (503, "Retry"),
            (599, "Retry"),
        ] {
            let answer = Answer {
                status,
                retry_after: None,
                clock_lead_s: None,
                text: "words".to_owned(),
                body: Vec::new(),
            };
            let outcome = format!("{:?}", Outcome::from(answer));
            assert!(outcome.starts_with(expected), "{status} became {outcome}");
        }
    }
}
