//! Frames that no client library sends, byte by byte.

use super::Server;
use super::page::{Page, Received};

/// The header of a masked frame with a mask of zeros, which leaves the payload as it is.
fn header(first: u8, len: u64) -> Vec<u8> {
    let mut bytes = vec![first, 0xff];
    bytes.extend(len.to_be_bytes());
    bytes.extend([0; 4]);
    bytes
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [header(first, payload.len().try_into().unwrap()), payload.to_vec()].concat()
}

#[tokio::test]
async fn a_frame_above_the_limit_is_refused_at_its_header() {
    let server = Server::start().await;
    for len in [32 * 1024 + 1, 8 << 30, u64::MAX] {
        let mut page = Page::open(&server).await;
        page.send_bytes(&header(0x81, len)).await;
        page.send_bytes(b"the beginning of the payload").await;
        assert_eq!(page.receive().await, Received::Closed(1009), "{len}");
    }
    let mut page = Page::open(&server).await;
    page.send_bytes(&frame(0x81, &vec![b'x'; 32 * 1024])).await;
    page.expect_error(None).await;
}

#[tokio::test]
async fn an_invalid_frame_is_closed_with_the_code_of_its_problem() {
    let server = Server::start().await;
    let halves = [frame(0x01, b"\"\xc3"), frame(0x80, b"\x28\"")].concat();
    let whole = [frame(0x01, b"\"\xc3"), frame(0x80, b"\xa9\"")].concat();
    for (bytes, code) in [
        (frame(0x81, b"\xff\xfe"), 1007),
        (halves, 1007),
        (frame(0xc1, b"{}"), 1002),
        (frame(0xa1, b"{}"), 1002),
        (frame(0x91, b"{}"), 1002),
        (frame(0x83, b"{}"), 1002),
        (vec![0x81, 0x02, b'{', b'}'], 1002),
    ] {
        let mut page = Page::open(&server).await;
        page.send_bytes(&bytes).await;
        assert_eq!(page.receive().await, Received::Closed(code), "{bytes:?}");
    }
    let mut page = Page::open(&server).await;
    page.send_bytes(&whole).await;
    page.expect_error(None).await;
}
