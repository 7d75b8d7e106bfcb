//! Scenarios for matching and reservations.

use std::panic::{AssertUnwindSafe, catch_unwind};

use matchcast::market::{
    Book, CommissionRates, Fixed, MarketId, NewOrder, OrderId, Priority, Side, UserId,
};

use super::script::check;

#[test]
fn two_users_trade_and_the_house_receives_the_commission() {
    check(
        "one buy order, one sell order",
        "ann deposits 10000 USD          -> 10000
         bob deposits 1 BTC              -> 1
         ann buys 0.1 BTC at 50000       -> open
         ann has 4925 USD, 5075 locked
         bob sells 0.1 BTC at 50000      -> filled: 0.1 at 50000
         ann has 4925 USD
         ann has 0.1 BTC
         bob has 5000 USD
         bob has 0.9 BTC
         house-BTC has 75 USD
         house-ETH has 0 USD
         order 1 is filled, 0.1 filled, 0 reserved",
    );
}

#[test]
fn orders_match_by_price_and_then_by_arrival() {
    for (name, script) in [
        (
            "lowest ask first, equal prices by arrival, at the maker's price",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             cyd deposits 10 BTC          -> 10
             bob sells 1 BTC at 102       -> open
             bob sells 1 BTC at 101       -> open
             cyd sells 1 BTC at 100       -> open
             bob sells 1 BTC at 100       -> open
             ann buys 3.5 BTC at 105      -> filled: 1 at 100, 1 at 100, 1 at 101, 0.5 at 102
             order 3 is filled, 1 filled, 0 reserved
             order 1 is open, 0.5 filled, 0.5 reserved
             cyd has 100 USD",
        ),
        (
            "highest bid first, equal prices by arrival, at the maker's price",
            "ann deposits 10000 USD       -> 10000
             cyd deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             ann buys 1 BTC at 98         -> open
             ann buys 1 BTC at 99         -> open
             cyd buys 1 BTC at 100        -> open
             ann buys 1 BTC at 100        -> open
             bob sells 3.5 BTC at 90      -> filled: 1 at 100, 1 at 100, 1 at 99, 0.5 at 98
             bob has 348 USD
             cyd has 1 BTC",
        ),
        (
            "a partly filled order keeps its place in the queue",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             cyd deposits 10 BTC          -> 10
             bob sells 2 BTC at 100       -> open
             cyd sells 2 BTC at 100       -> open
             ann buys 1 BTC at 100        -> filled: 1 at 100
             ann buys 2 BTC at 100        -> filled: 1 at 100, 1 at 100
             order 1 is filled, 2 filled, 0 reserved
             order 2 is open, 1 filled, 1 reserved",
        ),
        (
            "orders of different markets do not match",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             bob sells 1 BTC at 100       -> open
             ann buys 1 ETH at 100        -> open
             ann has 9898.5 USD, 101.5 locked",
        ),
        (
            "a price one unit too low does not match",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             bob sells 1 BTC at 100       -> open
             ann buys 1 BTC at 99.99999999 -> open
             ann buys 1 BTC at 100        -> filled: 1 at 100",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn a_fill_has_the_smaller_of_the_remaining_amounts() {
    for (name, script) in [
        (
            "the incoming order is larger: its remainder rests in the book",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             bob sells 0.4 BTC at 100     -> open
             ann buys 1 BTC at 100        -> open: 0.4 at 100
             order 2 is open, 0.4 filled, 60.9 reserved
             ann has 9898.5 USD, 60.9 locked
             ann has 0.4 BTC",
        ),
        (
            "the resting order is larger: its remainder stays in the book",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             bob sells 1 BTC at 100       -> open
             ann buys 0.3 BTC at 100      -> filled: 0.3 at 100
             order 1 is open, 0.3 filled, 0.7 reserved
             bob has 9 BTC, 0.7 locked",
        ),
        (
            "the smallest possible amount",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             bob sells 1e-8 BTC at 100000000 -> open
             ann buys 1e-8 BTC at 1e8     -> filled: 0.00000001 at 100000000
             bob has 1 USD",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn an_order_reserves_its_maximum_cost() {
    for (name, script) in [
        (
            "a buy order reserves its value and the commission",
            "ann deposits 101.5 USD       -> 101.5
             ann buys 1 BTC at 100        -> open
             ann has 0 USD, 101.5 locked",
        ),
        (
            "a balance one unit too small is insufficient",
            "ann deposits 101.49999999 USD -> 101.49999999
             ann buys 1 BTC at 100        -> InsufficientFunds(Buy)
             ann has 101.49999999 USD",
        ),
        (
            "a sell order reserves its amount",
            "bob deposits 1 BTC           -> 1
             bob sells 1.00000001 BTC at 100 -> InsufficientFunds(Sell)
             bob sells 1 BTC at 100       -> open
             bob has 0 BTC, 1 locked
             bob sells 1e-8 BTC at 100    -> InsufficientFunds(Sell)",
        ),
        (
            "a locked balance cannot be spent again",
            "ann deposits 150 USD         -> 150
             ann buys 1 BTC at 100        -> open
             ann buys 1 ETH at 100        -> InsufficientFunds(Buy)
             ann cancels 1                -> cancelled
             ann buys 1 ETH at 100        -> open",
        ),
        (
            "a rejected order does not enter the book",
            "ann deposits 100 USD         -> 100
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> InsufficientFunds(Buy)
             bob sells 1 BTC at 100       -> open",
        ),
        (
            "proceeds can be spent immediately",
            "ann deposits 203 USD         -> 203
             bob deposits 2 BTC           -> 2
             ann buys 2 BTC at 100        -> open
             bob sells 2 BTC at 100       -> filled: 2 at 100
             bob buys 1 ETH at 100        -> open
             bob has 98.5 USD, 101.5 locked",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn a_better_price_refunds_the_difference() {
    for (name, script) in [
        (
            "the order is filled completely",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             bob sells 1 BTC at 80        -> open
             ann buys 1 BTC at 100        -> filled: 1 at 80
             ann has 918.8 USD
             bob has 80 USD
             house-BTC has 1.2 USD",
        ),
        (
            "the order is filled partly: the remainder stays reserved at its limit price",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             bob sells 0.5 BTC at 80      -> open
             ann buys 1 BTC at 100        -> open: 0.5 at 80
             order 2 is open, 0.5 filled, 50.75 reserved
             ann has 908.65 USD, 50.75 locked",
        ),
        (
            "a sell order trades at the price of the resting bid",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             bob sells 1 BTC at 80        -> filled: 1 at 100
             ann has 898.5 USD
             bob has 100 USD",
        ),
    ] {
        check(name, script);
    }
}

/// Otherwise an incomplete book would lead to a wrong match instead of a visible bug.
#[test]
fn matching_panics_beyond_the_loaded_part_of_the_book() {
    let price = Fixed::from_units(100);
    let mut book = Book::default();
    let next_match = |book: &Book, side| {
        catch_unwind(AssertUnwindSafe(|| book.next_match(side, price))).map_err(|_| "panics")
    };
    assert_eq!(next_match(&book, Side::Sell), Err("panics"), "nothing is loaded");

    let new = NewOrder::gtc(UserId(1), MarketId(1), Side::Sell, price, price);
    let order = new.open(OrderId(7), price, CommissionRates::NONE.of(Side::Sell)).unwrap();
    book.insert(&order);
    book.set_known_to(Side::Sell, Priority::of(&order));
    assert_eq!(next_match(&book, Side::Sell), Ok(Some(OrderId(7))));
    book.remove(&order);
    assert_eq!(next_match(&book, Side::Sell), Err("panics"), "nothing after order 7 is loaded");

    book.set_known_up_to(Side::Sell, price);
    assert_eq!(next_match(&book, Side::Sell), Ok(None));
    assert_eq!(next_match(&book, Side::Buy), Err("panics"), "the other side is not loaded");
}
