//! Compression, around actix-web's `Compress`: what is too small is sent as it is, and caches know
//! that other clients may get the same answer in another encoding.
//!
//! `Compress` leaves a response alone that has a `Content-Encoding`. So [`spare_small_bodies`],
//! which is inside of it, marks small bodies that are not compressed as `identity`, and
//! [`declare`], outside of it, removes this mark, which would be no valid header of a response. A
//! handler that sends what is compressed already chooses as `Compress` does, by
//! [`negotiated`](crate::http::encoding::negotiated).

use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, AcceptEncoding, CONTENT_ENCODING, Header, HeaderMap, HeaderValue, VARY,
};
use actix_web::middleware::Next;

use crate::http::encoding::{ENCODINGS, MIN_COMPRESSED_BYTES};

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const ACCEPT_ENCODING: &str = "accept-encoding";

/// Keeps small bodies from being compressed.
pub async fn spare_small_bodies<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let is_small =
        matches!(response.response().body().size(), BodySize::Sized(0..MIN_COMPRESSED_BYTES));
    // What is compressed already may be as small.
    if is_small && !response.headers().contains_key(CONTENT_ENCODING) {
        response.headers_mut().insert(CONTENT_ENCODING, IDENTITY);
    }
    Ok(response)
}

/// Adds `Vary: Accept-Encoding` where the encoding depends on it: to what is or could have been
/// compressed, and to what stands for it, a 304. Outside of the middleware for CORS, which keeps
/// one `Vary` header only.
///
/// A request that accepts no known encoding, not even none, gets the answer as it is. `Compress`
/// would refuse it, with a response that is no JSON, and HTTP leaves the choice to the server.
pub async fn declare<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Ok(accepted) = AcceptEncoding::parse(&request)
        && accepted.negotiate(ENCODINGS.iter()).is_none()
    {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    let mut response = next.call(request).await?;
    let is_not_modified = response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    if headers.get(CONTENT_ENCODING) == Some(&IDENTITY) {
        headers.remove(CONTENT_ENCODING);
        if !is_not_modified {
            return Ok(response);
        }
    }
    if !varies_by_encoding(headers) {
        headers.append(VARY, HeaderValue::from_static(ACCEPT_ENCODING));
    }
    Ok(response)
}

fn varies_by_encoding(headers: &HeaderMap) -> bool {
    let names = headers.get_all(VARY).filter_map(|value| value.to_str().ok());
    let mut names = names.flat_map(|value| value.split(','));
    names.any(|name| name.trim().eq_ignore_ascii_case(ACCEPT_ENCODING))
}
