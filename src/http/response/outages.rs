//! Requests that fail with 500 or 503, in the log: not each of them, but the outage.

use std::fmt::Display;

use super::code::ErrorCode;
use crate::outage::Outage;

static UNAVAILABLE: Outage = Outage::error(
    "requests_unavailable",
    "requests get 503: the database is unavailable",
    "requests are answered again",
);
static OUTCOME_UNKNOWN: Outage = Outage::error(
    "requests_outcome_unknown",
    "requests get 503: it is unknown whether their transactions were committed",
    "the outcome of each transaction is known again",
);
static INTERNAL: Outage = Outage::error(
    "requests_internal",
    "requests get 500: an internal error",
    "requests get 500 no more",
);

/// Notes that a request failed with an error of this code.
pub fn failed(code: ErrorCode, cause: &dyn Display) {
    let outage = match code {
        ErrorCode::Unavailable => &UNAVAILABLE,
        ErrorCode::OutcomeUnknown => &OUTCOME_UNKNOWN,
        _ => &INTERNAL,
    };
    outage.failed(cause);
}

/// Notes that a request succeeded.
pub fn recovered() {
    for outage in [&UNAVAILABLE, &OUTCOME_UNKNOWN, &INTERNAL] {
        outage.recovered();
    }
}
