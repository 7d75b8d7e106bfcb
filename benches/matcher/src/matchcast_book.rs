//! matchcast's book and its priorities, without accounts, reservations, commission and a ledger.

use std::collections::BTreeMap;

use matchcast::market::{
    Book, CommissionRates, Fixed, MarketId, NewOrder, Order as MarketOrder, OrderId, OrderRates,
    Side as MarketSide, Status, UserId,
};

use crate::{Matcher, Order, Side, Traded};

/// matchcast's book, and the orders in it.
pub struct MatchingAlone {
    book: Book,
    orders: BTreeMap<OrderId, MarketOrder>,
    rates: OrderRates,
}

impl Matcher for MatchingAlone {
    fn new(_: usize) -> Self {
        let rates = CommissionRates::BySide { buyer: Fixed::ZERO, seller: Fixed::ZERO };
        Self { book: whole_book(), orders: BTreeMap::new(), rates: rates.of(MarketSide::Buy) }
    }

    fn place(&mut self, orders: &[Order]) -> Traded {
        let mut traded = Traded::default();
        for order in orders {
            self.place_one(order, &mut traded);
        }
        traded
    }
}

impl MatchingAlone {
    fn place_one(&mut self, order: &Order, traded: &mut Traded) {
        let new = new_order(order);
        let taker = new.open(OrderId(order.id), new.limit(), self.rates);
        let mut taker = taker.expect("a value in range");
        taker.arrival = order.id;
        let resting = opposite(taker.side);
        while taker.remaining().is_positive() {
            let Some(id) = self.book.next_match(resting, taker.price) else { break };
            let maker = self.orders.get_mut(&id).expect("it is in the book");
            let amount = taker.remaining().min(maker.remaining());
            fill(maker, amount);
            fill(&mut taker, amount);
            traded.add(units(maker.price) / TICK, units(amount) / LOT);
            if maker.status != Status::Open {
                let maker = *maker;
                self.book.remove(&maker);
                self.orders.remove(&id);
            }
        }
        if taker.status == Status::Open {
            self.book.insert(&taker);
            self.orders.insert(taker.id, taker);
        }
    }
}

/// An empty book, of which no part is left in a database.
pub fn whole_book() -> Book {
    let mut book = Book::default();
    book.set_known_up_to(MarketSide::Buy, Fixed::UNIT);
    book.set_known_up_to(MarketSide::Sell, Fixed::MAX);
    book
}

/// Units of a tick and of a lot: a cent and a satoshi times a thousand.
pub const TICK: u64 = 100_000_000;
pub const LOT: u64 = 100_000;
const USERS: i64 = 1_000;

/// Buyers have even numbers and sellers odd ones, so that nobody trades with himself.
pub fn new_order(order: &Order) -> NewOrder {
    let user = 2 * (order.id % USERS) + 2;
    let (user, side) = match order.side {
        Side::Buy => (user, MarketSide::Buy),
        Side::Sell => (user + 1, MarketSide::Sell),
    };
    let fixed = |count: i64, unit: u64| {
        Fixed::from_units(count * i64::try_from(unit).expect("a small number"))
    };
    let (price, amount) = (fixed(order.price, TICK), fixed(order.amount, LOT));
    NewOrder::gtc(UserId(user), MarketId(1), side, price, amount)
}

/// The users of [`new_order`].
pub fn users() -> impl Iterator<Item = UserId> {
    (2..=2 * USERS + 1).map(UserId)
}

pub fn units(amount: Fixed) -> u64 {
    u64::try_from(amount.units()).expect("it is not negative")
}

fn opposite(side: MarketSide) -> MarketSide {
    match side {
        MarketSide::Buy => MarketSide::Sell,
        MarketSide::Sell => MarketSide::Buy,
    }
}

fn fill(order: &mut MarketOrder, amount: Fixed) {
    order.filled = order.filled.checked_add(amount).expect("at most its amount");
    if !order.remaining().is_positive() {
        order.status = Status::Filled;
    }
}
