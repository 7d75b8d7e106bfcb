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

    /// All resting orders in a list, searched for the best price and then the first arrival.
    struct Naive(Vec<Order>);

    impl Matcher for Naive {
        fn new(_: usize) -> Self {
            Self(Vec::new())
        }

        fn place(&mut self, orders: &[Order]) -> Traded {
            let mut traded = Traded::default();
            for order in orders {
                let mut order = *order;
                while order.amount > 0 {
                    let sign = if order.side == Side::Buy { 1 } else { -1 };
                    let matches =
                        |o: &&Order| o.side != order.side && sign * o.price <= sign * order.price;
                    let best = self.0.iter().filter(matches).min_by_key(|o| (sign * o.price, o.id));
                    let Some(id) = best.map(|best| best.id) else { break };
                    let at = self.0.iter().position(|o| o.id == id).unwrap();
                    let amount = order.amount.min(self.0[at].amount);
                    traded.add(self.0[at].price.unsigned_abs(), amount.unsigned_abs());
                    order.amount -= amount;
                    self.0[at].amount -= amount;
                    if self.0[at].amount == 0 {
                        self.0.remove(at);
                    }
                }
                if order.amount > 0 {
                    self.0.push(order);
                }
            }
            traded
        }
    }

    #[test]
    fn all_books_trade_the_same() {
        let orders = orders(5_000);
        let expected = traded::<MatchingAlone>(&orders);
        assert!(expected.trades > 1_000, "{expected:?}");
        assert_eq!(traded::<WithAccounts>(&orders), expected);
        assert_eq!(traded::<Naive>(&orders), expected);
        assert_eq!(traded::<OrderbookRs>(&orders), expected);
        assert_eq!(traded::<Lobster>(&orders), expected);
    }

    /// Version 0.4 trades more than there is. Once it does not, its figures can be compared.
    #[test]
    fn matchcore_does_not_do_the_same_work() {
        let orders = orders(5_000);
        assert!(traded::<Matchcore>(&orders).amount > traded::<Naive>(&orders).amount);
    }
}
