//! The event `book.updated`: the best prices of a book, as many as fit.

use serde::Serialize;

use crate::events::decimal::ExactText;
use crate::market::Market;
use crate::store::outbox::{BOOK_UPDATED, NewEvent, market_channel};
use crate::store::published_books::Level;

/// Both sides of a book, best prices first.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

/// A price, and all that is ordered at it. An array: names for both would be longer than they are.
#[derive(Serialize)]
struct Row(ExactText, ExactText);

/// To everybody: whose the orders are is not told.
#[derive(Serialize)]
struct BookUpdated<'a> {
    /// The same for every delivery of the event: a client drops the second one that it sees.
    event_id: &'a str,
    /// Its number within its market, without a hole: what is older than what one has is dropped.
    sequence: i64,
    symbol: &'a str,
    bids: Vec<Row>,
    asks: Vec<Row>,
}

/// The event that tells `book`, with at most `limit` bytes of data: as long as it has more, the
/// worst price of the longer side is left out.
///
/// `None`: not even an empty book fits.
pub fn event(
    market: &Market,
    sequence: i64,
    book: Book,
    limit: impl Fn(&str) -> usize,
) -> Option<NewEvent> {
    let channel = market_channel(&market.symbol);
    let limit = limit(&channel);
    let row = |level: Level| Row(level.price.into(), ExactText { units: level.units });
    let mut payload = BookUpdated {
        event_id: &format!("{BOOK_UPDATED}-{}-{sequence}", market.id),
        sequence,
        symbol: &market.symbol,
        bids: book.bids.into_iter().map(row).collect(),
        asks: book.asks.into_iter().map(row).collect(),
    };
    loop {
        let data = serde_json::to_string(&payload).expect("numbers and words are JSON");
        if data.len() <= limit {
            return Some(NewEvent { channel, name: BOOK_UPDATED, data, socket_id: None });
        }
        let longer = if payload.asks.len() > payload.bids.len() {
            &mut payload.asks
        } else {
            &mut payload.bids
        };
        longer.pop()?;
    }
}

#[cfg(test)]
mod tests {
    use super::{Book, event};
    use crate::market::{AssetId, Fixed, Market, MarketId};
    use crate::store::published_books::Level;

    /// The longest symbol and id there may be.
    fn market() -> Market {
        Market {
            id: MarketId(i32::MAX),
            symbol: "ABCDEFGHIJKLMNOP".to_owned(),
            base: AssetId(2),
            quote: AssetId(1),
            buyer_rate: Fixed::ZERO,
            seller_rate: Fixed::ZERO,
        }
    }

    /// So many prices on both sides, with as many digits as a million full accounts together have.
    fn book(bids: usize, asks: usize) -> Book {
        let level = Level { price: Fixed::MAX, units: i128::from(i64::MAX) * 1_000_000 };
        Book { bids: vec![level; bids], asks: vec![level; asks] }
    }

    fn lengths(limit: usize, bids: usize, asks: usize) -> Option<(usize, usize)> {
        let event = event(&market(), i64::MAX, book(bids, asks), |_| limit)?;
        assert!(event.data.len() <= limit, "{} of {limit}", event.data.len());
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        let len = |side: &str| data[side].as_array().unwrap().len();
        Some((len("bids"), len("asks")))
    }

    #[test]
    fn the_deepest_book_that_may_be_asked_for_stays_far_below_what_a_provider_takes() {
        assert_eq!(lengths(6_000, 50, 50), Some((50, 50)));
    }

    #[test]
    fn the_worst_prices_are_left_out_first_from_the_longer_side() {
        for (limit, bids, asks, expected) in [
            // An empty book has 137 bytes, each price 47, and a comma where it is not the first.
            (10_240, 3, 2, Some((3, 2))),
            (330, 3, 2, Some((2, 2))),
            (280, 3, 2, Some((1, 2))),
            (230, 3, 2, Some((0, 1))),
            (232, 50, 0, Some((2, 0))),
            (232, 0, 50, Some((0, 2))),
            (140, 50, 50, Some((0, 0))),
            (136, 50, 50, None),
            (136, 0, 0, None),
        ] {
            assert_eq!(lengths(limit, bids, asks), expected, "{limit} {bids} {asks}");
        }
        let level = |units| Level { price: Fixed::from_units(units), units: 1 };
        let book = Book { bids: vec![level(3), level(2), level(1)], asks: Vec::new() };
        let event = event(&market(), 1, book, |_| 140).unwrap();
        assert!(event.data.contains("0.00000003"), "{}", event.data);
        assert!(!event.data.contains("0.00000002"), "{}", event.data);
    }
}
