//! Commission, rounding, self-trade, cancelling, deposits and the end of the range, as scenarios.

use super::script::check;

#[test]
fn commission_is_cumulative_and_rounds_in_favour_of_the_house() {
    for (name, script) in [
        (
            "three fills of one order pay what one would",
            // 1.5 % of 0.00000033 is less than a unit; of three of them too.
            "ann deposits 1 USD           -> 1
             bob deposits 1 BTC           -> 1
             ann buys 99e-8 BTC at 1      -> open
             bob sells 33e-8 BTC at 1     -> filled: 0.00000033 at 1
             house-BTC has 1e-8 USD
             bob sells 33e-8 BTC at 1     -> filled: 0.00000033 at 1
             house-BTC has 1e-8 USD
             bob sells 33e-8 BTC at 1     -> filled: 0.00000033 at 1
             house-BTC has 2e-8 USD
             ann has 0.99999899 USD",
        ),
        (
            "an order keeps the rates that it was placed under",
            "ann deposits 1000 USD        -> 1000
             bob deposits 2 BTC           -> 2
             ann buys 2 BTC at 100        -> open
             rates 0.5 0.1
             bob sells 2 BTC at 100       -> filled: 2 at 100
             ann has 797 USD
             bob has 180 USD
             house-BTC has 23 USD",
        ),
        (
            "each market has a house of its own",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             bob deposits 1 ETH           -> 1
             bob sells 1 BTC at 100       -> open
             bob sells 1 ETH at 200       -> open
             ann buys 1 BTC at 100        -> filled: 1 at 100
             ann buys 1 ETH at 200        -> filled: 1 at 200
             house-BTC has 1.5 USD
             house-ETH has 3 USD",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn the_sellers_commission_comes_out_of_the_proceeds() {
    for (name, script) in [
        (
            "the seller's share is taken from the proceeds",
            "rates 0.015 0.01
             ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             bob sells 1 BTC at 100       -> filled: 1 at 100
             ann has 898.5 USD
             bob has 99 USD
             house-BTC has 2.5 USD",
        ),
        (
            "the seller's share is cumulative too",
            "rates 0 0.01
             ann deposits 1 USD           -> 1
             bob deposits 1 BTC           -> 1
             bob sells 60e-8 BTC at 1     -> open
             ann buys 30e-8 BTC at 1      -> filled: 0.0000003 at 1
             bob has 29e-8 USD
             ann buys 30e-8 BTC at 1      -> filled: 0.0000003 at 1
             bob has 59e-8 USD
             house-BTC has 1e-8 USD",
        ),
        (
            "a rate of one takes all that the seller gets",
            "rates 1 1
             ann deposits 200 USD         -> 200
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             bob sells 1 BTC at 100       -> filled: 1 at 100
             bob has 0 USD
             house-BTC has 200 USD",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn values_round_down_and_what_is_over_goes_back() {
    for (name, script) in [
        (
            "a value below one unit is nothing",
            "ann deposits 1 USD           -> 1
             bob deposits 1 BTC           -> 1
             bob sells 0.5 BTC at 1e-8    -> open
             ann buys 0.5 BTC at 1e-8     -> filled: 0.5 at 0.00000001
             ann has 1 USD
             bob has 0 USD
             house-BTC has 0 USD
             ann has 0.5 BTC",
        ),
        (
            "each fill rounds down; the order paid for one unit and used none",
            "rates 0 0
             ann deposits 1 USD           -> 1
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 1e-8       -> open
             ann has 0.99999999 USD, 1e-8 locked
             bob sells 0.5 BTC at 1e-8    -> filled: 0.5 at 0.00000001
             ann has 1 USD
             bob sells 0.5 BTC at 1e-8    -> filled: 0.5 at 0.00000001
             ann has 1 USD
             bob has 0 USD",
        ),
        (
            "an order that costs nothing needs no money",
            "bob deposits 1 BTC           -> 1
             ann buys 1e-8 BTC at 1e-8    -> open
             ann has 0 USD
             bob sells 1e-8 BTC at 1e-8   -> filled: 0.00000001 at 0.00000001
             ann has 1e-8 BTC",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn nobody_trades_with_themselves() {
    for (name, script) in [
        (
            "the incoming order is cancelled, the resting one stays",
            "ann deposits 1000 USD        -> 1000
             ann deposits 1 BTC           -> 1
             ann sells 1 BTC at 100       -> open
             ann buys 1 BTC at 100        -> cancelled
             ann has 1000 USD
             order 1 is open, 0 filled, 1 reserved
             order 2 is cancelled, 0 filled, 0 reserved",
        ),
        (
            "what stands before the own order is filled, only the rest is cancelled",
            "ann deposits 1000 USD        -> 1000
             ann deposits 1 BTC           -> 1
             bob deposits 1 BTC           -> 1
             bob sells 1 BTC at 99        -> open
             ann sells 1 BTC at 100       -> open
             bob sells 1 BTC at 100       -> InsufficientFunds(Sell)
             ann buys 3 BTC at 100        -> cancelled: 1 at 99
             ann has 899.515 USD
             ann has 1 BTC, 1 locked",
        ),
        (
            "nothing behind the own order is reached",
            "ann deposits 1000 USD        -> 1000
             ann deposits 1 BTC           -> 1
             bob deposits 1 BTC           -> 1
             ann sells 1 BTC at 100       -> open
             bob sells 1 BTC at 100       -> open
             ann buys 1 BTC at 100        -> cancelled
             order 2 is open, 0 filled, 1 reserved",
        ),
        (
            "an own order out of reach is in nobody's way",
            "ann deposits 1000 USD        -> 1000
             ann deposits 1 BTC           -> 1
             ann sells 1 BTC at 100       -> open
             ann buys 1 BTC at 99         -> open",
        ),
        (
            "a sell that meets the own bid",
            "ann deposits 1000 USD        -> 1000
             ann deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             ann sells 1 BTC at 90        -> cancelled
             ann has 1 BTC
             ann has 898.5 USD, 101.5 locked",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn cancelling_gives_back_what_is_still_reserved() {
    for (name, script) in [
        (
            "a buy, partly filled",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             bob sells 0.25 BTC at 100    -> filled: 0.25 at 100
             ann cancels 1                -> cancelled
             order 1 is cancelled, 0.25 filled, 0 reserved
             ann has 974.625 USD
             ann has 0.25 BTC",
        ),
        (
            "a sell, and nobody meets it any more",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             bob sells 1 BTC at 100       -> open
             bob cancels 1                -> cancelled
             bob has 1 BTC
             ann buys 1 BTC at 100        -> open",
        ),
        (
            "what is filled stays filled",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             bob sells 1 BTC at 100       -> filled: 1 at 100
             ann cancels 1                -> OrderNotOpen
             bob cancels 2                -> OrderNotOpen
             ann has 898.5 USD",
        ),
        (
            "twice is once",
            "ann deposits 1000 USD        -> 1000
             ann buys 1 BTC at 100        -> open
             ann cancels 1                -> cancelled
             ann cancels 1                -> OrderNotOpen
             ann has 1000 USD",
        ),
        (
            "another's order and no order at all look the same",
            "ann deposits 1000 USD        -> 1000
             ann buys 1 BTC at 100        -> open
             bob cancels 1                -> OrderNotFound
             bob cancels 99               -> OrderNotFound
             ann cancels 0                -> OrderNotFound
             ann cancels -1               -> OrderNotFound
             order 1 is open, 0 filled, 101.5 reserved",
        ),
        (
            "an order that was refused cannot be cancelled",
            "ann buys 1 BTC at 100        -> InsufficientFunds(Buy)
             ann cancels 1                -> OrderNotFound",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn deposits_add_up_and_are_counted() {
    check(
        "a limit of two",
        "ann deposits 1 USD of at most 2 -> 1
         ann deposits 2.5 USD of at most 2 -> 3.5
         ann deposits 1 USD of at most 2 -> DepositLimit
         ann deposits 1 BTC of at most 2 -> 1
         bob deposits 1 USD of at most 2 -> 1
         ann has 3.5 USD",
    );
}

#[test]
fn nothing_leaves_the_range() {
    for (name, script) in [
        (
            "the value of an order",
            "ann buys max BTC at max         -> OutOfRange
             ann sells max BTC at 1.00000001 -> OutOfRange
             ann buys 303700050 BTC at 303.7 -> OutOfRange",
        ),
        (
            "the commission on a value that itself fits",
            "ann deposits max USD         -> 92233720368.54775807
             ann buys max BTC at 1        -> OutOfRange
             rates 0 0
             ann buys max BTC at 1        -> open
             ann has 0 USD, max locked",
        ),
        (
            "a deposit on a full account",
            "ann deposits max USD         -> 92233720368.54775807
             ann deposits 1e-8 USD        -> OutOfRange
             ann has max USD",
        ),
        (
            "a deposit beside what is locked: the order can still be cancelled",
            "rates 0 0
             ann deposits max USD         -> 92233720368.54775807
             ann buys max BTC at 1        -> open
             ann deposits 1e-8 USD        -> OutOfRange
             ann cancels 1                -> cancelled
             ann has max USD",
        ),
    ] {
        check(name, script);
    }
}

/// It was a panic: the order failed, and with it every later one that met the same bid.
#[test]
fn a_fill_that_somebody_cannot_hold_cancels_the_incoming_order() {
    for (name, script) in [
        (
            "the buyer's account is full",
            "ann deposits max BTC         -> 92233720368.54775807
             ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             bob sells 1 BTC at 100       -> cancelled
             bob has 1 BTC
             bob has 0 USD
             order 1 is open, 0 filled, 101.5 reserved",
        ),
        (
            "the seller's account is full",
            "bob deposits max USD         -> 92233720368.54775807
             bob deposits 1 BTC           -> 1
             ann deposits 1000 USD        -> 1000
             bob sells 1 BTC at 100       -> open
             ann buys 1 BTC at 100        -> cancelled
             ann has 1000 USD",
        ),
    ] {
        check(name, script);
    }
}
