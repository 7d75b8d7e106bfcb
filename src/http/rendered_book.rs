//! The answer to `GET /orders`: the same bytes for all readers of a version of a book.
//!
//! A book may have thousands of orders on each side. It is rendered once per version, directly from
//! the rows, and compressed once per encoding, when a client first asks for it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::OnceCell;

use super::encoding::{MIN_COMPRESSED_BYTES, negotiated};
use super::response;
use crate::events::decimal::DecimalString;
use crate::events::order::side_name;
use crate::market::{MarketId, Side};
use crate::store::views::{self, BookRow};
use crate::store::{AnyConnection, StoreError};

const START: &str = r#"{"success":true,"message":"Orders retrieved successfully","data":{"asks":["#;
const BETWEEN: &str = r#"],"bids":["#;
const END: &str = "]}}";
/// The usual length of an order.
const ROW_BYTES: usize = 64;

/// Compression happens once per version, so it may take longer than that of other answers.
const ZSTD_LEVEL: i32 = 6;
const BROTLI_QUALITY: u32 = 5;
const BROTLI_WINDOW: u32 = 22;
const GZIP_LEVEL: u32 = 6;
const BUFFER_BYTES: usize = 64 * 1024;

/// A version of a book as it is sent.
pub struct RenderedBook {
    pub version: i64,
    plain: Bytes,
    zstd: OnceCell<Bytes>,
    brotli: OnceCell<Bytes>,
    gzip: OnceCell<Bytes>,
}

impl RenderedBook {
    /// Reads and renders a book, unless its version is the known one.
    pub fn read(
        connection: &mut AnyConnection,
        market: MarketId,
        cap: i64,
        known: Option<i64>,
    ) -> Result<Option<Self>, StoreError> {
        let mut text = Text::default();
        let version = views::read_book(connection, market, cap, known, |row| text.push(&row))?;
        Ok(version.map(|version| Self::new(version, text.finish())))
    }

    fn new(version: i64, text: String) -> Self {
        let (zstd, brotli, gzip) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { version, plain: Bytes::from(text), zstd, brotli, gzip }
    }

    /// The answer in the encoding that the client prefers.
    pub async fn respond(self: &Arc<Self>, request: &HttpRequest) -> HttpResponse {
        response::recovered();
        let mut response = HttpResponse::Ok();
        response.content_type(header::ContentType::json());
        let encoding = negotiated(request);
        match self.compressed(encoding).await {
            Some(body) => response.insert_header(encoding).body(body),
            None => response.body(self.plain.clone()),
        }
    }

    /// `None`: it is sent as it is, or compressed for this client alone.
    async fn compressed(self: &Arc<Self>, encoding: ContentEncoding) -> Option<Bytes> {
        if u64::try_from(self.plain.len()).is_ok_and(|len| len < MIN_COMPRESSED_BYTES) {
            return None;
        }
        let (cell, compress): (_, Compress) = match encoding {
            ContentEncoding::Zstd => (&self.zstd, zstd),
            ContentEncoding::Brotli => (&self.brotli, brotli),
            ContentEncoding::Gzip => (&self.gzip, gzip),
            _ => return None,
        };
        let compressed = cell.get_or_try_init(|| async {
            let plain = self.plain.clone();
            let task = tokio::task::spawn_blocking(move || compress(&plain));
            Ok::<_, std::io::Error>(Bytes::from(task.await??))
        });
        match compressed.await {
            Ok(body) => Some(body.clone()),
            Err(error) => {
                tracing::debug!(%error, "a book could not be compressed");
                None
            }
        }
    }
}

type Compress = fn(&[u8]) -> std::io::Result<Vec<u8>>;

fn zstd(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    zstd::encode_all(plain, ZSTD_LEVEL)
}

fn brotli(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer =
        brotli::CompressorWriter::new(Vec::new(), BUFFER_BYTES, BROTLI_QUALITY, BROTLI_WINDOW);
    writer.write_all(plain)?;
    writer.flush()?;
    Ok(writer.into_inner())
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer =
        flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
    writer.write_all(plain)?;
    writer.finish()
}

