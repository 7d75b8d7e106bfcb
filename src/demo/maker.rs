//! The maker's quotes: a ladder of prices on each side of the market, which follows its price.
//!
//! The quotes are what the database has, and nothing is remembered: so the ladder is whole again
//! after a restart, in another process, and when people have bought from it.

use rand::Rng;

use crate::market::{OrderId, Side};

/// From the price to the first quote, in steps.
const HALF_SPREAD: i64 = 6;
/// From one quote to the next.
const GAP: i64 = 8;
/// A quote stays while it is no farther from its place.
const TOLERANCE: i64 = GAP / 2;
/// A new quote is up to so far from its place.
const JITTER: i64 = 2;
/// The sizes of quotes; those farther from the price are larger.
const SIZES: std::ops::Range<i64> = 80..400;

/// A resting order of the maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub order: OrderId,
    pub side: Side,
    /// In steps.
    pub price: i64,
}

/// What the maker does next. Prices and sizes are in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Place { side: Side, price: i64, size: i64 },
    Move { order: OrderId, price: i64 },
    Withdraw { order: OrderId },
}

/// How far the price of a quote is from that of the market: positive on its own side.
fn distance(side: Side, market_price: i64, price: i64) -> i64 {
    match side {
        Side::Buy => market_price - price,
        Side::Sell => price - market_price,
    }
}

/// The changes after which each side has `levels` quotes in their places, `most` at most: the
/// quotes that are nearest to the price first.
///
/// A moved or new quote never crosses one of the maker's own.
pub fn changes(
    rng: &mut impl Rng,
    quotes: &[Quote],
    market_price: i64,
    levels: i64,
    most: usize,
) -> Vec<Change> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for side in [Side::Buy, Side::Sell] {
        wanted.extend(of_side(quotes, side, market_price, levels));
    }
    wanted.sort_by_key(|wanted| (!wanted.is_urgent, wanted.level));
    let mut book: Vec<Quote> = quotes.to_vec();
    let mut changes = Vec::new();
    for Wanted { side, level, quote, .. } in wanted.into_iter().take(most) {
        let Some(level) = level else {
            book.retain(|known| Some(known.order) != quote);
            changes.extend(quote.map(|order| Change::Withdraw { order }));
            continue;
        };
        let jitter = rng.random_range(-JITTER..=JITTER);
        let away = place_of(level) + jitter;
        let price = match side {
            Side::Buy => market_price - away,
            Side::Sell => market_price + away,
        };
        let price = not_crossing(&book, side, price);
        match quote {
            Some(order) => {
                for known in book.iter_mut().filter(|known| known.order == order) {
                    known.price = price;
                }
                changes.push(Change::Move { order, price });
            }
            None => {
                let size = rng.random_range(SIZES) * (4 + level) / 4;
                changes.push(Change::Place { side, price, size });
            }
        }
    }
    changes
}

/// A place without a quote, or a quote without a place.
struct Wanted {
    side: Side,
    /// Of the place. `None`: there are too many quotes.
    level: Option<i64>,
    /// To be moved there. `None`: a new one.
    quote: Option<OrderId>,
    /// The quote is too close to the price, or beyond it.
    is_urgent: bool,
}

/// How far from the price the place of a level is.
const fn place_of(level: i64) -> i64 {
    HALF_SPREAD + level * GAP
}

/// Both the quotes and the places are in order, so one pass finds which quote is in which place.
fn of_side(quotes: &[Quote], side: Side, market_price: i64, levels: i64) -> Vec<Wanted> {
    let of_side = quotes.iter().filter(|quote| quote.side == side);
    let mut known: Vec<(i64, OrderId)> =
        of_side.map(|quote| (distance(side, market_price, quote.price), quote.order)).collect();
    known.sort_unstable();
    let mut known = known.into_iter().peekable();
    let (mut strays, mut empty) = (Vec::new(), Vec::new());
    for level in 0..levels {
        let place = place_of(level);
        while let Some(stray) = known.next_if(|(distance, _)| *distance < place - TOLERANCE) {
            strays.push(stray);
        }
        if known.next_if(|(distance, _)| *distance <= place + TOLERANCE).is_none() {
            empty.push(level);
        }
    }
    strays.extend(known);
    let is_too_close = |distance: i64| distance < HALF_SPREAD - TOLERANCE;
    let mut strays = strays.into_iter();
    let mut wanted: Vec<Wanted> = Vec::new();
    for level in empty {
        let stray = strays.next();
        wanted.push(Wanted {
            side,
            level: Some(level),
            quote: stray.map(|(_, order)| order),
            is_urgent: stray.is_some_and(|(distance, _)| is_too_close(distance)),
        });
    }
    wanted.extend(strays.map(|(distance, order)| Wanted {
        side,
        level: None,
        quote: Some(order),
        is_urgent: is_too_close(distance),
    }));
    wanted
}

