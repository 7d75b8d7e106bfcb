//! Getting events to the provider: lanes, the circuit breaker, back-off and single requests.

pub mod backoff;
pub mod circuit_breaker;
pub mod lane;
pub mod request;
