//! The encodings of responses, and which of them a client gets.

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT_ENCODING, AcceptEncoding, ContentEncoding, Encoding, Header};

/// A smaller body is in the same packet as its head, or nearly, whether or not it is compressed.
pub const MIN_COMPRESSED_BYTES: u64 = 1024;
/// What `Compress` chooses from.
pub const ENCODINGS: [Encoding; 5] = [
    Encoding::identity(),
    Encoding::brotli(),
    Encoding::gzip(),
    Encoding::deflate(),
    Encoding::zstd(),
];

/// The encoding that `Compress` would choose for this client.
pub fn negotiated(request: &HttpRequest) -> ContentEncoding {
    let accepted = AcceptEncoding::parse(request).ok();
    match accepted.and_then(|accepted| accepted.negotiate(ENCODINGS.iter())) {
        Some(Encoding::Known(encoding)) if request.headers().contains_key(ACCEPT_ENCODING) => {
            encoding
        }
        _ => ContentEncoding::Identity,
    }
}
