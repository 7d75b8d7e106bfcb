//! Scenarios for commission, rounding, self-trades, cancelling, deposits and the range of amounts.

use super::script::check;

#[test]
fn commission_is_cumulative_and_rounds_up() {
    for (name, script) in [
        (
            "three fills of an order pay the same commission as one",
            // 1.5 % of one fill is less than one unit, and of all three it is less than two.
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
            "an order keeps the rates from the time it was placed",
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
            "each market has its own house account",
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
fn the_sellers_commission_is_deducted_from_the_proceeds() {
    for (name, script) in [
        (
            "buyer and seller pay their own rates",
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
            "the seller's commission is cumulative too",
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
            "a rate of 1 takes all proceeds",
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
fn makers_and_takers_pay_their_own_rates() {
    for (name, script) in [
        (
            "an order is a taker first, and a maker once it rests",
            "maker 0.001 taker 0.002
             ann deposits 1000 USD        -> 1000
             bob deposits 10 BTC          -> 10
             bob sells 1 BTC at 100       -> open
             ann buys 3 BTC at 100        -> open: 1 at 100
             ann has 699.4 USD, 200.4 locked
             bob has 99.9 USD
             house-BTC has 0.3 USD
             bob sells 2 BTC at 90        -> filled: 2 at 100
             ann has 699.6 USD
             bob has 299.5 USD
             house-BTC has 0.9 USD",
        ),
        (
            "the higher rate is reserved, whichever it is",
            "maker 0.01 taker 0
             ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             order 1 is open, 0 filled, 101 reserved
             bob sells 1 BTC at 100       -> filled: 1 at 100
             ann has 899 USD
             bob has 100 USD",
        ),
        (
            "an order keeps both of its rates",
            "maker 0.001 taker 0.002
             ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             maker 0.5 taker 0.5
             bob sells 1 BTC at 100       -> filled: 1 at 100
             ann has 899.9 USD
             bob has 50 USD",
        ),
        (
            "an order that is amended and matches is a taker",
            "maker 0.001 taker 0.002
             ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 90         -> open
             bob sells 1 BTC at 100       -> open
             ann amends 1 to at 100       -> filled: 1 at 100
             ann has 899.8 USD
             bob has 99.9 USD",
        ),
        (
            "commission on fills in both roles is rounded up once",
            "maker 0.1 taker 0.2
             ann deposits 1 USD           -> 1
             bob deposits 1 BTC           -> 1
             bob sells 1e-8 BTC at 1      -> open
             ann buys 5e-8 BTC at 1       -> open: 0.00000001 at 1
             house-BTC has 2e-8 USD
             bob sells 4e-8 BTC at 1      -> filled: 0.00000004 at 1
             house-BTC has 3e-8 USD",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn values_round_down_and_the_remainder_is_refunded() {
    for (name, script) in [
        (
            "a value below one unit is zero",
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
            "each fill rounds down, so the reserved unit is not used",
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
            "an order with a value of zero needs no balance",
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
fn a_self_trade_cancels_the_incoming_order() {
    for (name, script) in [
        (
            "the resting order stays open",
            "ann deposits 1000 USD        -> 1000
             ann deposits 1 BTC           -> 1
             ann sells 1 BTC at 100       -> open
             ann buys 1 BTC at 100        -> cancelled
             ann has 1000 USD
             order 1 is open, 0 filled, 1 reserved
             order 2 is cancelled, 0 filled, 0 reserved",
        ),
        (
            "orders ahead of the user's own order are filled, and the remainder is cancelled",
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
            "orders behind the user's own order are not matched",
            "ann deposits 1000 USD        -> 1000
             ann deposits 1 BTC           -> 1
             bob deposits 1 BTC           -> 1
             ann sells 1 BTC at 100       -> open
             bob sells 1 BTC at 100       -> open
             ann buys 1 BTC at 100        -> cancelled
             order 2 is open, 0 filled, 1 reserved",
        ),
        (
            "an own order at a price that does not match has no effect",
            "ann deposits 1000 USD        -> 1000
             ann deposits 1 BTC           -> 1
             ann sells 1 BTC at 100       -> open
             ann buys 1 BTC at 99         -> open",
        ),
        (
            "a sell order that matches the user's own bid",
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
fn cancelling_releases_the_remaining_reservation() {
    for (name, script) in [
        (
            "a partly filled buy order",
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
            "a sell order, which no longer matches",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             bob sells 1 BTC at 100       -> open
             bob cancels 1                -> cancelled
             bob has 1 BTC
             ann buys 1 BTC at 100        -> open",
        ),
        (
            "a filled order cannot be cancelled",
            "ann deposits 1000 USD        -> 1000
             bob deposits 1 BTC           -> 1
             ann buys 1 BTC at 100        -> open
             bob sells 1 BTC at 100       -> filled: 1 at 100
             ann cancels 1                -> OrderNotOpen
             bob cancels 2                -> OrderNotOpen
             ann has 898.5 USD",
        ),
        (
            "the second cancellation is rejected",
            "ann deposits 1000 USD        -> 1000
             ann buys 1 BTC at 100        -> open
             ann cancels 1                -> cancelled
             ann cancels 1                -> OrderNotOpen
             ann has 1000 USD",
        ),
        (
            "another user's order is reported as not found, like an unknown id",
            "ann deposits 1000 USD        -> 1000
             ann buys 1 BTC at 100        -> open
             bob cancels 1                -> OrderNotFound
             bob cancels 99               -> OrderNotFound
             ann cancels 0                -> OrderNotFound
             ann cancels -1               -> OrderNotFound
             order 1 is open, 0 filled, 101.5 reserved",
        ),
        (
            "a rejected order cannot be cancelled",
            "ann buys 1 BTC at 100        -> InsufficientFunds(Buy)
             ann cancels 1                -> OrderNotFound",
        ),
    ] {
        check(name, script);
    }
}

#[test]
fn deposits_are_credited_up_to_the_daily_limit() {
    check(
        "a limit of two per user and asset",
        "ann deposits 1 USD of at most 2 -> 1
         ann deposits 2.5 USD of at most 2 -> 3.5
         ann deposits 1 USD of at most 2 -> DepositLimit
         ann deposits 1 BTC of at most 2 -> 1
         bob deposits 1 USD of at most 2 -> 1
         ann has 3.5 USD",
    );
}

#[test]
fn commands_that_would_exceed_the_range_are_rejected() {
    for (name, script) in [
        (
            "the value of an order is too large",
            "ann buys max BTC at max         -> OutOfRange
             ann sells max BTC at 1.00000001 -> OutOfRange
             ann buys 303700050 BTC at 303.7 -> OutOfRange",
        ),
        (
            "the value fits but the commission on it does not",
            "ann deposits max USD         -> 92233720368.54775807
             ann buys max BTC at 1        -> OutOfRange
             rates 0 0
             ann buys max BTC at 1        -> open
             ann has 0 USD, max locked",
        ),
        (
            "a deposit to a full account",
            "ann deposits max USD         -> 92233720368.54775807
             ann deposits 1e-8 USD        -> OutOfRange
             ann has max USD",
        ),
        (
            "locked amounts count, so that a cancellation always fits",
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

/// This used to panic: the order failed, as did every later order that matched the same bid.
#[test]
fn a_fill_that_would_overflow_an_account_cancels_the_incoming_order() {
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