/// The text of a book, written row by row: first the asks and then the bids.
#[derive(Default)]
struct Text {
    text: String,
    last: Option<Side>,
}

impl Text {
    fn push(&mut self, row: &BookRow) {
        if self.text.capacity() - self.text.len() < ROW_BYTES {
            self.text.reserve(self.text.len().max(ROW_BYTES * 16));
        }
        self.begin(row.side);
        let (price, amount) = (DecimalString::from(row.price), DecimalString::from(row.remaining));
        let (side, user) = (side_name(row.side), row.user.0);
        let written = write!(
            self.text,
            r#"{{"price":{price},"amount":{amount},"side":"{side}","user_id":{user}}}"#
        );
        written.expect("a string takes any text");
    }

    /// Whatever comes before the next row of this side.
    fn begin(&mut self, side: Side) {
        if self.last.is_none() {
            self.text.push_str(START);
        }
        if self.last == Some(side) {
            self.text.push(',');
        } else if side == Side::Buy {
            self.text.push_str(BETWEEN);
        }
        self.last = Some(side);
    }

    fn finish(mut self) -> String {
        if self.last != Some(Side::Buy) {
            self.begin(Side::Buy);
        }
        self.text.push_str(END);
        self.text
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use serde_json::Value;

    use super::{Text, brotli, gzip, zstd};
    use crate::market::{Fixed, Side, UserId};
    use crate::store::views::BookRow;

    fn row(side: Side, price: i64, remaining: i64) -> BookRow {
        let (price, remaining) = (Fixed::from_units(price), Fixed::from_units(remaining));
        BookRow { side, user: UserId(7), price, remaining }
    }

    fn render(rows: &[BookRow]) -> String {
        let mut text = Text::default();
        rows.iter().for_each(|row| text.push(row));
        text.finish()
    }

    #[test]
    fn a_book_is_rendered_as_json_with_exact_decimals() {
        let asks = [row(Side::Sell, 10_100_000_000, 1), row(Side::Sell, i64::MAX, 50_000_000)];
        let bids = [row(Side::Buy, 9_900_000_000, 10_000_000)];
        let ask = r#"{"price":101,"amount":0.00000001,"side":"sell","user_id":7}"#;
        let high = r#"{"price":92233720368.54775807,"amount":0.5,"side":"sell","user_id":7}"#;
        let bid = r#"{"price":99,"amount":0.1,"side":"buy","user_id":7}"#;
        for (rows, asks, bids) in [
            (Vec::new(), String::new(), ""),
            (asks.to_vec(), format!("{ask},{high}"), ""),
            (bids.to_vec(), String::new(), bid),
            ([&asks[..], &bids].concat(), format!("{ask},{high}"), bid),
        ] {
            let text = render(&rows);
            let data = format!(r#"{{"asks":[{asks}],"bids":[{bids}]}}"#);
            let message = "Orders retrieved successfully";
            let expected = format!(r#"{{"success":true,"message":"{message}","data":{data}}}"#);
            assert_eq!(text, expected);
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn each_encoding_is_that_of_the_same_text() {
        let rows: Vec<_> = (1..3_000).map(|n| row(Side::Sell, n * 1_000_003, n * 7)).collect();
        let plain = render(&rows);
        let mut decoded = String::new();
        let compressed = zstd(plain.as_bytes()).unwrap();
        assert_eq!(zstd::decode_all(&compressed[..]).unwrap(), plain.as_bytes());
        let compressed = gzip(plain.as_bytes()).unwrap();
        flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut decoded).unwrap();
        assert_eq!(decoded, plain);
        decoded.clear();
        let compressed = brotli(plain.as_bytes()).unwrap();
        brotli::Decompressor::new(&compressed[..], 4096).read_to_string(&mut decoded).unwrap();
        assert_eq!(decoded, plain);
        assert!(compressed.len() * 2 < plain.len());
    }
}