/// The price, or the nearest one at which it does not match the maker's own quotes.
fn not_crossing(book: &[Quote], side: Side, price: i64) -> i64 {
    let opposite = book.iter().filter(|quote| quote.side != side).map(|quote| quote.price);
    match side {
        Side::Buy => opposite.min().map_or(price, |ask| price.min(ask - 1)),
        Side::Sell => opposite.max().map_or(price, |bid| price.max(bid + 1)),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const LEVELS: i64 = 10;

    /// The maker's side of a market: its quotes, and the number of orders so far.
    #[derive(Default)]
    struct Book {
        quotes: Vec<Quote>,
        orders: i64,
    }

    impl Book {
        /// Makes the changes; returns their number.
        fn follow(&mut self, rng: &mut StdRng, price: i64, most: usize) -> usize {
            let changes = changes(rng, &self.quotes, price, LEVELS, most);
            for change in &changes {
                match *change {
                    Change::Place { side, price, size } => {
                        assert!(size > 0);
                        self.orders += 1;
                        self.quotes.push(Quote { order: OrderId(self.orders), side, price });
                    }
                    Change::Move { order, price } => {
                        let quote = self.quotes.iter_mut().find(|quote| quote.order == order);
                        quote.unwrap().price = price;
                    }
                    Change::Withdraw { order } => self.quotes.retain(|q| q.order != order),
                }
                let of = |side| self.quotes.iter().filter(move |quote| quote.side == side);
                let bid = of(Side::Buy).map(|quote| quote.price).max();
                let ask = of(Side::Sell).map(|quote| quote.price).min();
                assert!(bid.zip(ask).is_none_or(|(bid, ask)| bid < ask), "{change:?}");
            }
            changes.len()
        }

        fn check(&self, price: i64) {
            for side in [Side::Buy, Side::Sell] {
                let of_side = self.quotes.iter().filter(|quote| quote.side == side);
                let mut distances: Vec<i64> =
                    of_side.map(|quote| distance(side, price, quote.price)).collect();
                distances.sort_unstable();
                assert_eq!(distances.len(), usize::try_from(LEVELS).unwrap());
                for (level, distance) in (0..).zip(distances) {
                    assert!((distance - place_of(level)).abs() <= TOLERANCE, "{level} {distance}");
                }
            }
        }
    }

    #[test]
    fn the_ladder_is_whole_after_few_changes_wherever_the_price_goes() {
        let mut rng = StdRng::seed_from_u64(3);
        let mut book = Book::default();
        assert_eq!(book.follow(&mut rng, 60_000, usize::MAX), 20);
        book.check(60_000);
        for price in [60_003, 59_997, 60_040, 59_000, 59_001, 61_000] {
            for _ in 0..3 {
                book.follow(&mut rng, price, usize::MAX);
            }
            book.check(price);
            assert_eq!(book.follow(&mut rng, price, usize::MAX), 0, "nothing is left to do");
        }
        assert_eq!(book.orders, 20, "quotes are moved, and none is placed anew");
    }

    #[test]
    fn quotes_that_were_filled_are_placed_anew_and_too_many_are_withdrawn() {
        let mut rng = StdRng::seed_from_u64(4);
        let mut book = Book::default();
        book.follow(&mut rng, 60_000, usize::MAX);
        let best = book.quotes.iter().position(|quote| quote.side == Side::Sell).unwrap();
        book.quotes.remove(best);
        assert_eq!(book.follow(&mut rng, 60_000, usize::MAX), 1);
        book.check(60_000);
        book.quotes.push(Quote { order: OrderId(999), side: Side::Buy, price: 50_000 });
        assert_eq!(book.follow(&mut rng, 60_000, usize::MAX), 1);
        book.check(60_000);
    }

    #[test]
    fn one_change_at_a_time_moves_the_quotes_near_the_price_first() {
        let mut rng = StdRng::seed_from_u64(5);
        let mut book = Book::default();
        for _ in 0..20 {
            assert_eq!(book.follow(&mut rng, 60_000, 1), 1);
        }
        book.check(60_000);
        // The first asks are too cheap now.
        let changes = changes(&mut rng, &book.quotes, 60_010, LEVELS, 1);
        let Some(Change::Move { order, .. }) = changes.first() else { panic!("{changes:?}") };
        let moved = book.quotes.iter().find(|quote| quote.order == *order).unwrap();
        assert_eq!(moved.side, Side::Sell);
    }
}
