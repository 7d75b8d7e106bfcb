//! Reads the header of each WebSocket frame before the codec does.
//!
//! The codec checks the announced length of a frame only when all of it has arrived, and until then
//! buffers it. It also reports reserved bits like invalid text. Here such a frame ends the stream
//! at its header, with an error that names the problem.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;

/// The frame is longer than the limit.
pub const TOO_LARGE: PayloadError = PayloadError::Overflow;
/// The frame uses reserved bits.
pub const RESERVED_BITS: PayloadError = PayloadError::EncodingCorrupted;

const RESERVED: u8 = 0b0111_0000;
const MASKED: u8 = 0b1000_0000;
const LENGTH: u8 = 0b0111_1111;
const MASK_BYTES: usize = 4;
/// A header has two bytes, a length of up to eight, and a mask.
const MAX_HEADER_BYTES: usize = 2 + 8 + MASK_BYTES;

/// The bytes of a connection, up to the first frame that is refused.
pub struct FrameGuard {
    payload: Payload,
    headers: Headers,
}

impl FrameGuard {
    pub fn new(payload: Payload, limit: usize) -> Self {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        Self { payload, headers: Headers { limit, header: Vec::new(), payload_left: 0 } }
    }
}

impl Stream for FrameGuard {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.payload).poll_next(cx);
        next.map(|item| {
            item.map(|bytes| {
                let bytes = bytes?;
                self.headers.check(&bytes)?;
                Ok(bytes)
            })
        })
    }
}

/// The position in the stream of frames.
struct Headers {
    limit: u64,
    /// The bytes of an incomplete header.
    header: Vec<u8>,
    /// The rest of the current frame.
    payload_left: u64,
}

impl Headers {
    fn check(&mut self, mut bytes: &[u8]) -> Result<(), PayloadError> {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let left = usize::try_from(self.payload_left).unwrap_or(usize::MAX);
                let skipped = left.min(bytes.len());
                bytes = &bytes[skipped..];
                self.payload_left -= u64::try_from(skipped).unwrap_or(0);
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            if self.header[0] & RESERVED != 0 {
                return Err(RESERVED_BITS);
            }
            if let Some(len) = frame_len(&self.header) {
                if len > self.limit {
                    return Err(TOO_LARGE);
                }
                self.payload_left = len;
                self.header.clear();
            }
        }
        Ok(())
    }
}

/// The length in a header. `None` if the header is incomplete.
fn frame_len(header: &[u8]) -> Option<u64> {
    debug_assert!(header.len() <= MAX_HEADER_BYTES, "a longer header is complete");
    let second = *header.get(1)?;
    let mask_bytes = if second & MASKED == 0 { 0 } else { MASK_BYTES };
    let extended_bytes = match second & LENGTH {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let extended = header.get(2..2 + extended_bytes)?;
    if header.len() < 2 + extended_bytes + mask_bytes {
        return None;
    }
    let short = u64::from(second & LENGTH);
    let long = extended.iter().fold(0, |len, byte| len << 8 | u64::from(*byte));
    Some(if extended.is_empty() { short } else { long })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&[u8]]) -> Result<(), String> {
        let mut headers = Headers { limit: 300, header: Vec::new(), payload_left: 0 };
        let mut checked = chunks.iter().map(|chunk| headers.check(chunk));
        checked.try_for_each(|result| result).map_err(|error| error.to_string())
    }

    #[test]
    fn a_frame_is_refused_at_its_header() {
        let (too_large, reserved) = (Err(TOO_LARGE.to_string()), Err(RESERVED_BITS.to_string()));
        let mask = [0; 4];
        let long = [&[0x81, 0xff, 0, 0, 0, 2, 0, 0, 0, 0][..], &mask].concat();
        assert_eq!(check(&[&long]), too_large);
        let single: Vec<&[u8]> = long.chunks(1).collect();
        assert_eq!(check(&single), too_large);
        let (largest, larger) = ([0x81, 0xfe, 1, 44], [0x81, 0xfe, 1, 45]);
        assert_eq!(check(&[&largest, &mask]), Ok(()));
        assert_eq!(check(&[&larger, &mask]), too_large);
        assert_eq!(check(&[&[0xff; 14]]), reserved);
        for bit in [0x40, 0x20, 0x10] {
            assert_eq!(check(&[&[0x81 | bit]]), reserved);
        }
    }

    #[test]
    fn the_payload_of_a_frame_is_skipped() {
        // Its bytes would be refused as a header.
        let frame = [&[0x81, 0x83][..], &[0; 4], &[0xff; 3]].concat();
        let three = frame.repeat(3);
        for size in 1..=three.len() {
            let chunks: Vec<&[u8]> = three.chunks(size).collect();
            assert_eq!(check(&chunks), Ok(()), "chunks of {size}");
        }
        assert_eq!(check(&[&three, &[0xff]]), Err(RESERVED_BITS.to_string()));
        // Without a mask, which the codec refuses.
        assert_eq!(check(&[&[0x81, 3, 0xff, 0xff, 0xff, 0x81]]), Ok(()));
    }
}
