//! Each rule of the market as a scenario.

use std::panic::{AssertUnwindSafe, catch_unwind};

use matchcast::market::{Book, Fixed, OrderId, Priority, Side};

use super::script::check;

#[test]
fn the_scenario_that_this_is_made_for() {
    check(
        "two people trade",
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
fn the_best_price_comes_first_and_then_the_earliest() {
    for (name, script) in [
        (
            "cheapest ask first, equal prices by arrival, at the maker's price",
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
            "dearest bid first, equal prices by arrival, at the maker's price",
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
            "an order that was partly filled keeps its place",
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
            "markets do not meet",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             bob sells 1 BTC at 100       -> open
             ann buys 1 ETH at 100        -> open
             ann has 9898.5 USD, 101.5 locked",
        ),
        (
            "out of reach is out of reach",
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
fn a_fill_takes_as_much_as_both_have_left() {
    for (name, script) in [
        (
            "the incoming order is larger: its rest waits",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             bob sells 0.4 BTC at 100     -> open
             ann buys 1 BTC at 100        -> open: 0.4 at 100
             order 2 is open, 0.4 filled, 60.9 reserved
             ann has 9898.5 USD, 60.9 locked
             ann has 0.4 BTC",
        ),
        (
            "the resting order is larger: its rest stays",
            "ann deposits 10000 USD       -> 10000
             bob deposits 10 BTC          -> 10
             bob sells 1 BTC at 100       -> open
             ann buys 0.3 BTC at 100      -> filled: 0.3 at 100
             order 1 is open, 0.3 filled, 0.7 reserved
             bob has 9 BTC, 0.7 locked",
        ),
        (
            "the smallest amount there is",
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
fn an_order_reserves_what_it_may_cost() {
    for (name, script) in [
        (
            "a buy: the value and the commission on it",
            "ann deposits 101.5 USD       -> 101.5
             ann buys 1 BTC at 100        -> open
             ann has 0 USD, 101.5 locked",
        ),
        (
            "one unit short of it",
            "ann deposits 101.49999999 USD -> 101.49999999
             ann buys 1 BTC at 100        -> InsufficientFunds(Buy)
             ann has 101.49999999 USD",
        ),
        (
            "a sell: the amount",
            "bob deposits 1 BTC           -> 1
             bob sells 1.00000001 BTC at 100 -> InsufficientFunds(Sell)
             bob sells 1 BTC at 100       -> open
             bob has 0 BTC, 1 locked
             bob sells 1e-8 BTC at 100    -> InsufficientFunds(Sell)",
        ),
        (
            "what is locked cannot be spent again",
            "ann deposits 150 USD         -> 150
             ann buys 1 BTC at 100        -> open
             ann buys 1 ETH at 100        -> InsufficientFunds(Buy)
             ann cancels 1                -> cancelled
             ann buys 1 ETH at 100        -> open",
        ),
        (
            "a refused order takes no place in the book",
            "ann deposits 100 USD         -> 100
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> InsufficientFunds(Buy)
             bob sells 1 BTC at 100       -> open",
        ),
        (
            "what was sold can be spent at once",
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
fn a_better_price_gives_back_what_it_saves() {
    for (name, script) in [
        (
            "in whole",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             bob sells 1 BTC at 80        -> open
             ann buys 1 BTC at 100        -> filled: 1 at 80
             ann has 918.8 USD
             bob has 80 USD
             house-BTC has 1.2 USD",
        ),
        (
            "in parts: the rest stays reserved at the limit",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             bob sells 0.5 BTC at 80      -> open
             ann buys 1 BTC at 100        -> open: 0.5 at 80
             order 2 is open, 0.5 filled, 50.75 reserved
             ann has 908.65 USD, 50.75 locked",
        ),
        (
            "a seller gets the bidder's price and gives back nothing",
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

/// What a batch's loader promises is held to: matching never decides about what it cannot see.
#[test]
fn matching_does_not_look_behind_what_was_loaded() {
    let price = Fixed::from_units(100);
    let mut book = Book::default();
    let looked = |book: &Book, side| {
        catch_unwind(AssertUnwindSafe(|| book.next_match(side, price))).map_err(|_| "asserts")
    };
    assert_eq!(looked(&book, Side::Sell), Err("asserts"), "nothing is known");

    book.insert(Side::Sell, price, OrderId(7));
    book.set_known_to(Side::Sell, Priority::new(Side::Sell, price, OrderId(7)));
    assert_eq!(looked(&book, Side::Sell), Ok(Some(OrderId(7))));
    book.remove(Side::Sell, price, OrderId(7));
    assert_eq!(looked(&book, Side::Sell), Err("asserts"), "behind the seventh nothing is known");

    book.set_known_up_to(Side::Sell, price);
    assert_eq!(looked(&book, Side::Sell), Ok(None));
    assert_eq!(looked(&book, Side::Buy), Err("asserts"), "the other side is another matter");
}
