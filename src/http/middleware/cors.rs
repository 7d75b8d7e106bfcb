//! CORS: the other origins whose pages may read responses.

use actix_cors::Cors;
use actix_web::http::header::{self, HeaderName};

use super::{rate_limits, request_id};
use crate::config::Http;

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The headers of responses that pages of other origins may read.
const EXPOSED: [HeaderName; 7] = [
    header::ETAG,
    header::LINK,
    header::RETRY_AFTER,
    rate_limits::LIMIT,
    rate_limits::REMAINING,
    REPLAYED,
    request_id::HEADER,
];
/// How long a browser may cache a preflight response.
const PREFLIGHT_AGE_SECONDS: usize = 3600;

/// Without configured origins, no other origin may read responses.
pub fn cors(http: &Http) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_AGE_SECONDS);
    if http.cors_origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    http.cors_origins
        .iter()
        .fold(cors.supports_credentials(), |cors, origin| cors.allowed_origin(origin))
}
