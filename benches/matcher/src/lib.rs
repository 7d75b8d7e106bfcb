//! The same stream of limit orders for matchcast and for other order books in Rust.
//!
//! Each implements [`Matcher`], which counts what was traded, so that a comparison can show that
//! all of them did the same work: price-time priority at the maker's price, with partial fills.

mod books;
mod matchcast_book;
mod matchcast_market;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub use books::{Lobster, Matchcore, OrderbookRs};
pub use matchcast_book::MatchingAlone;
pub use matchcast_market::WithAccounts;

/// Prices are within this many ticks around [`MIDDLE`].
const SPREAD: i64 = 50;
const MIDDLE: i64 = 50_000;
const MAX_AMOUNT: i64 = 100;
const SEED: u64 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Buy,
    Sell,
}

/// An order that rests until it is filled.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub id: i64,
    pub side: Side,
    /// In ticks.
    pub price: i64,
    /// In lots.
    pub amount: i64,
}

/// What was traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traded {
    pub trades: u64,
    pub amount: u64,
    /// Price × amount, summed.
    pub value: u64,
}

impl Traded {
    pub(crate) fn add(&mut self, price: u64, amount: u64) {
        self.trades += 1;
        self.amount += amount;
        self.value += price * amount;
    }
}

/// An empty book.
pub trait Matcher {
    fn new(orders: usize) -> Self;

    /// Places the orders one after the other.
    fn place(&mut self, orders: &[Order]) -> Traded;
}

/// A stream in which about half of the orders rest for a while. It is the same each time.
pub fn orders(count: usize) -> Vec<Order> {
    let mut random = StdRng::seed_from_u64(SEED);
    let ids = 1..=i64::try_from(count).expect("a small number");
    ids.map(|id| Order {
        id,
        side: if random.random() { Side::Buy } else { Side::Sell },
        price: MIDDLE + random.random_range(-SPREAD..=SPREAD),
        amount: random.random_range(1..=MAX_AMOUNT),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traded<M: Matcher>(orders: &[Order]) -> Traded {
        M::new(orders.len()).place(orders)
    }

    #[test]
    fn all_books_trade_the_same() {
        let orders = orders(5_000);
        let expected = traded::<MatchingAlone>(&orders);
        assert!(expected.trades > 1_000, "{expected:?}");
        assert_eq!(traded::<WithAccounts>(&orders), expected);
        assert_eq!(traded::<Matchcore>(&orders), expected);
        assert_eq!(traded::<OrderbookRs>(&orders), expected);
        assert_eq!(traded::<Lobster>(&orders), expected);
    }
}
