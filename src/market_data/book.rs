//! The event `book.updated`: the best prices of a book, as many as fit into one event.

use crate::events::decimal::DecimalString;
use crate::events::{BookLevel, BookUpdated, EventKind, NewEvent, SizeLimits, market_channel};
use crate::market::Market;
use crate::store::book_depth::{BookDepth, Level};

/// The event that publishes `depth` within the size limit of its channel: while it is too large,
/// the worst price of the longer side is left out.
///
/// `None`: not even an empty book fits.
pub fn event(
    market: &Market,
    sequence: i64,
    depth: BookDepth,
    limits: SizeLimits,
) -> Option<NewEvent> {
    let channel = market_channel(&market.symbol);
    let limit = limits.of(&channel);
    let level = |level: Level| BookLevel {
        price: level.price.into(),
        amount: DecimalString { units: level.units },
    };
    let bids = depth.bids.into_iter().map(level).collect();
    let asks = depth.asks.into_iter().map(level).collect();
    let mut payload = BookUpdated::new(market, sequence, depth.version, bids, asks);
    loop {
        let data = serde_json::to_string(&payload).expect("numbers and strings are valid JSON");
        if data.len() <= limit {
            let kind = EventKind::BookUpdated;
            return Some(NewEvent { channel, kind, custom_name: None, data, socket_id: None });
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
    use super::event;
    use crate::events::SizeLimits;
    use crate::market::{AssetId, CommissionRates, Fixed, Market, MarketId, Rules};
    use crate::store::book_depth::{BookDepth, Level};

    /// The longest possible symbol and id.
    fn market() -> Market {
        Market {
            id: MarketId(i32::MAX),
            symbol: "ABCDEFGHIJKLMNOP".to_owned(),
            base: AssetId(2),
            quote: AssetId(1),
            commission: CommissionRates::NONE,
            rules: Rules::NONE,
        }
    }

    /// A book with this many prices a side, each with the digits of a million full accounts.
    fn book(bids: usize, asks: usize) -> BookDepth {
        let level = Level { price: Fixed::MAX, units: i128::from(i64::MAX) * 1_000_000 };
        BookDepth {
            version: i64::MAX,
            published: i64::MAX,
            bids: vec![level; bids],
            asks: vec![level; asks],
        }
    }

    fn lengths(limit: usize, bids: usize, asks: usize) -> Option<(usize, usize)> {
        let event = event(
            &market(),
            i64::MAX,
            book(bids, asks),
            SizeLimits { plain: limit, ..SizeLimits::UNLIMITED },
        )?;
        assert!(event.data.len() <= limit, "{} of {limit}", event.data.len());
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        let len = |side: &str| data[side].as_array().unwrap().len();
        Some((len("bids"), len("asks")))
    }

    #[test]
    fn the_deepest_configurable_book_stays_far_below_the_size_limit() {
        assert_eq!(lengths(6_000, 50, 50), Some((50, 50)));
    }

    #[test]
    fn the_worst_prices_of_the_longer_side_are_left_out_first() {
        for (limit, bids, asks, expected) in [
            // An empty book has 167 bytes, each price 47, and a comma where it is not the first.
            (10_240, 3, 2, Some((3, 2))),
            (360, 3, 2, Some((2, 2))),
            (310, 3, 2, Some((1, 2))),
            (260, 3, 2, Some((0, 1))),
            (262, 50, 0, Some((2, 0))),
            (262, 0, 50, Some((0, 2))),
            (170, 50, 50, Some((0, 0))),
            (166, 50, 50, None),
            (166, 0, 0, None),
        ] {
            assert_eq!(lengths(limit, bids, asks), expected, "{limit} {bids} {asks}");
        }
        let level = |units| Level { price: Fixed::from_units(units), units: 1 };
        let book = BookDepth {
            version: 1,
            bids: vec![level(3), level(2), level(1)],
            ..BookDepth::default()
        };
        let event =
            event(&market(), 1, book, SizeLimits { plain: 152, ..SizeLimits::UNLIMITED }).unwrap();
        assert!(event.data.contains("0.00000003"), "{}", event.data);
        assert!(!event.data.contains("0.00000002"), "{}", event.data);
    }
}
