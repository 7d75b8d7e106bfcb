//! Headers that keep responses private: they are not stored, and https stays https.

use actix_web::http::header;
use actix_web::middleware::DefaultHeaders;

/// A year: how long a browser uses https only, once it has seen a response over https.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=31536000";

/// For responses that may contain balances or tokens: neither the browser nor a proxy stores them.
/// A handler that sets `Cache-Control` itself takes precedence.
pub fn not_stored() -> DefaultHeaders {
    DefaultHeaders::new().add((header::CACHE_CONTROL, "no-store"))
}

/// For all responses. A server with secure cookies is reachable over https only.
pub fn security_headers(secure: bool) -> DefaultHeaders {
    let headers = DefaultHeaders::new().add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if !secure {
        return headers;
    }
    headers.add((header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT_SECURITY))
}
