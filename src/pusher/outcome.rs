//! The outcome of a request to the provider, and what the sender should do next.
//!
//! The variants differ in what has to change before the same events can be accepted: only time
//! ([`Outcome::Retry`]), something that needs an operator ([`Outcome::Held`],
//! [`Outcome::Refused`]), or the events themselves ([`Outcome::Rejected`]).
//!
//! Texts have a maximum length and contain no control characters, no secret and no signature.

use std::time::Duration;

use reqwest::StatusCode;

use super::response::{ProviderResponse, RequestFailure};

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has accepted it.
    Delivered,
    /// Temporary: network error, timeout, 408, 425, 429, 5xx. The same request may succeed later,
    /// with a new signature, and all other requests to this destination should wait too. After a
    /// timeout the provider may have accepted the events.
    Retry {
        /// The status of the response, if there was one.
        status: Option<u16>,
        /// How long the provider asks to wait.
        after: Option<Duration>,
        /// What happened, for the log.
        reason: String,
    },
    /// 400, 404, and statuses that no Pusher-compatible provider sends (such as 3xx): the
    /// configuration is wrong or this event is malformed. The caller has to find out which, by
    /// whether other events are accepted.
    Refused { status: u16, message: String },
    /// 401, 403: wrong signature or clock, app disabled or quota used up. Nothing is accepted until
    /// an operator acts or the quota is renewed.
    Held { status: u16, message: String },
    /// 413, 422: these events will never be accepted. Without a status they were not sent, and
    /// `message` says why they cannot be.
    Rejected { status: Option<u16>, message: String },
}

impl From<ProviderResponse> for Outcome {
    fn from(response: ProviderResponse) -> Self {
        let ProviderResponse { status, message, retry_after, .. } = response;
        match status {
            200..300 => Self::Delivered,
            401 | 403 => Self::Held { status, message },
            413 | 422 => Self::Rejected { status: Some(status), message },
            408 | 425 | 429 | 500.. => {
                let reason = format!("the provider answered {status}: {message}");
                Self::Retry { status: Some(status), after: retry_after, reason }
            }
            _ => Self::Refused { status, message },
        }
    }
}

impl From<RequestFailure> for Outcome {
    fn from(failure: RequestFailure) -> Self {
        Self::Retry { status: None, after: None, reason: failure.message }
    }
}

/// The value of the label `status`: a registered status of HTTP, `other`, or `none` without a
/// response. So a provider cannot make up any number of values.
pub fn status_label(status: Option<u16>) -> String {
    let Some(status) = status else { return "none".to_owned() };
    let registered = StatusCode::from_u16(status).ok().filter(|s| s.canonical_reason().is_some());
    registered.map_or_else(|| "other".to_owned(), |status| status.as_u16().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pusher::response::BodyEnd;

    #[test]
    fn the_status_label_is_a_registered_status_or_a_word() {
        let labels = [Some(413), Some(499), Some(999), Some(0), None].map(status_label);
        assert_eq!(labels, ["413", "other", "other", "other", "none"]);
    }

    #[test]
    fn every_status_has_one_outcome() {
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
            let response = ProviderResponse {
                status,
                retry_after: None,
                clock_lead_s: None,
                message: "words".to_owned(),
                body: Vec::new(),
                body_end: BodyEnd::Complete,
            };
            let outcome = format!("{:?}", Outcome::from(response));
            assert!(outcome.starts_with(expected), "{status} became {outcome}");
        }
    }
}
